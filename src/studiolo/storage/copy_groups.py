"""Rows of `copy_groups`, and the copies of a group taken together.

Position 0 is not one of its copies but the snapshot of what it hands out.
What a copy of a group is at is not stored but told from its row, in one place (`_state_of`), so it cannot be wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, func, or_, select, update

from studiolo.core.errors import CopyCancelled, FileNotFound
from studiolo.core.ids import AccountId, CopyGroupId, CopyId, ProjectId
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


@dataclass(frozen=True, slots=True)
class GroupSums:
    """What all copies of a group come to; `lately` is since the moment that was asked for."""

    counts: dict[CopyState, int]
    files_done: int
    bytes_done: int
    copies_lately: int  # that ended, well or not, but by no cancelling
    bytes_lately: int
    started_at: datetime | None  # the first of them
    finished_at: datetime | None  # the last of them


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


def list_of_project(tx: Connection, project_id: ProjectId, owner: str | None, limit: int) -> list[CopyGroup]:
    """Return the newest groups out of or into a project, those of one owner if one is given."""
    query = select(copy_groups).where(copy_groups.c.project_id == project_id)
    if owner is not None:
        query = query.where(copy_groups.c.owner == owner)
    rows = tx.execute(query.order_by(copy_groups.c.created_at.desc(), copy_groups.c.group_id).limit(limit)).mappings()
    return [CopyGroup(**row) for row in rows]


def get_all(tx: Connection, group_ids: Sequence[CopyGroupId]) -> dict[CopyGroupId, CopyGroup]:
    """Return those groups that exist, by id."""
    if not group_ids:
        return {}
    rows = tx.execute(select(copy_groups).where(copy_groups.c.group_id.in_(group_ids))).mappings()
    return {row["group_id"]: CopyGroup(**row) for row in rows}


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


def list_in_states(
    tx: Connection, group_id: CopyGroupId, states: Sequence[CopyState], *, after: tuple[int, int], limit: int
) -> list[tuple[CopyOperation, CopyState]]:
    """Return copies of a group, those in the first of the states first, behind one's place in `states` and position."""
    rank = case({state: place for place, state in enumerate(states)}, value=_state_of)
    place, position = after
    behind = or_(rank > place, and_(rank == place, copies.c.position > position))
    mine = and_(copies.c.group_id == group_id, copies.c.position > 0, behind)
    first = select(copies.c.copy_id, _state_of).where(mine).order_by(rank, copies.c.position).limit(limit)
    states_of = {row[0]: row[1] for row in tx.execute(first)}  # without the rest, of which there may be thousands
    rows = tx.execute(select(copies).where(copies.c.copy_id.in_(states_of))).mappings()
    found = {row["copy_id"]: copy_rows.copy_of(row) for row in rows}
    return [(found[copy_id], state) for copy_id, state in states_of.items()]


def sum_up(tx: Connection, group_id: CopyGroupId, lately: datetime) -> GroupSums:
    """Return what the copies of a group come to."""
    is_late = and_(copies.c.finished_at > lately, copies.c.started_at.is_not(None))
    query = (
        select(
            _state_of.label("state"),
            func.count().label("count"),
            func.sum(copies.c.files_done).label("files"),
            func.sum(copies.c.bytes_done).label("bytes"),
            func.sum(case((is_late, 1), else_=0)).label("copies_lately"),
            func.sum(case((is_late, copies.c.bytes_done))).label("bytes_lately"),
            func.min(copies.c.started_at).label("started_at"),
            func.max(copies.c.finished_at).label("finished_at"),
        )
        .where(copies.c.group_id == group_id, copies.c.position > 0)
        .group_by(_state_of)
    )
    rows = {row["state"]: row for row in tx.execute(query).mappings()}
    real = [row for state, row in rows.items() if state != "cancelled"]
    return GroupSums(
        counts={state: rows[state]["count"] if state in rows else 0 for state in COPY_STATES},
        files_done=sum(int(row["files"] or 0) for row in rows.values()),
        bytes_done=sum(int(row["bytes"] or 0) for row in rows.values()),
        copies_lately=sum(int(row["copies_lately"]) for row in real),
        bytes_lately=sum(int(row["bytes_lately"] or 0) for row in real),
        started_at=min((row["started_at"] for row in rows.values() if row["started_at"]), default=None),
        finished_at=max((row["finished_at"] for row in rows.values() if row["finished_at"]), default=None),
    )


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
