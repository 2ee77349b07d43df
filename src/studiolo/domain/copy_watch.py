"""Beside a copy that is carried out: write down now and then how far it is, and look whether it was cancelled.

The engine reports to memory as often as it likes; a row is written once a second at most, and only when there is
something new. A copy of less than a second is never written about before its end.
"""

from enum import Enum
from typing import Any

from studiolo.core.clock import Clock
from studiolo.core.errors import Unavailable
from studiolo.core.models import CopyOperation
from studiolo.storage import copies as rows
from studiolo.storage.database import Database

EVERY_SECONDS = 1.0


class Verdict(Enum):
    """Why a copy must not go on."""

    CANCELLED = "cancelled"
    LOST = "lost"  # the lease belongs to somebody else


class CopyWatch:
    """Watches one claimed copy; `tell` takes the engine's progress."""

    def __init__(self, database: Database, clock: Clock, claimed: CopyOperation, worker_name: str) -> None:
        self._database = database
        self._clock = clock
        self._claimed = claimed
        self._worker_name = worker_name
        self._news: dict[str, int] | None = None

    def tell(self, progress: dict[str, Any]) -> None:
        """Take what the engine says; what is not a plausible number is dropped."""
        self._news = {name: value for name, value in progress.items() if name in rows.PROGRESS and _is_count(value)}

    async def run(self) -> Verdict:
        """Watch until the copy must not go on."""
        while True:
            await self._clock.sleep(EVERY_SECONDS)
            news, self._news = self._news, None
            if news:
                self._database.write_soon(
                    lambda tx, news=news: rows.tell_progress(tx, self._claimed, self._worker_name, news)
                )
            try:
                is_cancelled = await self._database.read(
                    lambda tx: rows.is_cancelled(tx, self._claimed, self._worker_name)
                )
            except Unavailable:
                continue  # the database is away; the lease has its own patience
            if is_cancelled is not False:
                return Verdict.LOST if is_cancelled is None else Verdict.CANCELLED


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 62
