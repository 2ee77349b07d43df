"""Starting, stopping and adopting projects, safely under several callers and several hubs.

What must hold:

1. In one hub a project is started once however many callers want it; all of them wait for the same start and see its
   progress, and a caller that goes away does not end it.
2. Among hubs the table decides: who moved the row to `starting` or `stopping` does it, the others wait.
3. A hub that died while it started or stopped a project is replaced after `CLAIM_STALE_SECONDS`.
4. The runner knows the truth: a project recorded as running whose agent is gone is found at start-up (`adopt_all`) and
   when a call fails (`find_out`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import ProjectNotFound, ProjectNotRunning, RunnerUnavailable, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.limits import Limits
from studiolo.core.models import Project, ProjectSpec, ProjectState
from studiolo.core.settings import Settings
from studiolo.runtime.protocols import ProjectRunner
from studiolo.storage import projects as rows
from studiolo.storage.database import Database

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 60.0
CLAIM_RENEW_SECONDS = 1.0
CLAIM_STALE_SECONDS = 5.0
_POLL_SECONDS = 0.1
_POLLS_AT_ONCE = 16
_MIB = 1024 * 1024

Progress = Callable[[str], None]
Result = TypeVar("Result")
_log = structlog.get_logger()


class Lifecycle:
    """Moves projects between stopped and running, and keeps the table true."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, runner: ProjectRunner) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._runner = runner
        self._starts: dict[ProjectId, _Start] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def ensure_running(
        self, project: Project, *, may_start: bool = True, progress: Progress | None = None
    ) -> str:
        """Return the path of the agent's socket, starting the project and waiting for it if need be.

        `progress` is told the stages. Raises ProjectNotRunning if it would have to be started and may not be, and
        RunnerUnavailable.
        """
        if project.state is ProjectState.RUNNING:
            return self._socket_path(project)
        if not may_start and project.state is not ProjectState.STARTING:
            raise ProjectNotRunning("The project is not running, and this sign-in may not start it.")
        start = self._starts.get(project.project_id)
        if start is None:
            start = _Start()
            start.task = asyncio.create_task(self._start(project.project_id, start.tell))
            self._starts[project.project_id] = start
            start.task.add_done_callback(lambda task: self._forget_start(project.project_id, task))
        with start.heard_by(progress):
            assert start.task is not None
            return await asyncio.shield(start.task)

    def start_in_background(self, project: Project) -> None:
        """Start the project without waiting; a failure is recorded in the table and logged."""
        self._in_background(self.ensure_running(project), project.project_id)

    async def stop(self, project_id: ProjectId) -> None:
        """End everything of the project and wait until it is gone; harmless for a stopped one."""
        deadline = self._clock.monotonic() + START_TIMEOUT_SECONDS + STOP_TIMEOUT_SECONDS
        while (project := await self.read(project_id)).state is not ProjectState.OPENED:
            claim = await self._claim(project_id, ProjectState.STOPPING)
            if claim is not None:
                await self._carry_out_stop(project, claim)
                return
            await self._wait_for_others(deadline, "The project did not stop in time.")

    async def find_out(self, project_id: ProjectId) -> Project:
        """Ask the runner whether a project recorded as running is alive, correct the table, return the row as it is."""
        project = await self.read(project_id)
        if project.state is not ProjectState.RUNNING or await self._is_alive(project):
            return project
        _log.warning("project_ended_by_itself", project_id=project_id)
        await self._mark_opened(
            project_id, ProjectState.RUNNING, project.state_changed_at, "The project ended by itself."
        )
        return await self.read(project_id)

    async def adopt_all(self) -> None:
        """Bring the table and the runner together after a restart: running projects stay, dead ones are noticed.

        A start or stop that a dead hub left half done is taken over in the background.
        """
        at_once = asyncio.Semaphore(_POLLS_AT_ONCE)

        async def adopt(project: Project) -> None:
            if project.state is ProjectState.STARTING:
                self.start_in_background(project)
            elif project.state is ProjectState.STOPPING:
                self._in_background(self.stop(project.project_id), project.project_id)
            else:
                async with at_once:
                    await self._find_out_quietly(project.project_id)

        await asyncio.gather(*[adopt(project) for project in await self._database.read(rows.list_active)])

    async def stop_all(self) -> None:
        """Stop every project that runs."""
        active = await self._database.read(rows.list_active)
        results = await asyncio.gather(*[self.stop(one.project_id) for one in active], return_exceptions=True)
        for project, result in zip(active, results, strict=True):
            if isinstance(result, BaseException):
                _log.error("project_not_stopped", project_id=project.project_id, error=repr(result))

    async def close(self) -> None:
        """Leave what is being started; whoever comes next takes it over."""
        tasks: list[asyncio.Task[Any]] = [
            *self._background,
            *[start.task for start in self._starts.values() if start.task is not None],
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def read(self, project_id: ProjectId) -> Project:
        """Return the row as it is now."""
        project = await self._database.read(lambda tx: rows.get(tx, project_id))
        if project is None:
            raise ProjectNotFound(f"There is no project {project_id}.")
        return project

    async def _start(self, project_id: ProjectId, tell: Progress) -> str:
        deadline = self._clock.monotonic() + 2 * START_TIMEOUT_SECONDS
        while (project := await self.read(project_id)).state is not ProjectState.RUNNING:
            claim = await self._claim(project_id, ProjectState.STARTING)
            tell("starting_project")
            if claim is None:
                await self._wait_for_others(deadline, "The project did not start in time.")
            else:
                await self._carry_out_start(project, claim)
        return self._socket_path(project)

    async def _carry_out_start(self, project: Project, claim: "_Claim") -> None:
        spec = project_spec(project, self._settings)
        try:
            async with self._renewing(claim):
                state = await self._within(START_TIMEOUT_SECONDS, self._runner.start(spec), "did not start")
        except Exception as error:
            with suppress(StudioloError):  # what was begun must not be left behind
                await self._runner.stop(project.project_id, {})
            message = error.message if isinstance(error, StudioloError) else "The project could not be started."
            await self._mark_opened(project.project_id, ProjectState.STARTING, claim.seen, message)
            raise
        now, name = self._clock.now(), self._runner.name
        has_kept_claim = await self._database.write(
            lambda tx: rows.mark_running(
                tx, project.project_id, seen=claim.seen, now=now, runner=name, runner_state=state
            )
        )
        _log.info("project_started", project_id=project.project_id, has_kept_claim=has_kept_claim)

    async def _carry_out_stop(self, project: Project, claim: "_Claim") -> None:
        async with self._renewing(claim):
            stopping = self._runner.stop(project.project_id, project.runner_state or {})
            await self._within(STOP_TIMEOUT_SECONDS, stopping, "did not stop")
        await self._mark_opened(project.project_id, ProjectState.STOPPING, claim.seen, None)
        _log.info("project_stopped", project_id=project.project_id)

    async def _claim(self, project_id: ProjectId, state: ProjectState) -> "_Claim | None":
        now = self._clock.now()
        stale_before = now - timedelta(seconds=CLAIM_STALE_SECONDS)
        take = rows.claim_start if state is ProjectState.STARTING else rows.claim_stop
        has_it = await self._database.write(lambda tx: take(tx, project_id, now=now, stale_before=stale_before))
        return _Claim(project_id, state, now) if has_it else None

    @asynccontextmanager
    async def _renewing(self, claim: "_Claim") -> AsyncGenerator[None]:
        renewing = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            async with claim.lock:  # never in the middle of a write: `seen` would no longer be what the table says
                renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, claim: "_Claim") -> None:
        while True:
            await self._clock.sleep(CLAIM_RENEW_SECONDS)
            async with claim.lock:
                now = self._clock.now()
                seen, kind, project_id = claim.seen, claim.state, claim.project_id
                if not await self._database.write(
                    lambda tx: rows.renew_claim(tx, project_id, kind, seen=seen, now=now)  # noqa: B023 - awaited here
                ):
                    return
                claim.seen = now

    async def _within(self, seconds: float, work: Coroutine[Any, Any, Result], failed: str) -> Result:
        working = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise RunnerUnavailable(f"The project {failed} within {seconds:g} seconds.")
        finally:
            working.cancel()
            waiting.cancel()
            await asyncio.gather(working, waiting, return_exceptions=True)

    async def _wait_for_others(self, deadline: float, message: str) -> None:
        if self._clock.monotonic() > deadline:
            raise RunnerUnavailable(message)
        await self._clock.sleep(_POLL_SECONDS)

    async def _is_alive(self, project: Project) -> bool:
        if project.runner != self._runner.name or project.runner_state is None:
            return False  # the operator changed the runner: what the other one started is not ours to use
        return await self._runner.poll(project.project_id, project.runner_state)

    async def _find_out_quietly(self, project_id: ProjectId) -> None:
        try:
            await self.find_out(project_id)
        except StudioloError as error:
            _log.warning("project_not_polled", project_id=project_id, error=error.message)

    async def _mark_opened(
        self, project_id: ProjectId, state: ProjectState, seen: datetime | None, error: str | None
    ) -> None:
        now = self._clock.now()
        await self._database.write(lambda tx: rows.mark_opened(tx, project_id, state, seen=seen, now=now, error=error))

    def _socket_path(self, project: Project) -> str:
        return self._runner.socket_path(project.project_id, project.runner_state or {})

    def _forget_start(self, project_id: ProjectId, task: asyncio.Task[str]) -> None:
        self._starts.pop(project_id, None)
        if not task.cancelled():
            task.exception()  # every caller may have gone; the failure is in the table

    def _in_background(self, work: Coroutine[Any, Any, object], project_id: ProjectId) -> None:
        async def carry_out() -> None:
            try:
                await work
            except StudioloError as error:
                _log.warning("project_not_moved", project_id=project_id, error=error.message)

        task = asyncio.create_task(carry_out())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def project_spec(project: Project, settings: Settings) -> ProjectSpec:
    """Return what the runner needs: the project's own limits where it has some, else those of the settings."""

    def limit(name: str, given: float | None) -> Any:
        return project.limits.get(name, given)

    memory_mb, disk_mb = limit("memory_mb", settings.memory_mb), limit("disk_mb", settings.disk_mb)
    limits = Limits(
        memory_bytes=None if memory_mb is None else int(memory_mb * _MIB),
        cpu_cores=limit("cpu_cores", settings.cpu_cores),
        processes=limit("processes", settings.processes),
        disk_bytes=None if disk_mb is None else int(disk_mb * _MIB),
    )
    return ProjectSpec(project.project_id, project.uid, limits, project.has_network)


@dataclass(slots=True)
class _Claim:
    project_id: ProjectId
    state: ProjectState
    seen: datetime  # what `state_changed_at` is as long as the claim is ours
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Start:
    """A start under way and who listens to it."""

    task: asyncio.Task[str] | None = None
    listeners: list[Progress] = field(default_factory=list[Progress])
    stage: str | None = None

    def tell(self, stage: str) -> None:
        if stage == self.stage:
            return
        self.stage = stage
        for listener in self.listeners:
            listener(stage)

    def heard_by(self, progress: Progress | None) -> "_Hearing":
        return _Hearing(self, progress)


@dataclass(slots=True)
class _Hearing:
    start: _Start
    progress: Progress | None

    def __enter__(self) -> None:
        if self.progress is not None:
            self.start.listeners.append(self.progress)
            if self.start.stage is not None:
                self.progress(self.start.stage)

    def __exit__(self, *_: object) -> None:
        if self.progress is not None:
            self.start.listeners.remove(self.progress)
