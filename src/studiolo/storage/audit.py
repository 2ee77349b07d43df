"""Rows of `audit_log`: written once, never changed, deleted when they are old."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import AuditEntry
from studiolo.storage.tables import audit_log

_COLUMNS = [name for name in AuditEntry.__dataclass_fields__ if name != "audit_id"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; None: whatever it is."""

    account_id: AccountId | None = None
    target_account_id: AccountId | None = None
    target_project_id: ProjectId | None = None
    action: str | None = None
    is_done: bool | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def add(tx: Connection, entry: AuditEntry) -> None:
    """Insert an entry."""
    tx.execute(insert(audit_log).values(**{name: getattr(entry, name) for name in _COLUMNS}))


def list_newest(tx: Connection, wanted: Wanted, *, before: int | None, limit: int) -> list[AuditEntry]:
    """Return entries, the newest first, those before an entry's id only."""
    column = audit_log.c
    query = select(audit_log)
    for name in ("account_id", "target_account_id", "target_project_id", "action", "address"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(column[name] == value)
    if wanted.is_done is not None:
        query = query.where((column.result == "done") == wanted.is_done)
    if wanted.since is not None:
        query = query.where(column.happened_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(column.happened_at < wanted.until)
    if before is not None:
        query = query.where(column.audit_id < before)
    rows = tx.execute(query.order_by(column.audit_id.desc()).limit(limit)).mappings()
    return [_entry(row) for row in rows]


def reap(tx: Connection, before: datetime) -> int:
    """Delete the entries from before a moment and return how many."""
    return tx.execute(delete(audit_log).where(audit_log.c.happened_at < before)).rowcount


def _entry(row: RowMapping) -> AuditEntry:
    values: dict[str, Any] = dict(row)
    return AuditEntry(**values)
