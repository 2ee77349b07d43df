"""Rows of `project_log`: what happened in projects."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from studiolo.core.models import LogEntry
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.projects import Reach, is_reached
from studiolo.storage.tables import project_log


def get(tx: Connection, entry_id: str) -> LogEntry | None:
    """Return an entry."""
    row = tx.execute(select(project_log).where(project_log.c.entry_id == entry_id)).mappings().one_or_none()
    return LogEntry(**row) if row is not None else None


def put(tx: Connection, entry: LogEntry) -> None:
    """Write an entry, in place of the one with the same id."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in LogEntry.__dataclass_fields__}
    insert_or_update(tx, project_log, values, ["entry_id"])


def list_for(tx: Connection, reach: Reach, *, since: datetime | None, limit: int | None) -> list[LogEntry]:
    """Return the entries of projects, the newest first."""
    query = select(project_log).where(is_reached(project_log.c.project_id, reach))
    if since is not None:
        query = query.where(project_log.c.logged_at >= since)
    query = query.order_by(project_log.c.logged_at.desc(), project_log.c.entry_id).limit(limit)
    return [LogEntry(**row) for row in tx.execute(query).mappings()]
