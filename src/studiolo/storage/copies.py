"""Rows of `copy_paths`: at once the public record of copies and the queue of those to carry out.

The queue:

1. A row waits while `due_at` is set. It may be claimed once its `scheduled_at` and its `lease_until` have passed.
2. Rows are claimed in the order of `due_at`. An account's n-th waiting copy is due `TURN_SECONDS` after its one before,
   so that a thousand copies of one account queue behind the first one of another. The order only decides who is next:
   a copy that is due "later" is claimed at once when nobody else waits.
3. A claim sets a lease and counts an attempt. Owner and attempt together name the claim: who lost it changes nothing.
4. A lease that ran out makes the row claimable again; so does a retry, whose `lease_until` is the moment to wait for.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    literal_column,
    null,
    select,
    update,
)

from studiolo.core.ids import AccountId, CopyId, ProjectId
from studiolo.core.models import CopyOperation
from studiolo.storage.tables import copies

# built once: putting such statements together costs more than running them
_INSERT = insert(copies)
_ONE = select(copies).where(copies.c.copy_id == bindparam("wanted"))
TURN_SECONDS = 60
Kind = Literal["pending", "finished", "failed"]
PROGRESS = ("files_done", "files_total", "bytes_done", "bytes_total")
_path_start: ColumnElement[str] = literal_column("substr(copy_paths.source_path, 1, 64)", Text)  # as its index has it
_QUEUE_COLUMNS = ("expires_at", "due_at", "lease_owner", "lease_until")


def insert_waiting(tx: Connection, copy: CopyOperation, *, expires_at: datetime) -> None:
    """Insert a copy at its account's place in the queue."""
    insert_group(tx, [copy], expires_at=expires_at)


def insert_claimed(
    tx: Connection, copy: CopyOperation, owner: str, *, due_at: datetime, lease_until: datetime, expires_at: datetime
) -> CopyOperation:
    """Insert a copy that `owner` carries out at once, leased to it; return it as it is then."""
    claimed = replace(copy, started_at=copy.created_at, attempts=1)
    leased = {"due_at": due_at, "lease_owner": owner, "lease_until": lease_until, "expires_at": expires_at}
    tx.execute(_INSERT, _row_of(claimed) | leased)
    return claimed


def insert_group(tx: Connection, group: Sequence[CopyOperation], *, expires_at: datetime) -> None:
    """Insert copies of one account that were ordered together, one behind the other."""
    first = group[0]
    due_at = next_turn(tx, first.account_id, first.scheduled_at or first.created_at, first.scheduled_at)
    rows = [
        _row_of(copy) | {"expires_at": expires_at, "due_at": due_at + timedelta(seconds=TURN_SECONDS * index)}
        for index, copy in enumerate(group)
    ]
    tx.execute(_INSERT, rows)


def get(tx: Connection, copy_id: CopyId) -> CopyOperation | None:
    """Return a copy operation."""
    row = tx.execute(_ONE, {"wanted": copy_id}).mappings().one_or_none()
    return copy_of(row) if row is not None else None


def list_between(
    tx: Connection,
    *,
    source_project_id: ProjectId | None,
    target_project_id: ProjectId | None,
    source_path: str | None,
    kind: Kind,
    limit: int,
    offset: int,
) -> list[CopyOperation]:
    """Return the copies of a kind between projects, the newest first."""
    query = select(copies).where(_is_of(kind), copies.c.mode != "snapshot")
    given = {"source_project_id": source_project_id, "target_project_id": target_project_id}
    for name, value in given.items():
        if value is not None:
            query = query.where(copies.c[name] == value)
    if source_path is not None:
        query = query.where(_is_of_path(source_path))
    query = query.order_by(copies.c.created_at.desc(), copies.c.copy_id.desc()).limit(limit).offset(offset)
    return [copy_of(row) for row in tx.execute(query).mappings()]


def cancel(tx: Connection, copy_id: CopyId, now: datetime, *, error: str, error_code: str) -> bool:
    """End a copy that nobody carries out, tell whoever does to stop; False when it is finished."""
    unfinished = and_(copies.c.copy_id == copy_id, copies.c.finished_at.is_(None))
    end = {"finished_at": now, "error": error, "error_code": error_code, "due_at": None, "lease_until": None}
    if tx.execute(update(copies).where(unfinished, copies.c.lease_owner.is_(None)).values(**end)).rowcount:
        return True
    return tx.execute(update(copies).where(unfinished).values(is_cancelled=True)).rowcount == 1


def restart(
    tx: Connection, copy: CopyOperation, account_id: AccountId | None, now: datetime, expires_at: datetime
) -> bool:
    """Put a copy that failed back into the queue, for an account; False when it did not fail."""
    failed = and_(copies.c.copy_id == copy.copy_id, copies.c.finished_at.is_not(None), copies.c.error.is_not(None))
    values = as_new() | {
        "account_id": account_id,
        "due_at": next_turn(tx, account_id, copy.scheduled_at or now, copy.scheduled_at),
        "expires_at": expires_at,
    }
    return tx.execute(update(copies).where(failed).values(**values)).rowcount == 1


def tell_progress(tx: Connection, claimed: CopyOperation, owner: str, progress: dict[str, int]) -> None:
    """Write down how far a copy is, if the lease is still held."""
    _change_claimed(tx, claimed, owner, {name: progress[name] for name in PROGRESS if name in progress})


def is_cancelled(tx: Connection, claimed: CopyOperation, owner: str) -> bool | None:
    """Tell whether whoever holds the lease shall stop; None when it was lost."""
    query = select(copies.c.is_cancelled).where(_is_claimed(claimed, owner))
    return tx.execute(query).scalar_one_or_none()


def delete_scheduled(tx: Connection, copy_id: CopyId) -> bool:
    """Delete a scheduled copy that is neither finished nor being carried out; False if there is none."""
    waits = and_(copies.c.finished_at.is_(None), copies.c.lease_owner.is_(None))
    mine = and_(copies.c.copy_id == copy_id, copies.c.scheduled_at.is_not(None))
    return tx.execute(delete(copies).where(mine, waits)).rowcount == 1


def delete_expired(tx: Connection, now: datetime, most: int) -> int:
    """Delete finished copies whose time is over, `most` of them at once; return how many."""
    over = and_(copies.c.expires_at < now, copies.c.finished_at.is_not(None))
    some = select(copies.c.copy_id).where(over).order_by(copies.c.expires_at).limit(most)
    return tx.execute(delete(copies).where(copies.c.copy_id.in_(some))).rowcount


def renew(tx: Connection, claimed: CopyOperation, owner: str, lease_until: datetime) -> bool:
    """Lengthen the lease; False when it was lost."""
    return _change_claimed(tx, claimed, owner, {"lease_until": lease_until})


def finish(
    tx: Connection,
    claimed: CopyOperation,
    owner: str,
    now: datetime,
    *,
    error: str | None,
    error_code: str | None,
    report: dict[str, Any] | None = None,
) -> CopyOperation | None:
    """Record the end of a copy, good or bad, and return it as it is then; None when the lease was lost."""
    outcome: dict[str, Any] = {"finished_at": now, "error": error, "error_code": error_code}
    if report:
        done = {name: report[name] for name in ("files_done", "bytes_done") if name in report}
        if error is None:  # all there was: nothing needs to have been counted
            done |= {name.replace("done", "total"): value for name, value in done.items()}
        outcome |= done
        outcome["report"] = {name: value for name, value in report.items() if name not in PROGRESS}
    given = {f"end_{name}": value for name, value in outcome.items()}
    claim = {"of_copy": claimed.copy_id, "of_owner": owner, "of_attempts": claimed.attempts}
    is_ours = tx.execute(_end_with(tuple(sorted(outcome))), given | claim).rowcount == 1
    return replace(claimed, **outcome) if is_ours else None


@functools.cache  # there are few sets of columns; putting a statement together costs more than running it
def _end_with(names: tuple[str, ...]) -> Update:
    mine = and_(
        copies.c.copy_id == bindparam("of_copy"),
        copies.c.lease_owner == bindparam("of_owner"),
        copies.c.attempts == bindparam("of_attempts"),
    )
    values = {name: bindparam(f"end_{name}", type_=copies.c[name].type) for name in names}
    over = {"due_at": None, "lease_owner": None, "lease_until": None}
    return update(copies).where(mine).values(**values, **over)


def _change_claimed(tx: Connection, claimed: CopyOperation, owner: str, values: dict[str, Any]) -> bool:
    return tx.execute(update(copies).where(_is_claimed(claimed, owner)).values(**values)).rowcount == 1


def _is_claimed(claimed: CopyOperation, owner: str) -> ColumnElement[bool]:
    return and_(
        copies.c.copy_id == claimed.copy_id, copies.c.lease_owner == owner, copies.c.attempts == claimed.attempts
    )


def as_new() -> dict[str, Any]:
    """Return the columns of a copy that was never claimed."""
    none = ("started_at", "finished_at", "error", "error_code", "lease_owner", "lease_until", *PROGRESS)
    return {**dict.fromkeys(none), "report": null(), "attempts": 0, "is_cancelled": False}


def next_turn(
    tx: Connection, account_id: AccountId | None, due_at: datetime, scheduled_at: datetime | None
) -> datetime:
    """Return when an account's next copy is due, behind those that wait already."""
    last = _last_due_of_account(tx, account_id, scheduled_at)
    return due_at if last is None else max(due_at, last + timedelta(seconds=TURN_SECONDS))


def _last_due_of_account(
    tx: Connection, account_id: AccountId | None, scheduled_at: datetime | None
) -> datetime | None:
    query = _last_due(is_of_nobody=account_id is None, is_scheduled=scheduled_at is not None)
    return tx.execute(query, {"wanted": account_id, "moment": scheduled_at}).scalar_one_or_none()


@functools.cache
def _last_due(*, is_of_nobody: bool, is_scheduled: bool) -> Select[Any]:
    # IS NULL is served by an index on both databases; IS NOT DISTINCT FROM would not be
    account, moment = copies.c.account_id, copies.c.scheduled_at
    same_account = account.is_(None) if is_of_nobody else account == bindparam("wanted")
    same_moment = moment == bindparam("moment", type_=moment.type) if is_scheduled else moment.is_(None)
    query = select(copies.c.due_at).where(same_account, same_moment, copies.c.due_at.is_not(None))
    # all of the index's columns: PostgreSQL does not see that IS NULL leaves one value, and would pass over the index
    return query.order_by(account.desc(), moment.desc(), copies.c.due_at.desc()).limit(1)


def _is_of(kind: Kind) -> ColumnElement[bool]:
    if kind == "failed":  # a copy has an error only once it ended; to say so would lead SQLite to the wrong index
        return copies.c.error.is_not(None)
    return copies.c.finished_at.is_(None) if kind == "pending" else copies.c.finished_at.is_not(None)


def _row_of(copy: CopyOperation) -> dict[str, Any]:
    """Return the columns of a copy that nothing is reported of yet; the default of that is no JSON null."""
    return {name: getattr(copy, name) for name in _fields() if name != "report"} | {"exclude": list(copy.exclude)}


def _is_of_path(path: str) -> ColumnElement[bool]:
    # no `=`: SQLite would then put the parameter into `substr` too, and pass over its index
    return and_(_path_start == path[:64], copies.c.source_path.between(path, path))


@functools.cache
def _fields() -> Sequence[str]:
    return [column.name for column in copies.columns if column.name not in _QUEUE_COLUMNS]


def copy_of(row: Any) -> CopyOperation:
    """Return the operation that a row holds."""
    values: dict[str, Any] = {name: row[name] for name in _fields()}
    values["exclude"] = tuple(values["exclude"])
    return CopyOperation(**values)
