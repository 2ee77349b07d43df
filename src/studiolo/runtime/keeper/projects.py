"""Start, poll and stop projects: the keeper's main work.

What must hold however anybody dies, we included:
1. At most one agent runs on a home. The record is written before the sandbox may go on, and whatever is found running
   without a record is ended before a new one starts.
2. The project goes on when we die: its processes are a session of their own and hold nothing of ours.
3. Stopping is done when the first process inside the walls is gone, since the kernel ends all others with it.
"""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from studiolo.core.errors import RunnerUnavailable, Unavailable
from studiolo.core.limits import Limits
from studiolo.runtime.keeper import cgroups, linux
from studiolo.runtime.keeper.cgroups import Cgroups
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.loop import Loop, Task, Wait, wait_for_child, wait_for_exit
from studiolo.runtime.keeper.messages import SetLimits, StartProject
from studiolo.runtime.keeper.network import end_helpers
from studiolo.runtime.keeper.records import Record, Records
from studiolo.runtime.keeper.starts import Starts
from studiolo.runtime.keeper.strays import find_marked, find_strays

_KILL_SECONDS = 20.0
_STEP_SECONDS = 0.02


class Projects:
    """The projects of this data directory."""

    def __init__(
        self,
        directory: DataDirectory,
        groups: Cgroups,
        starts: Starts,
        records: Records,
        loop: Loop,
        stop_grace_seconds: float,
    ) -> None:
        self._directory = directory
        self._cgroups = groups
        self._starts = starts
        self._records = records
        self._loop = loop
        self._stop_grace_seconds = stop_grace_seconds
        self._busy: set[str] = set()
        self._known: set[str] = set()  # whose leftovers were cleared away

    def start(self, request: StartProject) -> Task[dict[str, Any]]:
        """Start the agent, or find it running; return its state."""
        yield from self._wait_until_free(request.project_id)
        with self.claimed(request.project_id):
            record = self._records.read(request.project_id)
            if record is None or not record.is_alive():
                yield from self._end(request.project_id, record)
                record = yield from self._starts.begin(request)
                self._look_after(record)
        return _state(record)

    def poll(self, project_id: str) -> dict[str, Any]:
        """Tell whether the agent is alive."""
        record = self._records.read(project_id)
        return {"is_alive": record is not None and record.is_alive()}

    def set_limits(self, request: SetLimits) -> dict[str, Any]:
        """Change what the control groups of a running project hold; tell whether all of it holds now."""
        record = self._records.read(request.project_id)
        if record is None or not record.is_alive():
            return {"is_done": False}
        limits = Limits(request.memory_bytes, request.cpu_cores, request.processes, None)
        return {"is_done": self._cgroups.change(self._directory.group_name(request.project_id), limits)}

    def stop(self, project_id: str) -> Task[dict[str, Any]]:
        """End every process of the project."""
        yield from self._wait_until_free(project_id)
        with self.claimed(project_id):
            yield from self._end(project_id, self._records.read(project_id))
        return {}

    def running(self) -> list[str]:
        """Return the ids of the projects that run."""
        return [record.project_id for record in self._records.all() if record.is_alive()]

    @contextmanager
    def claimed(self, project_id: str) -> Generator[None]:
        """Keep everybody else from starting or stopping the project inside the block."""
        if project_id in self._busy:
            raise Unavailable("The project is being started or stopped.")
        self._busy.add(project_id)
        try:
            yield
        finally:
            self._busy.discard(project_id)

    def _wait_until_free(self, project_id: str) -> Task[None]:
        while project_id in self._busy:
            yield Wait(None, _STEP_SECONDS)

    def _look_after(self, record: Record) -> None:
        """Wait for our children, whenever they end; the helpers end with the project."""
        self._loop.start(wait_for_child(record.outer.pid, None), lambda _code, _error: end_helpers(record.others))
        for other in record.others:
            self._loop.start(wait_for_child(other.pid, None), lambda _code, _error: None)

    def _end(self, project_id: str, record: Record | None) -> Task[None]:
        """End what runs of a project, politely first, and forget it."""
        if record is not None:
            yield from self._end_recorded(record)
        if project_id not in self._known:  # a former keeper may have left one; looking takes milliseconds
            for stray in find_strays(str(self._directory.home(project_id))):
                stray.kill(signal.SIGKILL)
                yield from wait_for_exit(stray, _KILL_SECONDS)
            self._known.add(project_id)
        groups = self._cgroups.of(self._directory.group_name(project_id))
        yield from _empty((*groups, *(() if record is None else record.groups)))
        (self._directory.run / f"{project_id}.sock").unlink(missing_ok=True)
        self._records.forget(project_id)

    def _end_recorded(self, record: Record) -> Task[None]:
        if _ask_to_end(record):
            yield from wait_for_exit(record.inner, self._stop_grace_seconds)
        for name in (record.inner, record.outer, *record.others):
            name.kill(signal.SIGKILL)
            if not (yield from wait_for_exit(name, _KILL_SECONDS)):
                raise RunnerUnavailable("The project's processes did not end; the kernel still holds them.")
        if not record.has_walls:
            yield from self._end_marked(record.project_id)

    def _end_marked(self, project_id: str) -> Task[None]:
        """Without walls no namespace ends with its first process: end all that carry the project's mark."""
        while marked := find_marked(project_id, str(self._directory.home(project_id))):
            for name in marked:
                name.kill(signal.SIGKILL)
            yield Wait(None, _STEP_SECONDS)


def _ask_to_end(record: Record) -> bool:
    """Send SIGTERM to the agent; tell whether there was one that may want to save something."""
    if not record.has_walls:
        record.inner.kill(signal.SIGTERM)
        return True
    names = [linux.name_process(pid) for pid in linux.children_of(record.inner.pid)]
    if not record.is_alive():  # then the children may be those of a stranger with the same pid
        return False
    for name in names:
        if name is not None:
            name.kill(signal.SIGTERM)
    return bool(names)


def _empty(groups: tuple[str, ...]) -> Task[None]:
    """Kill what is left in the control groups and remove them."""
    for _ in range(200):
        if cgroups.remove(groups):
            return
        cgroups.kill_members(groups)
        yield Wait(None, _STEP_SECONDS)


def _state(record: Record) -> dict[str, Any]:
    return {
        "socket_path": record.socket_path,
        "pid": record.inner.pid,
        "started": record.inner.started,
        "boot": record.inner.boot,
        "has_walls": record.has_walls,
    }
