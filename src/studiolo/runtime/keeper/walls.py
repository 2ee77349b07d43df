"""The walls around a project: what bubblewrap is told.

Requirements:
1. Nothing of the machine is visible but /usr read-only, a small /etc, the environment, the agent's code and the home.
2. Own processes, network, ipc, host name, user and control group namespaces; new ones cannot be made.
3. No privilege can be gained, no terminal of ours be typed into, no environment variable of ours be read.
4. The project outlives us: nothing here dies with its parent.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper.network import NAME_SERVER
from studiolo.runtime.keeper.seccomp import seccomp_filter

AGENT = "/opt/studiolo/agent"
ENVIRONMENT = "/opt/studiolo/environment"
_SHARED_ETC = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The bubblewrap of this machine."""

    path: str
    options: frozenset[str]


def find_bubblewrap() -> Bubblewrap:
    """Return the machine's bubblewrap; raise RunnerUnavailable with the remedy."""
    try:
        answer = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunnerUnavailable(
            "bubblewrap is missing: `apt install bubblewrap` (or your system's package of that name), then start again."
        ) from error
    words = (answer.stdout + answer.stderr).split()
    return Bubblewrap("bwrap", frozenset(word for word in words if word.startswith("--")))


@dataclass(frozen=True, slots=True)
class Inside:
    """What one project finds inside its walls."""

    project_id: str
    home: str  # outside
    uid: int
    environment: str | None
    interpreter_roots: tuple[str, ...]  # where the environment's python really is, if not below /usr
    agent_code: str | None
    has_network: bool = False
    tmp_bytes: int | None = None

    @property
    def home_inside(self) -> str:
        """Return where the home is mounted."""
        return f"/projects/{self.project_id}"


class Descriptors:
    """Files in memory handed to bubblewrap, closed together."""

    def __init__(self) -> None:
        self.fds: list[int] = []

    def add(self, content: str | bytes) -> int:
        """Return a descriptor from which `content` can be read."""
        fd = os.memfd_create("studiolo", os.MFD_CLOEXEC)
        self.fds.append(fd)
        os.write(fd, content.encode() if isinstance(content, str) else content)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def close(self) -> None:
        """Close all."""
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()


def project_walls(bubblewrap: Bubblewrap, inside: Inside, files: Descriptors) -> list[str]:
    """Return the command that puts up the walls; what is to run inside is appended to it."""
    return [
        bubblewrap.path,
        *_namespaces(),
        *system_directories(),
        *_etc(inside, files),
        *_private_directories(bubblewrap, inside),
        *_software(inside),
        *("--bind", inside.home, inside.home_inside, "--chdir", inside.home_inside),
        *("--remount-ro", "/"),
        *_variables(inside),
        *denied_calls(bubblewrap, files),
    ]


def system_directories() -> list[str]:
    """Return the options that show /usr and the links to it as this machine has them."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    return options


def denied_calls(bubblewrap: Bubblewrap, files: Descriptors) -> list[str]:
    """Return the options that deny system calls: a filter, or where there is none at least user namespaces."""
    program = seccomp_filter(os.uname().machine)
    if program is not None:
        return ["--seccomp", str(files.add(program))]
    return ["--disable-userns"] if "--disable-userns" in bubblewrap.options else []


def _namespaces() -> list[str]:
    kinds = ("user", "ipc", "pid", "net", "uts", "cgroup-try")
    return [*(f"--unshare-{kind}" for kind in kinds), "--new-session", "--hostname", "studiolo"]


def _etc(inside: Inside, files: Descriptors) -> list[str]:
    uid, home = inside.uid, inside.home_inside
    texts = {
        "/etc/passwd": "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
        f"user:x:{uid}:{uid}:Project:{home}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "/etc/group": f"root:x:0:\nuser:x:{uid}:\nnogroup:x:65534:\n",
        "/etc/hosts": "127.0.0.1 localhost studiolo\n::1 localhost studiolo\n",
        "/etc/hostname": "studiolo\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    }
    if inside.has_network:
        texts["/etc/resolv.conf"] = f"nameserver {NAME_SERVER}\n"
    options: list[str] = []
    for path, text in texts.items():
        options += ["--perms", "0444", "--file", str(files.add(text)), path]
    for path in _SHARED_ETC:
        options += ["--ro-bind-try", path, path]
    return options


def _private_directories(bubblewrap: Bubblewrap, inside: Inside) -> list[str]:
    size: tuple[str, ...] = ()
    if inside.tmp_bytes is not None and "--size" in bubblewrap.options:
        size = ("--size", str(inside.tmp_bytes))
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777"),
        *size,
        *("--tmpfs", "/tmp"),  # noqa: S108 - the path inside, private to the project
        *("--dir", "/var", "--symlink", "../tmp", "/var/tmp"),  # noqa: S108 - as above
        *("--perms", "0700", "--dir", "/run/user"),
    ]


def _software(inside: Inside) -> list[str]:
    options: list[str] = []
    if inside.agent_code is not None:
        options += ["--ro-bind", inside.agent_code, AGENT]
    if inside.environment is not None:
        options += ["--ro-bind", inside.environment, ENVIRONMENT]
        if not inside.environment.startswith(("/usr/", "/opt/studiolo/")):
            # programs such as pip name their interpreter by the path where they were installed
            options += ["--symlink", ENVIRONMENT, inside.environment]
    for root in inside.interpreter_roots:
        options += ["--ro-bind", root, root]
    return options


def _variables(inside: Inside) -> list[str]:
    options = ["--clearenv"]
    for name, value in project_variables(inside.home_inside, ENVIRONMENT, inside.project_id).items():
        options += ["--setenv", name, value]
    return options


def project_variables(home: str, environment: str, project_id: str) -> dict[str, str]:
    """Return the environment variables of a project's processes."""
    return {
        "PATH": f"{home}/.local/bin:{environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "USER": "user",
        "LOGNAME": "user",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": "/run/user",
        "STUDIOLO_PROJECT_ID": project_id,
    }
