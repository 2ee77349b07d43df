"""Limits by control groups: version 2 where it is delegated to us, version 1 where we may write, else none.

One group per project and controller, below the keeper's own group so that limits set on the whole service hold too.
"""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from studiolo.core.limits import Limits

_V1_LIMITS = {"memory": "memory", "pids": "processes", "cpu": "cpu"}
_CPU_PERIOD = 100_000
_KEEPER = "studiolo-keeper"
_PROJECTS = "studiolo"


class Cgroups:
    """The control groups of this machine, as far as we may use them."""

    def __init__(self, root: Path, own: str) -> None:
        """Look below `root`, usually /sys/fs/cgroup; `own` is the text of /proc/self/cgroup."""
        self._parents: dict[str, Path] = {}  # controller, or "" for version 2 -> the directory of our groups
        self._enforced: tuple[str, ...] = ()
        if (root / "cgroup.controllers").is_file():
            self._use_version_2(root, own)
        else:
            self._use_version_1(root, own)

    @property
    def enforced(self) -> tuple[str, ...]:
        """Return which of memory, cpu and processes are limited."""
        return self._enforced

    def create(self, name: str, limits: Limits) -> tuple[str, ...]:
        """Make the groups of a project with its limits and return their directories."""
        made: list[str] = []
        for controller, parent in self._parents.items():
            group = parent / name
            group.mkdir(exist_ok=True)
            made.append(str(group))
            for file, value in _settings(controller, limits):
                with contextlib.suppress(FileNotFoundError):  # swap accounting may be switched off
                    (group / file).write_text(value)
        return tuple(made)

    def change(self, name: str, limits: Limits) -> bool:
        """Change the limits of a project that has groups; tell whether every one of them is held by a group now."""
        wanted = {"memory": limits.memory_bytes, "cpu": limits.cpu_cores, "processes": limits.processes}
        if any(value is not None and limit not in self._enforced for limit, value in wanted.items()):
            return False
        groups = {parent / name: _settings(controller, limits) for controller, parent in self._parents.items()}
        is_held = [_change(group, settings) for group, settings in groups.items()]  # one that fails keeps no other
        return all(is_held)

    def of(self, name: str) -> tuple[str, ...]:
        """Return the directories that the groups of a project have, whether they exist or not."""
        return tuple(str(parent / name) for parent in self._parents.values())

    def _use_version_1(self, root: Path, own: str) -> None:
        for controller in _V1_LIMITS:
            base = _own_group(root / controller, own, controller)
            parent = base / _PROJECTS
            if _make(parent):
                self._parents[controller] = parent
        self._enforced = tuple(_V1_LIMITS[controller] for controller in self._parents)

    def _use_version_2(self, root: Path, own: str) -> None:
        for base in dict.fromkeys((_own_group(root, own, ""), root)):
            enabled = _delegate(base, base / _PROJECTS)
            if enabled:
                self._parents[""] = base / _PROJECTS
                self._enforced = tuple(_V1_LIMITS[controller] for controller in enabled)
                return


def members(groups: Iterable[str]) -> set[int]:
    """Return the pids of all processes in the groups."""
    pids: set[int] = set()
    for group in groups:
        with contextlib.suppress(OSError):
            pids.update(int(line) for line in (Path(group) / "cgroup.procs").read_text().split())
    return pids


def kill_members(groups: Iterable[str]) -> None:
    """Kill every process in the groups; membership is the kernel's own word, so no stranger is hit."""
    for group in groups:
        with contextlib.suppress(OSError):
            (Path(group) / "cgroup.kill").write_text("1")
        for pid in members((group,)):
            _kill_member(group, pid)


def remove(groups: Iterable[str]) -> bool:
    """Remove empty groups and tell whether all are gone."""
    left = [group for group in groups if not _remove(Path(group))]
    return not left


def _kill_member(group: str, pid: int) -> None:
    with contextlib.suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            if pid in members((group,)):  # still, so the pidfd is of a member and not of a recycled pid
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        finally:
            os.close(fd)


def _change(group: Path, settings: list[tuple[str, str]]) -> bool:
    """Write settings; of two that bound each other, the one that may go first is found by trying both orders."""
    if not group.is_dir():
        return False
    left = [(file, value) for file, value in settings if (group / file).exists()]  # swap accounting may be off
    for _ in range(len(left)):
        left = [(file, value) for file, value in left if not _write(group / file, value)]
    return not left


def _write(file: Path, value: str) -> bool:
    try:
        file.write_text(value)
    except OSError:
        return False
    return True


def _remove(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _own_group(root: Path, own: str, controller: str) -> Path:
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            base = root / path.lstrip("/")
            base = base.parent if base.name == _KEEPER else base
            return base if base.is_dir() else root  # inside a container the path may be of the outside
    return root


def _make(directory: Path) -> bool:
    try:
        directory.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(directory, os.W_OK)


def _delegate(base: Path, projects: Path) -> tuple[str, ...]:
    """Enable the controllers for groups below `projects`; return which of them work."""
    available = (base / "cgroup.controllers").read_text().split() if (base / "cgroup.controllers").is_file() else []
    wanted = [controller for controller in _V1_LIMITS if controller in available]
    if not wanted:
        return ()
    with contextlib.suppress(OSError):
        # a group with processes cannot hand controllers down: the keeper moves into a leaf
        (base / _KEEPER).mkdir(exist_ok=True)
        (base / _KEEPER / "cgroup.procs").write_text(str(os.getpid()))
    if not _enable(base, wanted) or not _make(projects) or not _enable(projects, wanted):
        return ()
    return tuple(wanted)


def _enable(group: Path, controllers: list[str]) -> bool:
    try:
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
    except OSError:
        return False
    return True


def _settings(controller: str, limits: Limits) -> list[tuple[str, str]]:
    quota = None if limits.cpu_cores is None else max(1000, int(limits.cpu_cores * _CPU_PERIOD))
    known = {
        "memory": [
            ("memory.limit_in_bytes", limits.memory_bytes),
            ("memory.memsw.limit_in_bytes", limits.memory_bytes),
        ],
        "pids": [("pids.max", limits.processes)],
        "cpu": [("cpu.cfs_period_us", _CPU_PERIOD), ("cpu.cfs_quota_us", quota)],
        "": [
            ("memory.max", limits.memory_bytes),
            ("memory.swap.max", None if limits.memory_bytes is None else 0),
            ("pids.max", limits.processes),
            ("cpu.max", None if quota is None else f"{quota} {_CPU_PERIOD}"),
        ],
    }
    return [(file, str(value)) for file, value in known[controller] if value is not None]
