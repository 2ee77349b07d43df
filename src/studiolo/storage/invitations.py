"""Rows of `invitations`, of people without an account, and of `invitation_mails`: who was mailed about what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from studiolo.core.ids import ProjectId
from studiolo.core.models import Invitation, Role
from studiolo.storage.dialects import insert_if_absent, insert_or_update
from studiolo.storage.tables import invitation_mails, invitations


def put(tx: Connection, invitation: Invitation) -> None:
    """Write an invitation, in place of an earlier one to the same project."""
    values = {name: getattr(invitation, name) for name in Invitation.__dataclass_fields__}
    insert_or_update(tx, invitations, values, ["email_address", "project_id"])


def list_for(tx: Connection, email_address: str, now: datetime) -> list[Invitation]:
    """Return the invitations of an address (in lower case) that are still good."""
    good = (invitations.c.email_address == email_address) & (invitations.c.expires_at > now)
    return [_invitation(row) for row in tx.execute(select(invitations).where(good)).mappings()]


def list_of_projects(tx: Connection, project_ids: Sequence[ProjectId], now: datetime) -> list[Invitation]:
    """Return the invitations to projects that are still good, the oldest first."""
    good = invitations.c.project_id.in_(project_ids) & (invitations.c.expires_at > now)
    query = select(invitations).where(good).order_by(invitations.c.created_at, invitations.c.email_address)
    return [_invitation(row) for row in tx.execute(query).mappings()]


def remove_for(tx: Connection, email_address: str) -> None:
    """Delete the invitations of an address."""
    tx.execute(delete(invitations).where(invitations.c.email_address == email_address))


def claim_mail(
    tx: Connection, email_address: str, project_id: ProjectId, *, now: datetime, unless_after: datetime
) -> bool:
    """Note that an address is mailed about a project; False if it was since `unless_after`."""
    if insert_if_absent(
        tx, invitation_mails, {"email_address": email_address, "project_id": project_id, "sent_at": now}
    ):
        return True
    old = _mail(email_address, project_id) & (invitation_mails.c.sent_at <= unless_after)
    return tx.execute(update(invitation_mails).where(old).values(sent_at=now)).rowcount == 1


def forget_mail(tx: Connection, email_address: str, project_id: ProjectId) -> None:
    """Take back that an address was mailed."""
    tx.execute(delete(invitation_mails).where(_mail(email_address, project_id)))


def reap(tx: Connection, now: datetime, mailed_before: datetime) -> int:
    """Delete what is over and return how many rows."""
    over = tx.execute(delete(invitations).where(invitations.c.expires_at <= now)).rowcount
    return over + tx.execute(delete(invitation_mails).where(invitation_mails.c.sent_at < mailed_before)).rowcount


def _mail(email_address: str, project_id: ProjectId) -> Any:
    return (invitation_mails.c.email_address == email_address) & (invitation_mails.c.project_id == project_id)


def _invitation(row: Any) -> Invitation:
    values: dict[str, Any] = {**row, "role": Role(row["role"])}
    return Invitation(**values)
