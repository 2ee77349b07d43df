"""Carry out copies: rsync inside walls that show nothing but the two homes, the source read-only.

What keeps a hostile source or target harmless:
1. Inside are /usr, the source's home (read-only) and the target's home; no /proc, no network, no device but null.
2. rsync runs as the target project's uid. As root it lives in a user namespace that knows three uids only: the
   source's, the target's and an unused one. Its one capability, reading what belongs to those uids, is worth nothing
   outside; no part of it ever had a right on the machine.
3. Links in the paths are followed by `resolve.py` with the project's own rights, and refused when they lead out.
   Should somebody swap a directory afterwards, rsync meets the walls: at worst the target gets a copy of its own files.
4. Set-uid bits, devices, fifos and sockets stay behind. Links stay links.
5. Files are written under a temporary name in a directory beside them and renamed, so a reader sees the old or the new
   file. That directory's name depends on the target, so that a repeated copy clears away what a crash left.
"""

import math
import os
import resource
import signal
import stat
import zlib
from dataclasses import dataclass
from typing import Any

from studiolo.core.copying.patterns import exclude_options
from studiolo.core.errors import CopyFailed, FileNotFound, PathOutsideProject
from studiolo.runtime.keeper import linux
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.execute import execute
from studiolo.runtime.keeper.loop import Task, Wait
from studiolo.runtime.keeper.messages import CopyPath
from studiolo.runtime.keeper.plan import UID_BASE
from studiolo.runtime.keeper.resolve import (
    WORDS_FOR_SOURCE,
    WORDS_FOR_TARGET,
    Found,
    make_directories,
    normalise_ends,
    require_within,
    resolve,
)
from studiolo.runtime.keeper.spawn import Launch
from studiolo.runtime.keeper.walls import Bubblewrap, Descriptors, denied_calls, system_directories

_TEMPORARY = ".~studiolo-copy-"
_VANISHED = 24  # files went away while being copied: whoever deleted them did not want them
_TIMEOUTS = (30, 35)
_MAX_DATA_BYTES = 1 << 30
# $0 is the temporary directory, the rest is rsync
_SCRIPT = 'rm -rf -- "$0"; mkdir -m 700 -- "$0" || exit 3; "$@"; code=$?; rm -rf -- "$0"; exit $code'


@dataclass(frozen=True, slots=True)
class _Ends:
    """Source and target as rsync is told them, relative to the homes."""

    source: str
    target_directory: str
    target_name: str | None  # None: the source's content goes into the directory


class Copies:
    """The copy machinery of this data directory."""

    def __init__(self, directory: DataDirectory, bubblewrap: Bubblewrap | None) -> None:
        self._directory = directory
        self._bubblewrap = bubblewrap
        self._busy: set[tuple[str, str]] = set()

    def copy(self, request: CopyPath) -> Task[dict[str, Any]]:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed."""
        source, target = normalise_ends(request.source_id, request.source_path, request.target_id, request.target_path)
        if (request.source_id, source) == (request.target_id, target):
            return {}
        key = (request.target_id, target)
        while key in self._busy:
            yield Wait(None, 0.05)
        self._busy.add(key)
        try:
            source_home = str(self._directory.make_home(request.source_id, request.source_uid))
            target_home = str(self._directory.make_home(request.target_id, request.target_uid))
            ends = self._find_ends(request, source_home, target_home, source, target)
            code, output = yield from self._rsync(request, source_home, target_home, ends)
        except OSError as error:
            raise CopyFailed(f"WARNING: copy exited with an error -- {error.strerror} -- {error.filename}") from error
        finally:
            self._busy.discard(key)
        if code not in (0, _VANISHED):
            raise CopyFailed(_words(code, output, request))
        return {}

    def _find_ends(self, request: CopyPath, source_home: str, target_home: str, source: str, target: str) -> _Ends:
        owner = self._directory.owner(request.source_uid)
        with linux.acting_as(owner):
            inside = f"/projects/{request.source_id}"
            found, is_directory = _find_source(source_home, inside, source, request.source_within)
        owner = self._directory.owner(request.target_uid)
        with linux.acting_as(owner):
            inside = f"/projects/{request.target_id}"
            try:
                if is_directory:
                    return _Ends(found, make_directories(target_home, inside, target).path, None)
                return _Ends(found, *_find_file_target(target_home, inside, target, request.target_path, found))
            except PathOutsideProject as error:
                raise PathOutsideProject(WORDS_FOR_TARGET) from error

    def _rsync(self, request: CopyPath, source_home: str, target_home: str, ends: _Ends) -> Task[tuple[int, str]]:
        source_root, target_root = "/source", "/target"
        if self._bubblewrap is None:
            source_root, target_root = source_home, target_home
        elif request.source_id == request.target_id:
            source_root = target_root
        directory = "/".join(part for part in (target_root, ends.target_directory) if part)
        mark = zlib.crc32(f"{request.target_id}/{ends.target_directory}/{ends.target_name}".encode(errors="replace"))
        temporary = f"{directory}/{_TEMPORARY}{mark:08x}"
        command = ["/bin/sh", "-c", _SCRIPT, temporary]
        command += [*_rsync_options(request), f"--temp-dir={temporary}", "--"]
        if ends.target_name is None:
            command += [f"{source_root}/{ends.source}/", f"{directory}/"]
        else:
            command += [f"{source_root}/{ends.source}", f"{directory}/{ends.target_name}"]
        return (yield from self._run(request, source_home, target_home, command))

    def _run(self, request: CopyPath, source_home: str, target_home: str, command: list[str]) -> Task[tuple[int, str]]:
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_DATA: _MAX_DATA_BYTES}
        owners = (self._directory.owner(request.source_uid), self._directory.owner(request.target_uid))
        users = None if owners[0] is None or owners[1] is None else tuple(dict.fromkeys((*owners, UID_BASE - 1)))
        if self._bubblewrap is None:
            argv = command if owners[1] is None else [*_setpriv(owners[1]), *command]
            launch = Launch(
                tuple(argv),
                variables,
                is_bound_to_parent=True,
                limits=limits,
                namespace_users=users,  # pyright: ignore[reportArgumentType] - no None among them
            )
            return (yield from execute(launch))
        files = Descriptors()
        try:
            walls = [self._bubblewrap.path, *_namespaces(), *system_directories()]
            walls += ["--dev-bind", "/dev/null", "/dev/null", "--tmpfs", "/tmp"]  # noqa: S108 - inside the walls
            if request.source_id != request.target_id:
                walls += ["--ro-bind", source_home, "/source"]
            walls += ["--bind", target_home, "/target", "--remount-ro", "/", *denied_calls(self._bubblewrap, files)]
            walls += _as_owner(owners[1])
            launch = Launch(
                (*walls, *command),
                variables,
                tuple(files.fds),
                is_bound_to_parent=True,
                limits=limits,
                namespace_users=users,  # pyright: ignore[reportArgumentType] - no None among them
            )
            return (yield from execute(launch))
        finally:
            files.close()


def _find_source(home: str, inside: str, path: str, within: str | None = None) -> tuple[str, bool]:
    """Return the source's real path and whether it is a directory; a link to a file stays the link."""
    try:
        found = resolve(home, inside, path)
        require_within(home, inside, found, within)
    except PathOutsideProject as error:
        raise PathOutsideProject(WORDS_FOR_SOURCE) from error
    if found.mode is None:
        raise FileNotFound(f"ENOENT: no such file or directory, stat '{inside}/{path}'")
    if found.is_directory:
        return found.path, True
    if not stat.S_ISREG(found.mode):
        raise CopyFailed(f"'{path}' is neither a file nor a directory; it cannot be copied.")
    parent, _, name = path.rpartition("/")
    return "/".join(part for part in (resolve(home, inside, parent).path, name) if part), False


def _find_file_target(home: str, inside: str, path: str, asked: str, source: str) -> tuple[str, str]:
    """Return directory and name for a single file: inside `path` if that is, or is called, a directory."""
    name = source.rpartition("/")[2]
    if asked.endswith("/") or not path or _is_directory(home, inside, path):
        return make_directories(home, inside, path).path, name
    parent, _, name = path.rpartition("/")
    return make_directories(home, inside, parent).path, name


def _is_directory(home: str, inside: str, path: str) -> bool:
    found: Found = resolve(home, inside, path)
    return found.is_directory


def _rsync_options(request: CopyPath) -> list[str]:
    options = [
        "rsync",
        "--recursive",
        "--links",
        "--hard-links",
        "--perms",
        "--times",
        "--omit-link-times",
        "--one-file-system",
    ]
    options += ["--chmod=ug-s,o-t", "--quiet", f"--filter=- {_TEMPORARY}*"]
    if request.source_id == request.target_id:
        options.append("--no-inc-recursive")  # the list is made before anything is written: no copy of the copy
    flags = {"--update": not request.overwrite_newer, "--delete": request.delete_missing, "--backup": request.backup}
    options += [flag for flag, is_on in flags.items() if is_on]
    options += exclude_options(request.exclude)
    if request.timeout_seconds is not None:
        options.append(f"--timeout={math.ceil(request.timeout_seconds)}")
    return options


def _namespaces() -> list[str]:
    kinds = ("ipc", "pid", "net", "uts")
    user = [] if os.geteuid() == 0 else ["--unshare-user"]
    return [*user, *(f"--unshare-{kind}" for kind in kinds), "--new-session", "--die-with-parent", "--chdir", "/"]


def _as_owner(owner: int | None) -> list[str]:
    """Return the options and the command that end the namespace's root and go on as the target's uid."""
    if owner is None:
        return ["--"]
    keep = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_READ_SEARCH")
    options = ["--cap-drop", "ALL", *(word for name in keep for word in ("--cap-add", name)), "--"]
    return [*options, *_setpriv(owner)]


def _setpriv(owner: int) -> list[str]:
    """Return the command that goes on as the target's uid with the one right to read what the source's uid has."""
    only = "-all,+dac_read_search"
    options = ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups", "--no-new-privs"]
    options += ["--pdeathsig", "KILL"]  # a change of uid made the kernel forget it
    return [*options, f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}", "--"]


def _words(code: int, output: str, request: CopyPath) -> str:
    said = " ".join(output.split())[:3000]
    if code in _TIMEOUTS:
        return f"The copy made no progress for {request.timeout_seconds} s and was given up. {said}"
    if code == -signal.SIGKILL or code == 128 + signal.SIGKILL:
        return "The copy was killed."
    return f'WARNING: copy exited with an error -- {said} -- "rsync {" ".join(_rsync_options(request)[1:])}"'
