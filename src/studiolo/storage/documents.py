"""Rows of `documents`: which document a `string_id` stands for."""

from datetime import datetime

from sqlalchemy import Connection, select

from studiolo.core.ids import ProjectId
from studiolo.storage.dialects import insert_if_absent
from studiolo.storage.tables import documents


def place_of(tx: Connection, string_id: str) -> tuple[ProjectId, str] | None:
    """Return the project and the path of a document that was opened once."""
    query = select(documents.c.project_id, documents.c.path).where(documents.c.string_id == string_id)
    row = tx.execute(query).one_or_none()
    return (ProjectId(row.project_id), row.path) if row is not None else None


def note(tx: Connection, string_id: str, project_id: ProjectId, path: str, now: datetime) -> None:
    """Write down what a `string_id` stands for, once."""
    row = {"string_id": string_id, "project_id": project_id, "path": path, "first_opened_at": now}
    insert_if_absent(tx, documents, row)
