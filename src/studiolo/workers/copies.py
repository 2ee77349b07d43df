"""The copy worker: carries out copy operations, several at a time.

While one slot's copies move bytes others are claimed and written down. A wake-up goes to one idle slot only, which
wakes the next one when it finds work: there may be more, and looking in vain would hold up the others. Only slot 0
looks by itself now and then, for what has become due.

A slot claims more copies at once the quicker they are done, so that a thousand small ones cost few transactions while
a large one keeps nobody waiting behind it.
"""

import asyncio
import math

from studiolo.core.clock import Clock
from studiolo.domain.copies import Copies
from studiolo.workers import loop

FEWEST_AT_ONCE = 8
MOST_AT_ONCE = 64
_QUICK_SECONDS = 0.3
_SLOW_SECONDS = 1.0


async def run(
    copies: Copies,
    clock: Clock,
    worker_name: str,
    wake: asyncio.Event | None = None,
    idle_seconds: float = math.inf,
    slots: int = 1,
) -> None:
    """Carry out copies in `slots` at once, until cancelled or until there were none for `idle_seconds`.

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
        self._looking: set[int] = set()
        self._most = [FEWEST_AT_ONCE] * slots
        self._is_held_up = False  # there are copies, but their account or project has as many under way as it may
        self._worked_at = clock.monotonic()

    async def work(self, slot: int) -> None:
        step, wake = lambda: self._run_some(slot), self._wakes[slot]
        if slot == 0:
            await loop.run(step, self._clock, wake, self._idle_seconds, self._is_idle)
        else:
            await wake.wait()
            await loop.run(step, self._clock, wake, looks_by_itself=False)

    async def pass_on(self, wake: asyncio.Event) -> None:
        """Give each wake-up from outside to an idle slot."""
        while True:
            await wake.wait()
            wake.clear()
            self._wake_one()

    def _wake_one(self) -> None:
        busy = self._working | self._looking
        idle = next((slot for slot in range(len(self._wakes)) if slot not in busy), None)
        if idle is not None:
            self._wakes[idle].set()
        else:  # whoever looks may have looked too early; whoever works looks again when done
            for slot in self._looking:
                self._wakes[slot].set()

    async def _run_some(self, slot: int) -> bool:
        name = self._worker_name if slot == 0 else f"{self._worker_name}.{slot}"
        begun_at = 0.0

        def claimed(is_more: bool) -> None:
            nonlocal begun_at
            begun_at = self._clock.monotonic()
            self._looking.discard(slot)
            self._working.add(slot)
            if is_more:
                self._wake_one()

        self._looking.add(slot)
        try:
            share = await self._copies.run_some(name, self._most[slot], claimed)
        finally:
            self._looking.discard(slot)
            self._working.discard(slot)
        if share.count == 0:
            self._is_held_up = share.is_more
            return False
        self._worked_at = self._clock.monotonic()
        self._adapt(slot, share.count, self._worked_at - begun_at)
        return share.is_more or self._is_held_up

    def _adapt(self, slot: int, count: int, seconds: float) -> None:
        most = self._most[slot]
        if seconds > _SLOW_SECONDS or count == 1:
            self._most[slot] = max(FEWEST_AT_ONCE, most // 2)
        elif count == most and seconds < _QUICK_SECONDS:
            self._most[slot] = min(MOST_AT_ONCE, most * 2)

    def _is_idle(self) -> bool:
        return not self._working and self._clock.monotonic() - self._worked_at >= self._idle_seconds
