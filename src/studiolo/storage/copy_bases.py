"""What was handed out last, and where: snapshots on disk and the places that were given them.

A snapshot is a home of nobody's, outside of every sandbox, under the id of the group that handed it out; it belongs to
the uid of the source project. A row is there before the snapshot is begun and after it was deleted, never the reverse.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from studiolo.core.ids import CopyGroupId, ProjectId
from studiolo.core.models import CopyOperation
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.tables import copies, copy_bases, copy_snapshots, projects


def plan_snapshot(tx: Connection, group_id: CopyGroupId, project_id: ProjectId, now: datetime) -> None:
    """Note that a snapshot is about to be taken."""
    tx.execute(insert(copy_snapshots).values(snapshot_id=group_id, project_id=project_id, created_at=now))


def find(tx: Connection, copy: CopyOperation) -> ProjectId | None:
    """Return the snapshot that the target of a copy was given last from its source."""
    query = (
        select(copy_snapshots.c.snapshot_id)
        .join(copy_bases, copy_bases.c.snapshot_id == copy_snapshots.c.snapshot_id)
        .where(
            copy_bases.c.target_project_id == copy.target_project_id,
            copy_bases.c.place == _place(copy),
            copy_snapshots.c.is_taken.is_(True),
            copy_snapshots.c.project_id == copy.source_project_id,
        )
    )
    return tx.execute(query).scalar_one_or_none()


def planned(tx: Connection, copies: Sequence[CopyOperation]) -> set[CopyGroupId]:
    """Return the groups among those of the copies that hand something out which may be revised."""
    groups = {copy.group_id for copy in copies if copy.group_id is not None}
    if not groups:
        return set()
    query = select(copy_snapshots.c.snapshot_id).where(copy_snapshots.c.snapshot_id.in_(groups))
    return set(tx.execute(query).scalars())


def note_finished(tx: Connection, done: Sequence[CopyOperation], now: datetime) -> None:
    """Note what copies that ended well have handed out; those of no group cost nothing."""
    taken = [copy.group_id for copy in done if copy.mode == "snapshot"]
    if taken:
        tx.execute(update(copy_snapshots).where(copy_snapshots.c.snapshot_id.in_(taken)).values(is_taken=True))
    handed_out = [copy for copy in done if copy.group_id is not None and copy.mode in ("copy", "revise")]
    groups = planned(tx, handed_out)
    for copy in handed_out:
        if copy.group_id in groups:
            key = {"target_project_id": copy.target_project_id, "place": _place(copy)}
            insert_or_update(tx, copy_bases, {**key, "snapshot_id": copy.group_id, "copied_at": now}, list(key))


def list_useless(tx: Connection, before: datetime, keep: int, limit: int) -> list[tuple[str, ProjectId, int]]:
    """Return snapshots from before a moment that nothing needs, with the project and uid they belong to.

    Of one project the newest `keep` that are needed stay; who was given an older one has no base any more.
    """
    newer = copy_snapshots.alias("newer")
    rank = (
        select(func.count())
        .where(newer.c.project_id == copy_snapshots.c.project_id, newer.c.created_at > copy_snapshots.c.created_at)
        .scalar_subquery()
    )
    is_needed = select(copy_bases.c.place).where(copy_bases.c.snapshot_id == copy_snapshots.c.snapshot_id).exists()
    is_busy = select(copies.c.copy_id).where(
        copies.c.group_id == copy_snapshots.c.snapshot_id, copies.c.finished_at.is_(None)
    )
    query = (
        select(copy_snapshots.c.snapshot_id, copy_snapshots.c.project_id, projects.c.uid)
        .join(projects, projects.c.project_id == copy_snapshots.c.project_id)
        .where(copy_snapshots.c.created_at < before, ~is_busy.exists(), ~is_needed | (rank >= keep))
        .order_by(copy_snapshots.c.created_at)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(query)]


def forget(tx: Connection, snapshot_id: str) -> None:
    """Forget a snapshot, before its files are deleted; the row itself stays until they are."""
    tx.execute(delete(copy_bases).where(copy_bases.c.snapshot_id == snapshot_id))
    tx.execute(update(copy_snapshots).where(copy_snapshots.c.snapshot_id == snapshot_id).values(is_taken=False))


def delete_snapshot(tx: Connection, snapshot_id: str) -> None:
    """Delete the row of a snapshot whose files are gone."""
    tx.execute(delete(copy_snapshots).where(copy_snapshots.c.snapshot_id == snapshot_id))


def _place(copy: CopyOperation) -> str:
    """Return the name of a place: the same source in the same target, however often it is handed out."""
    parts: tuple[Any, ...] = (copy.source_project_id, copy.source_path.rstrip("/"), copy.target_path.rstrip("/"))
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
