"""Rows of `file_use`: who used which file."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from studiolo.core.models import FileUse
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.projects import Reach, is_reached
from studiolo.storage.tables import file_use


def get(tx: Connection, file_use_id: str) -> FileUse | None:
    """Return a record."""
    row = tx.execute(select(file_use).where(file_use.c.file_use_id == file_use_id)).mappings().one_or_none()
    return FileUse(**row) if row is not None else None


def put(tx: Connection, record: FileUse) -> None:
    """Write a record, in place of the one with the same id."""
    values: dict[str, Any] = {name: getattr(record, name) for name in FileUse.__dataclass_fields__}
    insert_or_update(tx, file_use, values, ["file_use_id"])


def remove(tx: Connection, file_use_id: str) -> None:
    """Delete a record."""
    tx.execute(delete(file_use).where(file_use.c.file_use_id == file_use_id))


def list_for(tx: Connection, reach: Reach, *, since: datetime, limit: int | None) -> list[FileUse]:
    """Return the records of files edited since a moment, the newest first."""
    query = select(file_use).where(is_reached(file_use.c.project_id, reach), file_use.c.last_edited_at >= since)
    query = query.order_by(file_use.c.last_edited_at.desc(), file_use.c.file_use_id).limit(limit)
    return [FileUse(**row) for row in tx.execute(query).mappings()]
