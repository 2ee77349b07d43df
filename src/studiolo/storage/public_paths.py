"""Rows of `public_paths`."""

from typing import Any

from sqlalchemy import Connection, select

from studiolo.core.ids import ProjectId
from studiolo.core.models import PublicPath
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.tables import public_paths


def get(tx: Connection, public_path_id: str) -> PublicPath | None:
    """Return a public path, disabled ones too."""
    query = select(public_paths).where(public_paths.c.public_path_id == public_path_id)
    row = tx.execute(query).mappings().one_or_none()
    return PublicPath(**row) if row is not None else None


def put(tx: Connection, public_path: PublicPath) -> None:
    """Write a public path, in place of the one with the same id."""
    values: dict[str, Any] = {name: getattr(public_path, name) for name in PublicPath.__dataclass_fields__}
    insert_or_update(tx, public_paths, values, ["public_path_id"])


def list_of(tx: Connection, project_id: ProjectId) -> list[PublicPath]:
    """Return the public paths of a project, disabled ones too, by their names."""
    query = select(public_paths).where(public_paths.c.project_id == project_id).order_by(public_paths.c.path)
    return [PublicPath(**row) for row in tx.execute(query).mappings()]
