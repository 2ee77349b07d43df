"""Let unprivileged processes reach our code and data below directories that others may not enter.

A checkout in /root, or one made by `mktemp -d`, is closed to the hub's and the projects' uids. Nobody's modes are
changed for that: the keeper makes a mount namespace of its own, in which each closed directory is an empty one with
only the needed directories bound back at the same paths. Children and sandboxes inherit it; nobody else sees it.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from studiolo.core.errors import RunnerUnavailable
from studiolo.runtime.keeper import linux


def expose(paths: Iterable[str]) -> tuple[str, ...]:
    """Make the paths reachable for every uid and return the directories that were closed; raise RunnerUnavailable."""
    closed: dict[Path, set[Path]] = {}
    for path in {Path(path) for path in paths if Path(path).exists()}:
        top = _closed_ancestor(path)
        if top is not None:
            closed.setdefault(top, set()).add(path)
    if not closed:
        return ()
    try:
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount("", "/", flags=linux.MS_REC | linux.MS_SLAVE)  # mounts of the machine still arrive, ours stay here
        for top, needed in closed.items():
            _replace(top, _without_nested(needed))
    except OSError as error:
        names = ", ".join(str(top) for top in closed)
        raise RunnerUnavailable(
            f"{names} is closed to other users, so projects cannot reach what lies below, and the system does not let "
            f"us open it for them alone ({error.strerror}). `chmod o+x {names}` helps, or another place for "
            "installation and data."
        ) from error
    return tuple(str(top) for top in closed)


def _closed_ancestor(path: Path) -> Path | None:
    return next((step for step in reversed(path.parents) if not step.stat().st_mode & stat.S_IXOTH), None)


def _without_nested(paths: set[Path]) -> list[Path]:
    return sorted(path for path in paths if not any(parent in paths for parent in path.parents))


def _replace(top: Path, needed: list[Path]) -> None:
    held = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in needed]
    linux.mount("tmpfs", str(top), "tmpfs", data="mode=0755,size=1m")
    old = os.umask(0o022)
    try:
        for path, fd in held:
            path.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                path.mkdir()
            else:
                path.touch()
            linux.mount(f"/proc/self/fd/{fd}", str(path), flags=linux.MS_BIND | linux.MS_REC)
            os.close(fd)
    finally:
        os.umask(old)
