"""The queue of copies: who is next, within limits, and how what was claimed together ends together.

The rules of the queue stand in `copies.py`. In addition:

1. Several copies are claimed at once when they are small work for one copier: ordered by one account, with the same
   options, from one project or into one project. Whatever was tried before is claimed alone, since it may be what
   killed a worker.
2. An account, or a project, that keeps as many slots busy as it may is passed over. A slot is a `lease_owner`. When
   everybody who waits is such an account, that is found out from one row of each, not from all that wait.
3. Every query is served by a partial index, so that a million finished or scheduled copies cost nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    distinct,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import CopyOperation
from studiolo.storage import dialects
from studiolo.storage.copies import PROGRESS, copy_of, next_turn
from studiolo.storage.tables import copies


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How many slots an account, and a project, may keep busy."""

    per_account: int
    per_project: int


HORIZON = timedelta(hours=1)  # longer than every lease and every pause before a further attempt
UNLIMITED = AtOnce(1 << 30, 1 << 30)


@dataclass(frozen=True, slots=True)
class _Full:
    """Who keeps as many slots busy as it may."""

    accounts: list[AccountId]
    projects: list[ProjectId]


_NOBODY = _Full([], [])


@dataclass(frozen=True, slots=True)
class Claim:
    """Copies that were claimed together, their `attempts` counting this one, and whether others wait."""

    copies: list[CopyOperation]
    is_more: bool


def claim(
    tx: Connection, owner: str, *, now: datetime, lease_until: datetime, most: int = 1, at_once: AtOnce = UNLIMITED
) -> Claim:
    """Take the next copy that may run, with others that go well together with it, and lease them to `owner`."""
    dialects.lock_queue(tx)
    found = _next(tx, now, most + 1, _NOBODY)
    full = _full(tx, now, at_once) if found else _NOBODY
    if full != _NOBODY:
        found = [] if full.accounts and not _is_anybody_free(tx, now, full) else _next(tx, now, most + 1, full)
        if not found:
            return Claim([], is_more=True)
    if not found:
        return Claim([], is_more=False)
    chosen = {copy.copy_id: copy for copy in _together(found[:most])}
    given = {"now": now, "horizon": now + HORIZON, "new_owner": owner, "new_lease": lease_until, "chosen": list(chosen)}
    taken = set(tx.execute(_CLAIM, given).scalars())
    claimed = [
        replace(copy, started_at=copy.started_at or now, attempts=copy.attempts + 1)
        for copy_id, copy in chosen.items()
        if copy_id in taken
    ]
    return Claim(claimed, is_more=len(found) > len(claimed))


def is_any_due(tx: Connection, now: datetime) -> bool:
    """Tell whether there is a copy that could be claimed, limits aside."""
    return bool(_next(tx, now, 1, _NOBODY))


def place_to_begin(tx: Connection, copy: CopyOperation, now: datetime, at_once: AtOnce) -> datetime | None:
    """Return when a copy that is not written down yet would be due, if it may be begun at once; else None.

    It may when no copy that waits is before it in the queue, and no limit is reached. On PostgreSQL a claim at the same
    moment is not seen, so that a limit may be passed by what begins together.
    """
    due_at = next_turn(tx, copy.account_id, now, None)
    given = {"now": now, "horizon": now + HORIZON, "due": due_at}
    held: Sequence[Any] = tx.execute(_HELD_OR_BEFORE, given).all()
    if len(held) >= _MOST_HELD or any(row.lease_owner is None for row in held):
        return None
    ends = {copy.source_project_id, copy.target_project_id}
    of_account = {row.lease_owner for row in held if row.account_id == copy.account_id}
    of_project = [
        {row.lease_owner for row in held if end in (row.source_project_id, row.target_project_id)} for end in ends
    ]
    is_account_full = copy.account_id is not None and len(of_account) >= at_once.per_account
    is_project_full = any(len(owners) >= at_once.per_project for owners in of_project)
    return None if is_account_full or is_project_full else due_at


def finish_well(
    tx: Connection, done: Sequence[tuple[CopyOperation, dict[str, Any] | None]], owner: str, now: datetime
) -> None:
    """Record the good end of copies, each with its report; whose lease was lost is passed over."""
    tx.execute(_END_WELL, [_ended(copy, owner, now, report or {}) for copy, report in done])


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


_NOW = bindparam("now", type_=copies.c.due_at.type)


def _next(tx: Connection, now: datetime, most: int, full: _Full) -> list[CopyOperation]:
    """Return the copies that are next, in order."""
    given = {"now": now, "horizon": now + HORIZON, "most": most}
    given |= {"full_accounts": full.accounts, "full_projects": full.projects}
    query = _NEXT_OF_ALL if full == _NOBODY else _NEXT_OF_SOME
    return [copy_of(row) for row in tx.execute(query, given).mappings()]


def _is_free(now: ColumnElement[Any]) -> ColumnElement[bool]:
    until = copies.c.lease_until
    # a moment that is further away than any lease or pause lasts was written before the clock was set back
    is_over = or_(until.is_(None), until <= now, until > bindparam("horizon", type_=until.type))
    return and_(copies.c.due_at.is_not(None), is_over)


def _next_query(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return whose turn has come, then whose is later: of those that are not scheduled, and of those that were."""
    now, most = _NOW, bindparam("most", type_=Integer)
    waiting = select(copies.c.copy_id, copies.c.due_at).where(_is_free(now), *conditions)
    later = waiting.where(copies.c.due_at > now)
    parts = (
        waiting.where(copies.c.due_at <= now).order_by(copies.c.due_at),
        later.where(copies.c.scheduled_at.is_(None)).order_by(copies.c.due_at),
        later.where(copies.c.scheduled_at <= now).order_by(copies.c.scheduled_at, copies.c.due_at),  # as its index is
    )
    found = union_all(*(select(part.limit(most).subquery()) for part in parts)).subquery()
    first = select(found.c.copy_id).order_by(found.c.due_at).limit(most)
    return select(copies).where(copies.c.copy_id.in_(first)).order_by(copies.c.due_at)


def _anybody_free_query() -> Select[Any]:
    """Step from account to account by the index of turns, and look at the first copies of each."""
    waiting = copies.c.due_at.is_not(None)
    first = select(func.min(copies.c.account_id).label("account_id")).where(waiting)
    who = first.cte("who", recursive=True)
    following = select(func.min(copies.c.account_id)).where(waiting, copies.c.account_id > who.c.account_id)
    who = who.union_all(select(following.scalar_subquery()).where(who.c.account_id.is_not(None)))
    may_run = (copies.c.scheduled_at.is_(None), copies.c.scheduled_at <= _NOW)
    of_account = [select(copies.c.copy_id).where(_is_free(_NOW), condition) for condition in may_run]
    theirs = or_(*(query.where(copies.c.account_id == who.c.account_id).exists() for query in of_account))
    nobodys = [query.where(copies.c.account_id.is_(None)) for query in of_account]
    not_full = who.c.account_id.not_in(bindparam("full_accounts", expanding=True))
    found = select(literal(1).label("one")).select_from(who).where(not_full, theirs)
    parts = (found, *(query.with_only_columns(literal(1).label("one")) for query in nobodys))
    return select(union_all(*(select(part.limit(1).subquery()) for part in parts)).subquery()).limit(1)


# built once: putting such statements together costs more than running them
_END_WELL = (
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
        report=bindparam("of_report", type_=copies.c.report.type),
        **{name: bindparam(f"of_{name}") for name in PROGRESS},
    )
)
_CLAIM = (
    update(copies)
    .where(copies.c.copy_id.in_(bindparam("chosen", expanding=True)), _is_free(_NOW))
    .values(
        started_at=func.coalesce(copies.c.started_at, _NOW),
        attempts=copies.c.attempts + 1,
        lease_owner=bindparam("new_owner"),
        lease_until=bindparam("new_lease"),
    )
    .returning(copies.c.copy_id)
)
_NEXT_OF_ALL = _next_query()
_ANYBODY_FREE = _anybody_free_query()
_NEXT_OF_SOME = _next_query(
    or_(copies.c.account_id.is_(None), copies.c.account_id.not_in(bindparam("full_accounts", expanding=True))),
    copies.c.source_project_id.not_in(bindparam("full_projects", expanding=True)),
    copies.c.target_project_id.not_in(bindparam("full_projects", expanding=True)),
)


def _is_anybody_free(tx: Connection, now: datetime, full: _Full) -> bool:
    """Tell whether a copy waits, and may run, that none of the full accounts ordered."""
    given = {"now": now, "horizon": now + HORIZON, "full_accounts": full.accounts}
    return tx.execute(_ANYBODY_FREE, given).first() is not None


_MOST_HELD = 600


def _held_or_before_query() -> Any:
    """Return what is under way, and one copy that waits before a moment of the queue: it has no `lease_owner`."""
    columns = ("account_id", "source_project_id", "target_project_id")
    before = and_(_is_free(_NOW), copies.c.due_at <= bindparam("due", type_=copies.c.due_at.type))
    ends = [copies.c[name] for name in columns]
    waiting = [
        select(*ends, null().label("lease_owner")).where(before, part).limit(1)
        for part in (copies.c.scheduled_at.is_(None), copies.c.scheduled_at <= _NOW)  # as the indexes are
    ]
    held = and_(copies.c.lease_owner.is_not(None), copies.c.lease_until > _NOW)
    parts = (*waiting, select(*ends, copies.c.lease_owner).where(held).limit(_MOST_HELD))
    return union_all(*(select(part.subquery()) for part in parts))


_HELD_OR_BEFORE = _held_or_before_query()


def _full(tx: Connection, now: datetime, at_once: AtOnce) -> _Full:
    if at_once == UNLIMITED:
        return _NOBODY
    given = {"now": now, "per_account": at_once.per_account, "per_project": at_once.per_project}
    found: Sequence[Any] = tx.execute(_FULL, given).all()
    return _Full(
        accounts=[row[1] for row in found if row[0] == "account"],
        projects=[row[1] for row in found if row[0] == "project"],
    )


def _full_query() -> Any:
    """Return the accounts and the projects that keep as many slots busy as they may."""
    held = and_(copies.c.lease_owner.is_not(None), copies.c.lease_until > _NOW)
    slots = func.count(distinct(copies.c.lease_owner))
    accounts = (
        select(literal("account"), copies.c.account_id)
        .where(held, copies.c.account_id.is_not(None))
        .group_by(copies.c.account_id)
        .having(slots >= bindparam("per_account", type_=Integer))
    )
    columns = (copies.c.source_project_id, copies.c.target_project_id)
    sides = union_all(
        *(select(column.label("name"), copies.c.lease_owner).where(held) for column in columns)
    ).subquery()
    projects = (
        select(literal("project"), sides.c.name)
        .group_by(sides.c.name)
        .having(func.count(distinct(sides.c.lease_owner)) >= bindparam("per_project", type_=Integer))
    )
    return union_all(accounts, projects)


_FULL = _full_query()


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
    return is_new and copy.mode != "snapshot" and not copy.exclude and copy.timeout_seconds is None


def _kind(copy: CopyOperation) -> tuple[object, ...]:
    return (copy.account_id, copy.mode, copy.is_public, copy.overwrite_newer, copy.delete_missing, copy.backup)
