"""Runners without sandboxes, named by how they behave."""

import asyncio
from pathlib import Path

from studiolo.core.errors import RunnerUnavailable
from studiolo.core.ids import ProjectId
from studiolo.core.models import ProjectSpec
from studiolo.runtime.protocols import RunnerReport, RunnerState
from studiolo.testing.agents import FakeAgent


class FakeRunner:
    """Runs a `FakeAgent` for every project; files survive a stop. Several hubs may share one.

    `directory` must have a short path: a Unix socket's name has about a hundred characters.
    """

    name = "fake"
    shares_disk = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.agents: dict[ProjectId, FakeAgent] = {}
        self.alive: set[ProjectId] = set()
        self.started: list[ProjectSpec] = []
        self.stopped: list[ProjectId] = []
        self.limited: list[ProjectSpec] = []

    async def probe(self) -> RunnerReport:
        """Say that there are no walls."""
        return RunnerReport(self.name, is_isolated=False, limits_enforced=(), warnings=())

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Start the project's agent unless it runs."""
        if spec.project_id not in self.alive:
            agent = self.agent(spec.project_id)
            await agent.listen(self._path(spec.project_id))
            self.started.append(spec)
            self.alive.add(spec.project_id)
        return {"run": len(self.started)}

    async def poll(self, project_id: ProjectId, state: RunnerState) -> bool:
        """Tell whether the agent is alive."""
        return project_id in self.alive

    async def stop(self, project_id: ProjectId, state: RunnerState) -> None:
        """End the agent."""
        if project_id in self.alive:
            self.stopped.append(project_id)
            await self.kill(project_id)

    async def set_limits(self, spec: ProjectSpec) -> bool:
        """Remember the limits of a project that runs."""
        if spec.project_id not in self.alive:
            return False
        self.limited.append(spec)
        return True

    def socket_path(self, project_id: ProjectId, state: RunnerState) -> str:
        """Return where the agent answers."""
        return self._path(project_id)

    def agent(self, project_id: ProjectId) -> FakeAgent:
        """Return the project's agent, running or not."""
        return self.agents.setdefault(project_id, FakeAgent(f"/projects/{project_id}"))

    async def kill(self, project_id: ProjectId) -> None:
        """Let the agent die by itself."""
        self.alive.discard(project_id)
        await self.agents[project_id].close()

    async def close(self) -> None:
        """End every agent."""
        self.alive.clear()
        for agent in self.agents.values():
            await agent.close()

    def _path(self, project_id: ProjectId) -> str:
        return str(self._directory / f"{project_id[-12:]}.sock")


class SlowRunner(FakeRunner):
    """Starts only once `release` was called."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.has_begun = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let every start go on."""
        self._released.set()

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Wait, then start."""
        self.has_begun.set()
        await self._released.wait()
        return await super().start(spec)


class NeverStartsRunner(FakeRunner):
    """Begins to start and never comes to an end."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.has_begun = asyncio.Event()

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Wait for ever."""
        self.has_begun.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")


class FailsToStartRunner(FakeRunner):
    """Refuses every start."""

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Fail."""
        raise RunnerUnavailable("There is no room for another project.", internal="fake")
