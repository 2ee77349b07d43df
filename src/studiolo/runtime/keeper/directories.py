"""The data directory as the keeper keeps it: who owns what, so that nobody can swap a path under us.

    data            1771 root:hub   the hub makes its database here; sticky: it cannot rename what is ours
    data/projects   0711 root       one directory a project, home inside with mode 0700, owned by the project's uid
    data/run        0750 root:hub   sockets (0600, hub) and records (root)
    data/agent      0755 root       the agent's code, one directory a version

Started as an ordinary user everything is that user's, with mode 0700 where others have no business.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import studiolo
from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper.plan import UID_BASE

_LONGEST_SOCKET_PATH = 107
_SOCKET_NAME_LENGTH = len("/00000000-0000-0000-0000-000000000000.sock")
_START = '''"""Start the agent from the code beside this file; nothing in the home can take its modules' places."""

import os
import runpy
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
runpy.run_module("studiolo.agent", run_name="__main__", alter_sys=True)
'''


class DataDirectory:
    """The data directory; `is_root` says whether uids are separated."""

    def __init__(self, data: str, *, is_root: bool) -> None:
        self.is_root = is_root
        self.hub_uid = UID_BASE if is_root else None
        self.path = Path(data)
        self.projects = self.path / "projects"
        self.agents = self.path / "agent"
        self.run = self.path / "run"

    def prepare(self) -> None:
        """Make what is missing and put owners and modes right; raise RunnerUnavailable when that is impossible."""
        hub = -1 if self.hub_uid is None else self.hub_uid
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.is_root and self.path.stat().st_uid != os.geteuid():
            raise RunnerUnavailable(f"{self.path} belongs to another user; choose another data directory or its owner.")
        self._own(self.path, 0o1771 if self.is_root else 0o700, hub)
        self._own(self.projects, 0o711, 0)
        self._own(self.agents, 0o755, 0)
        self.run = self._choose_run_directory()
        self._own(self.run, 0o750 if self.is_root else 0o700, hub)
        if self.is_root:
            self._hand_over_files()

    def lock(self) -> int:
        """Keep other servers away while the returned descriptor is open; raise RunnerUnavailable."""
        fd = os.open(self.run / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise RunnerUnavailable(
                f"There is another server on {self.path}; stop it first, or choose another data directory."
            ) from error
        return fd

    def home(self, project_id: str) -> Path:
        """Return where a project's home is."""
        return self.projects / project_id / "home"

    def group_name(self, project_id: str) -> str:
        """Return the name of a project's control groups, unlike that in another data directory of the machine."""
        return f"{project_id}-{zlib.crc32(os.fsencode(self.path)):08x}"

    def owner(self, uid: int) -> int | None:
        """Return the system's uid for a project's number, or None when uids are not separated."""
        return UID_BASE + uid if self.is_root else None

    def make_home(self, project_id: str, uid: int) -> Path:
        """Return the project's home, made if missing; raise RunnerUnavailable when it is another's."""
        home = self.home(project_id)
        owner = self.owner(uid)
        if not home.parent.is_dir():
            home.parent.mkdir(mode=0o711)
            home.parent.chmod(0o711)  # the umask took part of it
        if not home.is_symlink() and not home.exists():
            fresh = home.with_name("home.new")
            fresh.mkdir(mode=0o700, exist_ok=True)
            if owner is not None:
                os.chown(fresh, owner, owner)
            fresh.rename(home)
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != (os.geteuid() if owner is None else owner):
            raise RunnerUnavailable(
                f"The home {home} does not belong to uid {owner}: it was made by a server that ran as another user. "
                f"`chown -R {owner}:{owner} {home}` hands it over."
            )
        return home

    def open_log(self, project_id: str, uid: int) -> int:
        """Return a descriptor of the fresh file that takes the agent's stderr."""
        path = self.home(project_id).parent / "agent.log"
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        owner = self.owner(uid)
        if owner is not None:
            os.fchown(fd, owner, owner)
        return fd

    def listen(self, project_id: str) -> socket.socket:
        """Return the listening socket of a project's agent, to which only the hub can connect."""
        path = self.run / f"{project_id}.sock"
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(old)
        if self.hub_uid is not None:
            os.chown(path, self.hub_uid, self.hub_uid, follow_symlinks=False)
        listener.listen(128)
        return listener

    def install_agent(self) -> Path:
        """Return a directory with a copy of the agent's code that every project can read."""
        package = Path(studiolo.__file__).parent
        sources = sorted([package / "__init__.py", *package.glob("agent/**/*.py"), *package.glob("core/**/*.py")])
        sources = [path for path in sources if path.is_file()]
        mark = 0
        for path in sources:
            mark = zlib.crc32(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes(), mark)
        installed = self.agents / f"{sys.implementation.cache_tag}-{mark:08x}"
        if not installed.is_dir():
            self._copy_agent(package, sources, installed)
        return installed

    def _copy_agent(self, package: Path, sources: list[Path], installed: Path) -> None:
        fresh = installed.with_suffix(f".{os.getpid()}")
        old = os.umask(0o022)
        try:
            for path in sources:
                copy = fresh / "studiolo" / path.relative_to(package)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            (fresh / "start.py").write_text(_START)
            # projects cannot write the compiled files themselves
            subprocess.run([sys.executable, "-I", "-m", "compileall", "-q", str(fresh)], check=True)
            fresh.rename(installed)
        except (OSError, subprocess.CalledProcessError):
            shutil.rmtree(fresh, ignore_errors=True)
            if not installed.is_dir():  # else another keeper was faster
                raise
        finally:
            os.umask(old)

    def _own(self, directory: Path, mode: int, group: int) -> None:
        directory.mkdir(exist_ok=True)
        no_link = 0 if directory == self.path else os.O_NOFOLLOW
        try:
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | no_link)
        except NotADirectoryError as error:
            words = f"{directory} is a symbolic link or a file; the server needs a directory of its own there."
            raise RunnerUnavailable(words) from error
        try:  # by the descriptor: whoever may write beside it cannot swap it meanwhile
            if self.is_root:
                os.fchown(fd, 0, group)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)

    def _choose_run_directory(self) -> Path:
        """Return data/run, or a short path where that would not fit into a socket's address."""
        run = self.path / "run"
        if len(os.fsencode(run)) + _SOCKET_NAME_LENGTH <= _LONGEST_SOCKET_PATH:
            return run
        name = f"studiolo-{os.geteuid()}-{zlib.crc32(os.fsencode(self.path)):08x}"
        for parent in (Path("/run"), Path("/run/user", str(os.geteuid())), Path("/tmp")):  # noqa: S108 - checked below
            short = parent / name
            if os.access(parent, os.W_OK):
                with contextlib.suppress(FileExistsError):
                    short.mkdir(mode=0o700)
                found = short.lstat()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                    raise RunnerUnavailable(f"{short} belongs to somebody else; remove it.")
                return short
        raise RunnerUnavailable(f"The path {self.path} is too long; choose a shorter data directory.")

    def _hand_over_files(self) -> None:
        """Give the hub the files that an earlier version, or a command run as root, left in the data directory."""
        assert self.hub_uid is not None
        for entry in os.scandir(self.path):
            if entry.name.startswith("studiolo.sqlite3") and entry.is_file(follow_symlinks=False):
                self._hand_over(entry.path, self.hub_uid)

    def _hand_over(self, path: str, owner: int) -> None:
        """Give away a plain file, and no other one that takes its name meanwhile."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid != owner:
                os.fchown(fd, owner, owner)
        finally:
            os.close(fd)
