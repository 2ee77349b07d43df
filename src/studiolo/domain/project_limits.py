"""What a project may use, as administrators set it: at once where the system can, else from its next start.

1. A project's own value goes before that of the settings; without one the settings count, also when they change.
2. Memory, processor share and processes of a running project change at once where control groups hold them. The network
   and the disk's limit change with the next start.
3. A project that always runs is not stopped for being idle, and is started again within a minute if it is not running.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, InvalidRequest, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import FULL_SCOPE, Principal, Project, ProjectState
from studiolo.core.settings import Settings
from studiolo.domain.access import Access, require
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.lifecycle import Lifecycle, project_spec
from studiolo.runtime.protocols import ProjectRunner
from studiolo.storage import projects as rows
from studiolo.storage.database import Database, Transaction

RANGES: Mapping[str, tuple[float, float]] = {
    "memory_mb": (64, 1024 * 1024),
    "cpu_cores": (0.01, 1024),
    "processes": (16, 1_000_000),
    "disk_mb": (1, 1024 * 1024 * 1024),
    "idle_timeout_seconds": (0, 10 * 365 * 24 * 60 * 60),
}
ALWAYS_RUNNING = "is_always_running"
NETWORK = "has_network"
NAMES = (*RANGES, NETWORK, ALWAYS_RUNNING)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LimitsChange:
    """What is to change: values by name, and the names that go back to what the settings say."""

    values: Mapping[str, float | bool]
    reset: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class LimitsOf:
    """What holds for a project, and which of it is its own and not of the settings."""

    values: dict[str, float | bool | None]
    own: list[str]
    is_at_once: bool | None = None  # after a change: whether the running project has it already


class ProjectLimits:
    """Reads and sets what projects may use."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        access: Access,
        lifecycle: Lifecycle,
        runner: ProjectRunner,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._access = access
        self._lifecycle = lifecycle
        self._runner = runner

    async def get(self, principal: Principal, project_id: ProjectId) -> LimitsOf:
        """Return what holds for a project that the caller may read."""
        return self._of(await self._access.project(principal, project_id, write=False))

    async def set(self, principal: Principal, project_id: ProjectId, change: LimitsChange) -> LimitsOf:
        """Change what a project may use; for administrators. Returns what holds now."""
        if not principal.is_admin or principal.scope != FULL_SCOPE:
            raise Forbidden("Only administrators may do this.")
        given = {name: _checked(name, value) for name, value in change.values.items()}
        if unknown := set(change.reset) - set(NAMES):
            text = f"reset names {', '.join(sorted(unknown))}; it can name {', '.join(NAMES)}"
            raise InvalidRequest(text, fields={"reset": text})
        now = self._clock.now()

        def write(tx: Transaction) -> Project:
            project = require(tx, principal, project_id, write=True)
            limits = {name: value for name, value in project.limits.items() if name not in change.reset}
            limits |= {name: value for name, value in given.items() if name != NETWORK}
            has_network = NETWORK not in change.reset and bool(given.get(NETWORK, project.has_network))
            rows.change(tx, project_id, {"limits": limits, "has_network": has_network})
            details: dict[str, Any] = {"reset": sorted(change.reset)} if change.reset else {}
            note(tx, now, principal, Action.PROJECT_LIMITS_CHANGED, project_id=project_id, **given, **details)
            return require(tx, principal, project_id, write=True)

        project = await self._database.write(in_request(write))
        return self._of(project, is_at_once=await self._apply(project))

    async def start_those_that_always_run(self) -> int:
        """Start the projects that are to run always and do not; return how many."""
        stopped = await self._database.read(rows.list_always_running_stopped)
        for project in stopped:
            self._lifecycle.start_in_background(project)
        return len(stopped)

    async def _apply(self, project: Project) -> bool:
        if project.state is not ProjectState.RUNNING:
            return False
        try:
            return await self._runner.set_limits(project_spec(project, self._settings))
        except StudioloError as error:  # it holds from the next start, which the answer says
            _log.warning("limits_not_set", project_id=project.project_id, error=error.message)
            return False

    def _of(self, project: Project, *, is_at_once: bool | None = None) -> LimitsOf:
        values: dict[str, float | bool | None] = {
            name: project.limits.get(name, getattr(self._settings, name)) for name in RANGES
        }
        values[NETWORK] = project.has_network
        values[ALWAYS_RUNNING] = is_always_running(project)
        own = [name for name in NAMES if name in project.limits]
        return LimitsOf(values, own + ([NETWORK] if project.has_network else []), is_at_once)


def is_always_running(project: Project) -> bool:
    """Tell whether a project is to run always."""
    return project.limits.get(ALWAYS_RUNNING) is True


def idle_timeout_seconds(project: Project, settings: Settings) -> float:
    """Return after how long without use a project is stopped; infinity: never."""
    if is_always_running(project):
        return math.inf
    return float(project.limits.get("idle_timeout_seconds", settings.idle_timeout_seconds)) or math.inf


def _checked(name: str, value: float | bool) -> float | bool:
    if name in (NETWORK, ALWAYS_RUNNING):
        return bool(value)
    least, most = RANGES[name]
    if not least <= value <= most:
        text = f"{name} must be {least:g} to {most:g}"
        raise InvalidRequest(text, fields={name: text})
    return value if name == "cpu_cores" else int(value)
