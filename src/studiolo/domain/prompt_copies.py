"""Copies that somebody waits for, begun by the very process that writes them down.

Handing such a copy to a worker takes longer than copying a small file: a message that there is work, a transaction that
claims it, and news of its end. So whoever writes it down begins it as well, when nobody is overtaken by that:

1. It is written down with a lease, in the one transaction that orders it, before anything is done. Should this process
   die, a worker finds it when the lease is over, as it finds what another worker left.
2. Only when no other copy waits for its turn, and its account and projects have as many under way as they may
   (`storage/copy_queue.py`). Else it waits in the queue like every other one.
3. A few at once. While they are under way, what else is waited for is left to the workers.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from studiolo.core.ids import CopyId
from studiolo.core.models import CopyOperation
from studiolo.domain.copying import Begun, Copying

SLOTS = 4
_log = structlog.get_logger()


class PromptCopies:
    """The copies that this process has under way; `name` is unlike that of every worker and other process."""

    def __init__(self, copying: Copying, name: str) -> None:
        self._copying = copying
        self._free = [f"{name}.{slot}" for slot in range(SLOTS)]
        self._is_closing = False
        self._under_way: dict[CopyId, asyncio.Task[CopyOperation | None]] = {}

    async def order(self, write: Callable[[str | None], Awaitable[Begun | CopyOperation]]) -> CopyOperation:
        """Have a copy written down by `write`, and begin it if that was done in the name of the slot it was given."""
        slot = self._free.pop() if self._free and not self._is_closing else None
        is_begun = False
        try:
            written = await write(slot)
            if isinstance(written, CopyOperation):
                return written
            is_begun = True
        finally:
            if slot is not None and not is_begun:
                self._free.append(slot)
        task = asyncio.create_task(self._copying.carry_out(written))
        self._under_way[written.copy.copy_id] = task
        task.add_done_callback(lambda ended: self._end(written, ended))
        return written.copy

    def under_way(self, copy_id: CopyId) -> asyncio.Task[CopyOperation | None] | None:
        """Return what carries out a copy, which returns it as it ended, or None when nobody can say yet."""
        return self._under_way.get(copy_id)

    async def close(self) -> None:
        """Give back to the queue what is under way."""
        self._is_closing = True
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, begun: Begun, task: asyncio.Task[CopyOperation | None]) -> None:
        del self._under_way[begun.copy.copy_id]
        self._free.append(begun.owner)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # the database is away: somebody tries again once the lease is over
            _log.error("prompt_copy_broke", copy_id=begun.copy.copy_id, exc_info=error)
