"""Which engine carries out which copy."""

from collections.abc import Sequence

from studiolo.core.models import CopyOrder
from studiolo.runtime.copying.own import OwnEngine
from studiolo.runtime.copying.rsync import RsyncEngine
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.protocols import CopyEngine, CopyOutcome, CopyReport, OnProgress


class ChoosingEngine:
    """Gives copies with `exclude` to rsync, whose patterns they are, and all others to our own copier."""

    def __init__(self, keeper: KeeperClient) -> None:
        self._own = OwnEngine(keeper)
        self._rsync = RsyncEngine(keeper)

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed. Repeating it is harmless."""
        engine: CopyEngine = self._rsync if order.exclude else self._own
        return await engine.copy(order, on_progress)

    async def copy_all(self, orders: Sequence[CopyOrder]) -> list[CopyOutcome]:
        """Carry out several small copies without patterns by our own copier."""
        return await self._own.copy_all(orders)
