"""Which engine carries out which copy."""

from studiolo.core.models import CopyOrder
from studiolo.runtime.copying.own import OwnEngine
from studiolo.runtime.copying.rsync import RsyncEngine
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.protocols import CopyEngine, CopyReport, OnProgress


class ChoosingEngine:
    """Gives copies with `exclude` to rsync, whose patterns they are, and all others to our own copier."""

    def __init__(self, keeper: KeeperClient) -> None:
        self._own: CopyEngine = OwnEngine(keeper)
        self._rsync: CopyEngine = RsyncEngine(keeper)

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed. Repeating it is harmless."""
        return await (self._rsync if order.exclude else self._own).copy(order, on_progress)
