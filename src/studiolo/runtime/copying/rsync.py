"""The copy engine that is rsync itself, in a sandbox, run by the keeper."""

from studiolo.core.models import CopyOrder
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import CopyPath
from studiolo.runtime.protocols import CopyReport, OnProgress


class RsyncEngine:
    """Copies with rsync; neither project needs to run. The rules are in `runtime/keeper/copies.py`."""

    def __init__(self, keeper: KeeperClient) -> None:
        self._keeper = keeper

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed. Repeating it is harmless.

        When the caller is cancelled, or its process dies, rsync is killed and no torn file stays.
        """
        if order.mode != "copy":
            raise ValueError("rsync revises nothing")
        return await self._keeper.ask(
            CopyPath(
                source_id=order.source.project_id,
                source_uid=order.source.uid,
                source_path=order.source_path,
                target_id=order.target.project_id,
                target_uid=order.target.uid,
                target_path=order.target_path,
                overwrite_newer=order.overwrite_newer,
                delete_missing=order.delete_missing,
                backup=order.backup,
                exclude=order.exclude,
                timeout_seconds=order.timeout_seconds,
                source_within=order.source_within,
            ),
            on_progress,
        )
