"""The copy engine of our own: quick, for whole trees; carried out by the keeper's copiers."""

from collections.abc import Sequence
from typing import Any

from studiolo.core.errors import error_from_wire
from studiolo.core.models import CopyOrder
from studiolo.runtime.keeper.client import KeeperClient
from studiolo.runtime.keeper.messages import CopyTree, CopyTrees
from studiolo.runtime.protocols import CopyOutcome, CopyReport, OnProgress, Postponed


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
        return await self._keeper.ask(_request(order), on_progress)

    async def copy_all(self, orders: Sequence[CopyOrder]) -> list[CopyOutcome]:
        """Carry out several small copies by one copier; those of whom it tells nothing shall be tried alone."""
        answer = await self._keeper.ask(CopyTrees(tuple(map(_request, orders))))
        return [_outcome(outcome) for outcome in answer["outcomes"]]


def _request(order: CopyOrder) -> CopyTree:
    return CopyTree(
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
        mode=order.mode,
        base_id=order.base_id,
        stamp=order.stamp,
        max_bytes=order.max_bytes,
        source_within=order.source_within,
    )


def _outcome(outcome: dict[str, Any]) -> CopyOutcome:
    if "result" in outcome:
        return outcome["result"]
    if "error" in outcome:
        error = outcome["error"]
        return error_from_wire(error.get("code"), error.get("message"), error.get("details"))
    return Postponed(outcome["not_begun"])
