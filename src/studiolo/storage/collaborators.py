"""Rows of `collaborators`: an account's place in a project."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Collaborator, Role
from studiolo.storage.dialects import insert_or_update
from studiolo.storage.tables import collaborators

_IDS_PER_QUERY = 5000  # below the number of parameters that either database takes
_OF_SOME = (
    select(*(collaborators.c[name] for name in ("project_id", "account_id", "role", "details")))
    .where(collaborators.c.project_id.in_(bindparam("wanted", expanding=True)))
    .order_by(collaborators.c.created_at, collaborators.c.account_id)
)  # built once: putting it together costs more than running it


def put(
    tx: Connection, project_id: ProjectId, account_id: AccountId, role: Role, details: dict[str, Any], now: datetime
) -> None:
    """Give an account a place in a project, or change the one it has."""
    values = {
        "project_id": project_id,
        "account_id": account_id,
        "role": role,
        "details": details,
        "created_at": now,
    }
    insert_or_update(tx, collaborators, values, ["project_id", "account_id"])


def remove(tx: Connection, project_id: ProjectId, account_id: AccountId) -> None:
    """Take an account out of a project."""
    mine = (collaborators.c.project_id == project_id) & (collaborators.c.account_id == account_id)
    tx.execute(delete(collaborators).where(mine))


def list_for(tx: Connection, project_ids: Sequence[str]) -> dict[str, list[Collaborator]]:
    """Return the people of several projects at once, the longest there first."""
    found: dict[str, list[Collaborator]] = {}
    for start in range(0, len(project_ids), _IDS_PER_QUERY):
        some = project_ids[start : start + _IDS_PER_QUERY]
        for row in tx.execute(_OF_SOME, {"wanted": some}):
            person = Collaborator(row.account_id, Role(row.role), row.details)
            found.setdefault(row.project_id, []).append(person)
    return found
