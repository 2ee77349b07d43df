"""The queue of copies: who is next, within limits, and how what was claimed together ends together.

The rules of the queue stand in `copies.py`. In addition:

1. Several copies are claimed at once when they are small work for one copier: ordered by one account, with the same
   options, from one project or into one project. Whatever was tried before is claimed alone, since it may be what
   killed a worker.
2. An account, or a project, that keeps as many slots busy as it may is passed over. A slot is a `lease_owner`.
3. Every query is served by a partial index, so that a million finished or scheduled copies cost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    distinct,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import CopyOperation
from studiolo.storage import dialects
from studiolo.storage.copies import PROGRESS, copy_of
from studiolo.storage.tables import copies


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How many slots an account, and a project, may keep busy."""

    per_account: int
    per_project: int


UNLIMITED = AtOnce(1 << 30, 1 << 30)


@dataclass(frozen=True, slots=True)
class _Full:
    """Who keeps as many slots busy as it may."""

    accounts: list[AccountId]
    projects: list[ProjectId]


def claim(
    tx: Connection, owner: str, *, now: datetime, lease_until: datetime, most: int = 1, at_once: AtOnce = UNLIMITED
) -> list[CopyOperation]:
    """Take the next copy that may run, with others that go well together with it, and lease them to `owner`.

    The `attempts` of what is returned count this one already.
    """
    dialects.lock_queue(tx)
    found = _next(tx, now, most, _full(tx, now, at_once))
    if not found:
        return []
    chosen = {copy.copy_id: copy for copy in _together(found)}
    values = {
        "started_at": func.coalesce(copies.c.started_at, literal(now, copies.c.started_at.type)),
        "attempts": copies.c.attempts + 1,
        "lease_owner": owner,
        "lease_until": lease_until,
    }
    mine = and_(copies.c.copy_id.in_(chosen), copies.c.due_at.is_not(None), _is_free(now))
    taken = tx.execute(update(copies).where(mine).values(**values).returning(copies.c.copy_id)).scalars().all()
    return [
        replace(copy, started_at=copy.started_at or now, attempts=copy.attempts + 1)
        for copy_id, copy in chosen.items()
        if copy_id in taken
    ]


def is_any_due(tx: Connection, now: datetime) -> bool:
    """Tell whether there is a copy that could be claimed, limits aside."""
    return bool(_next(tx, now, 1, _Full([], [])))


def finish_well(
    tx: Connection, done: Sequence[tuple[CopyOperation, dict[str, Any] | None]], owner: str, now: datetime
) -> None:
    """Record the good end of copies, each with its report; whose lease was lost is passed over."""
    report = copies.c.report.type
    statement = (
        update(copies)
        .where(
            copies.c.copy_id == bindparam("of_copy"),
            copies.c.lease_owner == bindparam("of_owner"),
            copies.c.attempts == bindparam("of_attempts"),
        )
        .values(
            finished_at=bindparam("of_now"),
            due_at=None,
            lease_owner=None,
            lease_until=None,
            report=bindparam("of_report", type_=report),
            **{name: bindparam(f"of_{name}") for name in PROGRESS},
        )
    )
    tx.execute(statement, [_ended(copy, owner, now, report or {}) for copy, report in done])


def give_back(
    tx: Connection, claimed: Sequence[CopyOperation], owner: str, not_before: datetime, *, counts: bool
) -> None:
    """Give copies back to the queue, to be claimed no sooner than a moment; without `counts` as if never tried."""
    for attempts in {copy.attempts for copy in claimed}:
        mine = and_(
            copies.c.copy_id.in_([copy.copy_id for copy in claimed if copy.attempts == attempts]),
            copies.c.lease_owner == owner,
            copies.c.attempts == attempts,
        )
        values = {"lease_owner": None, "lease_until": not_before, "attempts": attempts if counts else attempts - 1}
        tx.execute(update(copies).where(mine).values(**values))


def _ended(copy: CopyOperation, owner: str, now: datetime, report: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in report.items() if name not in PROGRESS}
    done = {name: report.get(name.replace("total", "done")) for name in PROGRESS}  # all there was
    return {
        "of_copy": copy.copy_id,
        "of_owner": owner,
        "of_attempts": copy.attempts,
        "of_now": now,
        "of_report": rest,
        **{f"of_{name}": value for name, value in done.items()},
    }


def _next(tx: Connection, now: datetime, most: int, full: _Full) -> list[CopyOperation]:
    """Return the copies that are next, in order: those whose turn has come, then those of later turns."""
    waiting = and_(copies.c.due_at.is_not(None), _is_free(now), *_is_not_full(full))
    found = _rows(tx, select(copies).where(waiting, copies.c.due_at <= now).order_by(copies.c.due_at).limit(most))
    if len(found) == most:
        return [copy for _, copy in found]
    left = most - len(found)
    later = select(copies).where(waiting, copies.c.due_at > now).limit(left)
    ready = _rows(tx, later.where(copies.c.scheduled_at.is_(None)).order_by(copies.c.due_at))
    ready += _rows(
        tx, later.where(copies.c.scheduled_at <= now).order_by(copies.c.scheduled_at, copies.c.due_at)
    )  # with the index at hand; the few that are compared below are in order
    ready.sort(key=lambda row: row[0])
    return [copy for _, copy in (*found, *ready[:left])]


def _rows(tx: Connection, query: Select[Any]) -> list[tuple[datetime, CopyOperation]]:
    return [(row["due_at"], copy_of(row)) for row in tx.execute(query).mappings()]


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(copies.c.lease_until.is_(None), copies.c.lease_until <= now)


def _is_not_full(full: _Full) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if full.accounts:
        conditions.append(or_(copies.c.account_id.is_(None), copies.c.account_id.not_in(full.accounts)))
    if full.projects:
        conditions += [
            copies.c.source_project_id.not_in(full.projects),
            copies.c.target_project_id.not_in(full.projects),
        ]
    return conditions


def _full(tx: Connection, now: datetime, at_once: AtOnce) -> _Full:
    if at_once == UNLIMITED:
        return _Full([], [])
    held = and_(copies.c.lease_owner.is_not(None), copies.c.lease_until > now)
    slots = func.count(distinct(copies.c.lease_owner))
    accounts = select(copies.c.account_id).where(held, copies.c.account_id.is_not(None))
    by_account = accounts.group_by(copies.c.account_id).having(slots >= at_once.per_account)
    sides = union_all(
        *(select(column.label("project_id"), copies.c.lease_owner).where(held) for column in _SIDES)
    ).subquery()
    by_project = (
        select(sides.c.project_id)
        .group_by(sides.c.project_id)
        .having(func.count(distinct(sides.c.lease_owner)) >= at_once.per_project)
    )
    return _Full(list(tx.execute(by_account).scalars()), list(tx.execute(by_project).scalars()))


_SIDES = (copies.c.source_project_id, copies.c.target_project_id)


def _together(found: Sequence[CopyOperation]) -> list[CopyOperation]:
    """Return the first copy with those others that one copier may carry out with it."""
    first = found[0]
    if not _is_plain(first):
        return [first]
    alike = [copy for copy in found if _is_plain(copy) and _kind(copy) == _kind(first)]
    handed_out = [copy for copy in alike if copy.source_project_id == first.source_project_id]
    if len(handed_out) > 1:
        return handed_out
    return [copy for copy in alike if copy.target_project_id == first.target_project_id]


def _is_plain(copy: CopyOperation) -> bool:
    is_new = copy.attempts == 0 and not copy.is_cancelled
    return is_new and copy.mode == "copy" and not copy.exclude and copy.timeout_seconds is None


def _kind(copy: CopyOperation) -> tuple[object, ...]:
    return (copy.account_id, copy.is_public, copy.overwrite_newer, copy.delete_missing, copy.backup)
