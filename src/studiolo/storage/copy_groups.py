"""Rows of `copy_groups`, and the copies of a group taken together.

Position 0 is not one of its copies but the snapshot of what it hands out.
What a copy of a group is at is not stored but told from its row, in one place (`_state_of`), so it cannot be wrong.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, select, update

from studiolo.core.errors import CopyCancelled, FileNotFound
from studiolo.core.ids import AccountId, CopyGroupId, CopyId
from studiolo.core.models import COPY_STATES, CopyGroup, CopyOperation, CopyState
from studiolo.storage import copies as copy_rows
from studiolo.storage.dialects import insert_if_absent
from studiolo.storage.tables import copies, copy_groups

_state_of = case(
    (and_(copies.c.finished_at.is_(None), copies.c.lease_owner.is_not(None)), "running"),
    (copies.c.finished_at.is_(None), "waiting"),
    (copies.c.error.is_(None), "done"),
    (copies.c.error_code == CopyCancelled.code, "cancelled"),
    (copies.c.error_code == FileNotFound.code, "missing"),
    else_="failed",
)


def insert(tx: Connection, group: CopyGroup) -> bool:
    """Insert a group; False when its owner has one under the same key."""
    return insert_if_absent(tx, copy_groups, {name: getattr(group, name) for name in _names()})


def get(tx: Connection, group_id: CopyGroupId) -> CopyGroup | None:
    """Return a group."""
    row = tx.execute(select(copy_groups).where(copy_groups.c.group_id == group_id)).mappings().one_or_none()
    return CopyGroup(**row) if row is not None else None


def get_by_key(tx: Connection, owner: str, group_key: str) -> CopyGroup | None:
    """Return the group that an owner ordered under a key."""
    query = select(copy_groups).where(copy_groups.c.owner == owner, copy_groups.c.group_key == group_key)
    row = tx.execute(query).mappings().one_or_none()
    return CopyGroup(**row) if row is not None else None


def count_states(tx: Connection, group_id: CopyGroupId) -> dict[CopyState, int]:
    """Return how many copies of a group are in which state."""
    mine = and_(copies.c.group_id == group_id, copies.c.position > 0)
    query = select(_state_of, func.count()).where(mine).group_by(_state_of)
    found = {row[0]: row[1] for row in tx.execute(query)}
    return {state: found.get(state, 0) for state in COPY_STATES}


def list_copies(
    tx: Connection, group_id: CopyGroupId, *, after: int, limit: int, state: CopyState | None
) -> list[tuple[CopyOperation, CopyState]]:
    """Return copies of a group behind a position, in order, with the state of each."""
    query = select(copies, _state_of.label("state")).where(copies.c.group_id == group_id, copies.c.position > after)
    if state is not None:
        query = query.where(_state_of == state)
    rows = tx.execute(query.order_by(copies.c.position).limit(limit)).mappings()
    return [(copy_rows.copy_of(row), row["state"]) for row in rows]


def cancel(tx: Connection, group_id: CopyGroupId, now: datetime, error: str) -> int:
    """End the copies that nobody carries out, tell whoever does to stop; return how many were unfinished."""
    unfinished = and_(copies.c.group_id == group_id, copies.c.finished_at.is_(None), copies.c.position > 0)
    end: dict[str, Any] = {"finished_at": now, "error": error, "error_code": CopyCancelled.code}
    end |= {"due_at": None, "lease_until": None}
    ended = tx.execute(update(copies).where(unfinished, copies.c.lease_owner.is_(None)).values(**end)).rowcount
    return ended + tx.execute(update(copies).where(unfinished).values(is_cancelled=True)).rowcount


def restart(
    tx: Connection,
    group: CopyGroup,
    account_id: AccountId | None,
    *,
    now: datetime,
    expires_at: datetime,
    with_cancelled: bool,
) -> int:
    """Put the copies that failed back into the queue, for an account; return how many."""
    states = ("failed", "missing", "cancelled") if with_cancelled else ("failed", "missing")
    mine = and_(copies.c.group_id == group.group_id, copies.c.position > 0)
    query = select(copies.c.copy_id).where(mine, _state_of.in_(states))
    failed = [CopyId(one) for one in tx.execute(query.order_by(copies.c.position)).scalars()]
    if not failed:
        return 0
    first = copy_rows.next_turn(tx, account_id, max(now, group.scheduled_at or now), group.scheduled_at)
    values: dict[str, Any] = copy_rows.as_new() | {
        "account_id": account_id,
        "due_at": bindparam("turn"),
        "expires_at": expires_at,
    }
    turns = [
        {"of_copy": copy_id, "turn": first + timedelta(seconds=copy_rows.TURN_SECONDS * index)}
        for index, copy_id in enumerate(failed)
    ]
    tx.execute(update(copies).where(copies.c.copy_id == bindparam("of_copy")).values(**values), turns)
    tx.execute(update(copy_groups).where(copy_groups.c.group_id == group.group_id).values(expires_at=expires_at))
    return len(failed)


def delete_expired(tx: Connection, now: datetime) -> int:
    """Delete groups whose time is over and none of whose copies is left; return how many."""
    left = select(copies.c.copy_id).where(copies.c.group_id == copy_groups.c.group_id).exists()
    return tx.execute(delete(copy_groups).where(copy_groups.c.expires_at < now, ~left)).rowcount


def _names() -> Mapping[str, Any]:
    return CopyGroup.__dataclass_fields__
