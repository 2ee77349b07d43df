"""The loop of a worker: take work while there is some, rest a little longer each time there is none.

Waking up carries no data: the worker always looks into the table. A lost wake-up costs `LONGEST_PAUSE_SECONDS`.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

import structlog

from studiolo.core.clock import Clock

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 1.0
_log = structlog.get_logger()


async def run(
    step: Callable[[], Awaitable[bool]],
    clock: Clock,
    wake: asyncio.Event | None = None,
    idle_seconds: float = math.inf,
    may_end: Callable[[], bool] = lambda: True,
    *,
    looks_by_itself: bool = True,
) -> None:
    """Call `step`, which tells whether there may be more to do, again and again; no failure ends the loop.

    Returns when there was nothing to do for `idle_seconds` and `may_end` agrees. Without `looks_by_itself` it rests
    until it is woken.
    """
    wake = wake or asyncio.Event()
    pause_seconds, worked_at = FIRST_PAUSE_SECONDS, clock.monotonic()
    while clock.monotonic() - worked_at < idle_seconds or not may_end():
        wake.clear()
        try:
            has_worked = await step()
        except Exception:  # noqa: BLE001 - the edge: a worker that ends helps nobody
            _log.exception("worker_step_failed")
            await clock.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            continue
        if has_worked:
            pause_seconds, worked_at = FIRST_PAUSE_SECONDS, clock.monotonic()
            continue
        if not looks_by_itself:
            await wake.wait()
            continue
        is_woken = await _rest(pause_seconds, clock, wake)
        pause_seconds = FIRST_PAUSE_SECONDS if is_woken else min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


async def _rest(seconds: float, clock: Clock, wake: asyncio.Event) -> bool:
    """Wait until time has passed or somebody wakes us; tell which."""
    resting = asyncio.ensure_future(clock.sleep(seconds))
    waking = asyncio.ensure_future(wake.wait())
    try:
        await asyncio.wait({resting, waking}, return_when=asyncio.FIRST_COMPLETED)
        return waking.done()
    finally:
        resting.cancel()
        waking.cancel()
        await asyncio.gather(resting, waking, return_exceptions=True)
