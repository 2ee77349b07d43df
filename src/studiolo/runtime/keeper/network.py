"""A network for one project: pasta, as the project's uid, carries its connections out and lets none in.

Sharing the machine's network instead would open everything that listens on its loopback, this server first.
pasta joins the sandbox's own network while the sandbox still waits behind `--block-fd`; it never hangs there, unlike
when it is started as root, and whatever happens is over in a few seconds.
"""

import fcntl
import os
import signal
from pathlib import Path

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper.execute import kill_child
from studiolo.runtime.keeper.linux import ProcessName, name_process
from studiolo.runtime.keeper.loop import Task, Wait
from studiolo.runtime.keeper.spawn import Launch, spawn

NAME_SERVER = "169.254.1.53"  # answered by pasta, from the machine's own resolver wherever that listens
_START_SECONDS = 5.0
_STEP_SECONDS = 0.01
_NS_GET_USERNS = 0xB701
_REMEDY = "Projects with a network need pasta: `apt install passt` (or your system's package), or switch it off."


def start_network(inner: int, owner: int | None, groups: tuple[str, ...]) -> Task[ProcessName]:
    """Connect the sandbox whose first process is `inner`; return pasta's name or raise RunnerUnavailable."""
    null = os.open(os.devnull, os.O_WRONLY)
    users = _users_of_network(inner)
    try:
        pid = spawn(
            Launch(
                ("pasta", *_options(), "--userns", f"/proc/self/fd/{users}", "--netns", f"/proc/{inner}/ns/net"),
                {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
                (users,),
                stderr=null,
                uid=owner,
                has_no_new_privileges=True,
                cgroups=tuple(f"{group}/cgroup.procs" for group in groups),
            )
        )
    except RunnerUnavailable as error:
        raise RunnerUnavailable(_REMEDY) from error
    finally:
        os.close(null)
        os.close(users)
    try:
        for _ in range(int(_START_SECONDS / _STEP_SECONDS)):
            name = name_process(pid)
            if name is None:
                break
            if _has_route(inner):
                return name
            yield Wait(None, _STEP_SECONDS)
    except BaseException:
        kill_child(pid)
        raise
    kill_child(pid)
    raise RunnerUnavailable(
        "The project's network did not come up: pasta could not connect it. Does this machine have a default route, "
        "and may user namespaces use /dev/net/tun?"
    )


def end_helpers(names: tuple[ProcessName, ...]) -> None:
    """Kill what served a sandbox that is gone."""
    for name in names:
        name.kill(signal.SIGKILL)


def _options() -> list[str]:
    closed = [word for option in ("-t", "-u", "-T", "-U") for word in (option, "none")]
    return ["--config-net", "--foreground", "--quiet", "--no-map-gw", "--dns-forward", NAME_SERVER, *closed]


def _users_of_network(inner: int) -> int:
    """Return a descriptor of the user namespace that owns the network: not the sandbox's last one, but that above."""
    network = os.open(f"/proc/{inner}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(network, _NS_GET_USERNS)
    finally:
        os.close(network)


def _has_route(inner: int) -> bool:
    """Tell whether the sandbox's network has a default route, of either protocol."""
    try:
        old = Path(f"/proc/{inner}/net/route").read_text().splitlines()[1:]
        new = Path(f"/proc/{inner}/net/ipv6_route").read_text().splitlines()
    except OSError:
        return False
    if any(line.split()[1] == "00000000" for line in old):
        return True
    return any(line.startswith("0" * 32 + " 00 ") and not line.endswith(" lo") for line in new)
