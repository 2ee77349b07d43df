"""The copy worker: carries out copy operations, several at a time.

While one copy moves bytes another one is claimed and a third one written down, and those transactions share flushes of
the disk. Every slot looks for work by itself; whoever finds some wakes the others, since there may be more.
"""

import asyncio
import math
from contextlib import suppress

from studiolo.core.clock import Clock
from studiolo.domain.copies import Copies
from studiolo.workers import loop


async def run(
    copies: Copies,
    clock: Clock,
    worker_name: str,
    wake: asyncio.Event | None = None,
    idle_seconds: float = math.inf,
    slots: int = 1,
) -> None:
    """Carry out copies, at most `slots` at once, until cancelled or until there were none for `idle_seconds`.

    `worker_name` must be unique among all workers that ever run, such as host, process id and a random word: it names
    the owner of leases.
    """
    crew = _Crew(copies, clock, worker_name, wake or asyncio.Event(), idle_seconds)
    others = [asyncio.create_task(crew.work(slot)) for slot in range(1, slots)]
    try:
        await crew.work(0)
    finally:
        for task in others:
            task.cancel()
        for task in others:
            with suppress(asyncio.CancelledError):
                await task


class _Crew:
    """The slots of one worker; slot 0 decides when there was nothing to do for long enough."""

    def __init__(
        self, copies: Copies, clock: Clock, worker_name: str, wake: asyncio.Event, idle_seconds: float
    ) -> None:
        self._copies = copies
        self._clock = clock
        self._worker_name = worker_name
        self._wake = wake
        self._idle_seconds = idle_seconds
        self._running = 0
        self._worked_at = clock.monotonic()

    async def work(self, slot: int) -> None:
        name = self._worker_name if slot == 0 else f"{self._worker_name}.{slot}"
        idle_seconds = self._idle_seconds if slot == 0 else math.inf
        await loop.run(lambda: self._run_one(name), self._clock, self._wake, idle_seconds, self._is_idle)

    async def _run_one(self, name: str) -> bool:
        self._running += 1
        try:
            has_worked = await self._copies.run_one(name, on_claimed=self._wake.set)
        finally:
            self._running -= 1
        if has_worked:
            self._worked_at = self._clock.monotonic()
        return has_worked

    def _is_idle(self) -> bool:
        return self._running == 0 and self._clock.monotonic() - self._worked_at >= self._idle_seconds
