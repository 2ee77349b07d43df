"""The copy worker: carries out copy operations, one after the other."""

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
) -> None:
    """Carry out copies until cancelled, or until there were none for `idle_seconds`.

    `worker_name` must be unique among all workers that ever run, such as host, process id and a random word: it names
    the owner of leases.
    """
    await loop.run(lambda: copies.run_one(worker_name), clock, wake, idle_seconds)
