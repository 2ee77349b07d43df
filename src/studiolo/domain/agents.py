"""Calls to the agents of projects: the project is started if need be, and an agent that died is replaced once."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from studiolo.core.clock import Clock
from studiolo.core.errors import AgentUnavailable
from studiolo.core.models import Project, ProjectState
from studiolo.domain.lifecycle import Lifecycle, Progress
from studiolo.runtime.protocols import AgentChannel, AgentConnector
from studiolo.storage import projects as rows
from studiolo.storage.database import Database

USE_NOTED_EVERY_SECONDS = 60.0
USAGE_TIMEOUT_SECONDS = 10.0


class Agents:
    """Reaches the agent of any project."""

    def __init__(self, database: Database, clock: Clock, lifecycle: Lifecycle, connector: AgentConnector) -> None:
        self._database = database
        self._clock = clock
        self._lifecycle = lifecycle
        self._connector = connector

    async def call(
        self,
        project: Project,
        call: str,
        params: dict[str, Any],
        *,
        timeout_seconds: float,
        may_start: bool = True,
        is_repeatable: bool = True,
        progress: Progress | None = None,
        stage: str = "",
    ) -> dict[str, Any]:
        """Make one call; the timeout counts from when the agent is there, and then `progress` is told the `stage`.

        When the agent turns out to be dead, the project is started again and the call is made once more, unless it is
        not repeatable and may have been carried out.
        """
        socket_path = await self._reach(project, may_start, progress)
        if progress is not None and stage:
            progress(stage)
        try:
            return await self._connector.call(socket_path, call, params, timeout_seconds=timeout_seconds)
        except AgentUnavailable as error:
            project = await self._find_dead(project, error)
            if not is_repeatable and error.details.get("was_sent") is not False:
                raise
        socket_path = await self._lifecycle.ensure_running(project, may_start=may_start, progress=progress)
        return await self._connector.call(socket_path, call, params, timeout_seconds=timeout_seconds)

    @asynccontextmanager
    async def channel(
        self,
        project: Project,
        call: str,
        params: dict[str, Any],
        *,
        timeout_seconds: float,
        may_start: bool = True,
        progress: Progress | None = None,
        stage: str = "",
    ) -> AsyncGenerator[AgentChannel]:
        """Open a channel for the length of a `with` block; a dead agent is replaced while opening, not later."""
        socket_path = await self._reach(project, may_start, progress)
        if progress is not None and stage:
            progress(stage)
        async with AsyncExitStack() as stack:
            opened = self._connector.channel(socket_path, call, params, timeout_seconds=timeout_seconds)
            try:
                channel = await stack.enter_async_context(opened)
            except AgentUnavailable as error:
                project = await self._find_dead(project, error)
                socket_path = await self._lifecycle.ensure_running(project, may_start=may_start, progress=progress)
                opened = self._connector.channel(socket_path, call, params, timeout_seconds=timeout_seconds)
                channel = await stack.enter_async_context(opened)
            yield channel

    async def ask(self, project: Project, call: str) -> dict[str, Any]:
        """Ask a running project's agent something about itself, which does not count as use; no stopped one starts."""
        socket_path = await self._lifecycle.ensure_running(project, may_start=False)
        return await self._connector.call(socket_path, call, {}, timeout_seconds=USAGE_TIMEOUT_SECONDS)

    async def idle_seconds(self, project: Project) -> float | None:
        """Return for how long nothing happened in a running project; None if its agent gives no sensible answer."""
        answer = await self.ask(project, "usage")
        idle = answer.get("idle_seconds")
        return float(idle) if isinstance(idle, int | float) and not isinstance(idle, bool) else None

    async def _reach(self, project: Project, may_start: bool, progress: Progress | None) -> str:
        self.note_use(project)
        return await self._lifecycle.ensure_running(project, may_start=may_start, progress=progress)

    def note_use(self, project: Project) -> None:
        """Write that the project is in use, at most once a minute; nobody waits for the disk on that account."""
        now = self._clock.now()
        if project.last_active_at is None or now - project.last_active_at > timedelta(seconds=USE_NOTED_EVERY_SECONDS):
            self._database.write_soon(lambda tx: rows.touch(tx, project.project_id, now))

    async def _find_dead(self, project: Project, error: AgentUnavailable) -> Project:
        """Return the row of a project whose agent is gone; raise the error again if the agent lives."""
        found = await self._lifecycle.find_out(project.project_id)
        is_same_run = found.state is ProjectState.RUNNING and found.state_changed_at == project.state_changed_at
        if is_same_run:
            raise error
        return found
