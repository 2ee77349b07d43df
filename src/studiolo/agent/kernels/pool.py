"""Kernels that are booted ahead of being asked for, so that code run outside documents need not wait for one.

A kernel of the pool is taken once and never comes back: nobody meets what another one's code left. The pool fills
itself again after each one taken, until its time is over.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from studiolo.agent.agent import Agent
from studiolo.agent.kernels.kernel import Kernel
from studiolo.agent.kernels.kernels import Kernels
from studiolo.core.errors import StudioloError

MAX_SIZE = 4
DEFAULT_SECONDS = 900.0
MAX_SECONDS = 3600.0


@dataclass(slots=True)
class _Shelf:
    """The ready kernels of one name."""

    size: int = 0
    kernels: list["asyncio.Task[Kernel]"] = field(default_factory=list["asyncio.Task[Kernel]"])
    end: asyncio.TimerHandle | None = None


class Pool:
    """Ready kernels by name; all of them stand in the project's home."""

    def __init__(self, agent: Agent, kernels: Kernels) -> None:
        self._home = agent.home
        self._kernels = kernels
        self._shelves: dict[str, _Shelf] = {}
        self._ending: set[asyncio.Task[Any]] = set()
        agent.count_for_usage("pooled_kernels", lambda: sum(len(shelf.kernels) for shelf in self._shelves.values()))
        agent.add_stop_hook(self.close, order=19)  # before the kernels themselves

    def fill(self, name: str, size: int, seconds: float = DEFAULT_SECONDS) -> None:
        """Keep `size` kernels ready for so long; 0 ends those that are."""
        shelf = self._shelves.setdefault(name, _Shelf())
        shelf.size = min(size, MAX_SIZE)
        if shelf.end is not None:
            shelf.end.cancel()
        shelf.end = asyncio.get_running_loop().call_later(min(seconds, MAX_SECONDS), self.fill, name, 0)
        for surplus in shelf.kernels[shelf.size :]:
            self._end(surplus)
        del shelf.kernels[shelf.size :]
        self._refill(name, shelf)

    async def take(self, name: str, directory: str) -> Kernel:
        """Return a kernel that is the caller's to end, a ready one if there is one; raise if none starts."""
        shelf = self._shelves.get(name)
        while shelf is not None and shelf.kernels and directory == self._home:
            ready = shelf.kernels.pop(0)
            self._refill(name, shelf)
            try:
                kernel = await asyncio.shield(ready)
            except StudioloError:
                break
            if kernel.is_alive:
                return kernel
            self._end(ready)
        return await self._kernels.start(name, directory)

    async def settle(self, seconds: float) -> None:
        """Wait, not longer than so, until the kernels that are being started are ready."""
        starting = [one for shelf in self._shelves.values() for one in shelf.kernels]
        if starting:
            await asyncio.wait(starting, timeout=seconds)

    async def close(self) -> None:
        """End every ready kernel."""
        for name in list(self._shelves):
            self.fill(name, 0)
        for shelf in self._shelves.values():
            if shelf.end is not None:
                shelf.end.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _refill(self, name: str, shelf: _Shelf) -> None:
        while len(shelf.kernels) < shelf.size:
            starting = asyncio.create_task(self._kernels.start(name, self._home))
            starting.add_done_callback(lambda task, shelf=shelf: _forget_failed(shelf, task))
            shelf.kernels.append(starting)

    def _end(self, ready: "asyncio.Task[Kernel]") -> None:
        async def end() -> None:
            for kernel in await asyncio.gather(ready, return_exceptions=True):
                if isinstance(kernel, Kernel):
                    await self._kernels.end(kernel)

        ending = asyncio.create_task(end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def _forget_failed(shelf: _Shelf, task: "asyncio.Task[Kernel]") -> None:
    if not task.cancelled() and task.exception() is not None and task in shelf.kernels:
        shelf.kernels.remove(task)
        shelf.size = 0  # one that does not start is not tried for ever
