"""The copy worker: carries out copy operations, several at a time.

While one copy moves bytes another one is claimed and a third one written down, and those transactions share flushes of
the disk. A wake-up goes to one idle slot only, which wakes the next one when it finds work: there may be more, and
looking in vain would hold up the others.
"""

import asyncio
import math

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
    crew = _Crew(copies, clock, worker_name, idle_seconds, slots)
    others = [asyncio.create_task(crew.work(slot)) for slot in range(1, slots)]
    others.append(asyncio.create_task(crew.pass_on(wake or asyncio.Event())))
    try:
        await crew.work(0)
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class _Crew:
    """The slots of one worker; slot 0 decides when there was nothing to do for long enough."""

    def __init__(self, copies: Copies, clock: Clock, worker_name: str, idle_seconds: float, slots: int) -> None:
        self._copies = copies
        self._clock = clock
        self._worker_name = worker_name
        self._idle_seconds = idle_seconds
        self._wakes = [asyncio.Event() for _ in range(slots)]
        self._working: set[int] = set()
        self._worked_at = clock.monotonic()

    async def work(self, slot: int) -> None:
        idle_seconds = self._idle_seconds if slot == 0 else math.inf
        await loop.run(lambda: self._run_one(slot), self._clock, self._wakes[slot], idle_seconds, self._is_idle)

    async def pass_on(self, wake: asyncio.Event) -> None:
        """Give each wake-up from outside to an idle slot."""
        while True:
            await wake.wait()
            wake.clear()
            self._wake_one()

    def _wake_one(self) -> None:
        idle = next((slot for slot in range(len(self._wakes)) if slot not in self._working), None)
        if idle is not None:  # else all are at work, and look again when they are done
            self._wakes[idle].set()

    async def _run_one(self, slot: int) -> bool:
        name = self._worker_name if slot == 0 else f"{self._worker_name}.{slot}"

        def claimed() -> None:
            self._working.add(slot)
            self._wake_one()

        try:
            has_worked = await self._copies.run_one(name, on_claimed=claimed)
        finally:
            self._working.discard(slot)
        if has_worked:
            self._worked_at = self._clock.monotonic()
        return has_worked

    def _is_idle(self) -> bool:
        return not self._working and self._clock.monotonic() - self._worked_at >= self._idle_seconds
