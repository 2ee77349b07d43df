"""A runner with the real agent in this process, without walls: every project has a real home on disk."""

import asyncio
import socket
from pathlib import Path

from studiolo.agent.agent import Agent
from studiolo.agent.calls import Registry
from studiolo.agent.server import Server
from studiolo.core.ids import ProjectId
from studiolo.core.models import ProjectSpec
from studiolo.runtime.protocols import RunnerReport, RunnerState


class HomeRunner:
    """Runs the real agent for every project; homes survive a stop.

    `directory` must have a short path: a Unix socket's name has about a hundred characters.
    """

    name = "homes"
    shares_disk = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[ProjectId, tuple[Agent, asyncio.Task[None]]] = {}

    async def probe(self) -> RunnerReport:
        """Say that there are no walls."""
        return RunnerReport(self.name, is_isolated=False, limits_enforced=(), warnings=())

    async def start(self, spec: ProjectSpec) -> RunnerState:
        """Start the project's agent unless it runs."""
        if spec.project_id not in self._running:
            listening = _listen(self._path(spec.project_id))
            agent = Agent(str(self.home(spec.project_id)))
            serving = asyncio.create_task(Server(agent, Registry()).serve(listening))
            self._running[spec.project_id] = agent, serving
        return {}

    async def poll(self, project_id: ProjectId, state: RunnerState) -> bool:
        """Tell whether the agent runs."""
        return project_id in self._running

    async def stop(self, project_id: ProjectId, state: RunnerState) -> None:
        """End the agent in an orderly way."""
        if project_id in self._running:
            agent, serving = self._running.pop(project_id)
            agent.request_stop()
            await serving

    async def set_limits(self, spec: ProjectSpec) -> bool:
        """Hold no limits."""
        return False

    def socket_path(self, project_id: ProjectId, state: RunnerState) -> str:
        """Return where the agent answers."""
        return self._path(project_id)

    def home(self, project_id: ProjectId) -> Path:
        """Return the project's home, made if it is missing."""
        home = self._directory / "homes" / project_id
        home.mkdir(parents=True, exist_ok=True)
        return home

    async def close(self) -> None:
        """End every agent."""
        for project_id in tuple(self._running):
            await self.stop(project_id, {})

    def _path(self, project_id: ProjectId) -> str:
        return str(self._directory / f"{project_id[-12:]}.sock")


def _listen(path: str) -> socket.socket:
    Path(path).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(128)
    listening.setblocking(False)
    return listening
