"""The copy engine of our own: quick, for whole trees; carried out by the keeper's copiers."""

from studiolo.core.models import CopyOrder
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import CopyTree
from studiolo.runtime.protocols import CopyReport, OnProgress


class OwnEngine:
    """Copies with our own copier; it knows no exclude patterns. The rules are in `copier.py` and `ends.py`."""

    def __init__(self, keeper: KeeperClient) -> None:
        self._keeper = keeper

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed. Repeating it is harmless.

        When the caller is cancelled, or its process dies, the copier stops and leaves no torn file.
        """
        if order.exclude:
            raise ValueError("this engine knows no exclude patterns")
        return await self._keeper.ask(
            CopyTree(
                source_id=order.source.project_id,
                source_uid=order.source.uid,
                source_path=order.source_path,
                target_id=order.target.project_id,
                target_uid=order.target.uid,
                target_path=order.target_path,
                overwrite_newer=order.overwrite_newer,
                delete_missing=order.delete_missing,
                backup=order.backup,
                timeout_seconds=order.timeout_seconds,
            ),
            on_progress,
        )
