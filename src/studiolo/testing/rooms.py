"""A fake agent whose rooms can be watched: what came in, who is in, and a voice of its own."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from studiolo.core import wire
from studiolo.core.ids import ProjectId
from studiolo.core.wire import Frame
from studiolo.testing.agents import FakeAgent
from studiolo.testing.runners import FakeRunner


class RoomAgent(FakeAgent):
    """Sends every frame of a joined document back, and remembers it in `received`."""

    def __init__(self, home: str) -> None:
        super().__init__(home)
        self.received: list[Frame] = []
        self._rooms: list[asyncio.StreamWriter] = []

    @property
    def joined(self) -> int:
        """Return how many are in the rooms."""
        return len(self._rooms)

    async def say(self, frame: Frame) -> None:
        """Send a frame to everybody who has joined."""
        for writer in self._rooms:
            await wire.write(writer, frame)

    async def wait_for(self, condition: Callable[[], bool], timeout_seconds: float = 5.0) -> None:
        """Wait until something became true of this agent."""
        async with asyncio.timeout(timeout_seconds):
            while not condition():  # noqa: ASYNC110 - polls the other side of a real socket
                await asyncio.sleep(0.002)  # noqa: TID251 - the real clock is meant

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._rooms.append(writer)
        try:
            with suppress(wire.WireError, ConnectionError):
                while (frame := await wire.read(reader)) is not None:
                    self.received.append(frame)
                    await wire.write(writer, frame)
        finally:
            self._rooms.remove(writer)


class RoomRunner(FakeRunner):
    """Runs a `RoomAgent` for every project."""

    def agent(self, project_id: ProjectId) -> RoomAgent:
        """Return the project's agent, running or not."""
        found = self.agents.get(project_id)
        if not isinstance(found, RoomAgent):
            found = self.agents[project_id] = RoomAgent(f"/projects/{project_id}")
        return found
