"""News of finished copies for those who wait for them in this process.

News travels from the worker over the keeper, faster than anybody could look into the table, and may be lost: whoever
waits looks into the table now and then all the same.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Generator, Iterable
from contextlib import contextmanager

_KEPT = 1000  # news that may be older than the wish to hear it


class CopyNotices:
    """Who waits for which copy."""

    def __init__(self) -> None:
        self._awaited: dict[str, set[asyncio.Event]] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._new: OrderedDict[str, None] = OrderedDict()

    def expect(self, copy_id: str) -> None:
        """Remember that this copy was written down just now."""
        self._new[copy_id] = None
        while len(self._new) > _KEPT:
            self._new.popitem(last=False)

    def is_new(self, copy_id: str) -> bool:
        """Tell, once, whether a copy was just written down, so that it is too early to look what became of it."""
        return self._new.pop(copy_id, True) is None

    @contextmanager
    def awaited(self, copy_id: str) -> Generator[asyncio.Event]:
        """Give an event that is set when the copy is, or just was, said to be finished."""
        event = asyncio.Event()
        if copy_id in self._recent:
            event.set()
        self._awaited.setdefault(copy_id, set()).add(event)
        try:
            yield event
        finally:
            self._awaited[copy_id].discard(event)
            if not self._awaited[copy_id]:
                del self._awaited[copy_id]

    def take(self, copy_ids: Iterable[str]) -> None:
        """Wake those who wait for these copies."""
        for copy_id in copy_ids:
            self._recent[copy_id] = None
            for event in self._awaited.get(copy_id, ()):
                event.set()
        while len(self._recent) > _KEPT:
            self._recent.popitem(last=False)
