"""Rows of `project_invite_tokens`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from studiolo.core.ids import ProjectId
from studiolo.core.models import InviteToken
from studiolo.storage.tables import invite_tokens


def add(tx: Connection, token: InviteToken) -> None:
    """Insert a token."""
    row = {name: getattr(token, name) for name in InviteToken.__dataclass_fields__}
    tx.execute(insert(invite_tokens).values(**row))


def get(tx: Connection, token: str) -> InviteToken | None:
    """Return a token, expired and used up ones too."""
    row = tx.execute(select(invite_tokens).where(invite_tokens.c.token == token)).mappings().one_or_none()
    return InviteToken(**row) if row is not None else None


def change(tx: Connection, token: str, values: Mapping[str, Any]) -> None:
    """Write columns of a token."""
    tx.execute(update(invite_tokens).where(invite_tokens.c.token == token).values(**values))


def list_of_projects(tx: Connection, project_ids: Sequence[ProjectId]) -> list[InviteToken]:
    """Return the tokens of projects, the oldest first."""
    query = select(invite_tokens).where(invite_tokens.c.project_id.in_(project_ids))
    rows = tx.execute(query.order_by(invite_tokens.c.created_at, invite_tokens.c.token)).mappings()
    return [InviteToken(**row) for row in rows]


def use(tx: Connection, token: str, now: datetime) -> ProjectId | None:
    """Count one use and return the project; None if the token is unknown, expired or used up."""
    limit, expires_at = invite_tokens.c.usage_limit, invite_tokens.c.expires_at
    good = [or_(limit.is_(None), invite_tokens.c.uses < limit), or_(expires_at.is_(None), expires_at > now)]
    counted = update(invite_tokens).where(invite_tokens.c.token == token, *good)
    if tx.execute(counted.values(uses=invite_tokens.c.uses + 1)).rowcount == 0:
        return None
    found = get(tx, token)
    return found.project_id if found is not None else None
