"""Rows of `organizations` and `organization_members`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from studiolo.core.ids import AccountId, OrganizationId
from studiolo.core.models import Organization
from studiolo.storage.dialects import insert_if_absent, insert_or_update
from studiolo.storage.tables import organization_members as members
from studiolo.storage.tables import organizations


def insert(tx: Connection, organization: Organization, created_by: AccountId | None) -> bool:
    """Insert an organization; False if its name is taken."""
    row = {
        "organization_id": organization.organization_id,
        "name": organization.name,
        "title": organization.title,
        "description": organization.description,
        "email_address": organization.email_address,
        "link": organization.link,
        "created_by": created_by,
        "created_at": organization.created_at,
    }
    return insert_if_absent(tx, organizations, row)


def get_by_name(tx: Connection, name: str) -> Organization | None:
    """Return the organization of a name."""
    found = _organizations(tx, select(organizations).where(organizations.c.name == name))
    return found[0] if found else None


def get_of(tx: Connection, account_id: AccountId) -> Organization | None:
    """Return the organization that an account belongs to."""
    own = select(members.c.organization_id).where(members.c.account_id == account_id)
    found = _organizations(tx, select(organizations).where(organizations.c.organization_id.in_(own)))
    return found[0] if found else None


def list_all(tx: Connection) -> list[Organization]:
    """Return every organization, by name."""
    return _organizations(tx, select(organizations))


def change(tx: Connection, organization_id: OrganizationId, values: Mapping[str, Any]) -> None:
    """Write columns of an organization."""
    tx.execute(update(organizations).where(organizations.c.organization_id == organization_id).values(**values))


def put_member(
    tx: Connection, organization_id: OrganizationId, account_id: AccountId, *, is_admin: bool, now: datetime
) -> None:
    """Make an account a member, taking it out of the organization where it was."""
    row = {"account_id": account_id, "organization_id": organization_id, "is_admin": is_admin, "joined_at": now}
    insert_or_update(tx, members, row, ["account_id"])


def remove_member(tx: Connection, organization_id: OrganizationId, account_id: AccountId) -> None:
    """Take an account out of an organization."""
    tx.execute(delete(members).where(members.c.organization_id == organization_id, members.c.account_id == account_id))


def member_ids(tx: Connection, organization_id: OrganizationId) -> Sequence[AccountId]:
    """Return the accounts of an organization, the longest there first."""
    query = select(members.c.account_id).where(members.c.organization_id == organization_id)
    found = tx.execute(query.order_by(members.c.joined_at, members.c.account_id)).scalars()
    return [AccountId(one) for one in found]


def _organizations(tx: Connection, query: Select[Any]) -> list[Organization]:
    rows = tx.execute(query.order_by(organizations.c.name)).mappings().all()
    ids = [row["organization_id"] for row in rows]
    admins: dict[str, list[AccountId]] = {}
    admin_query = select(members.c.organization_id, members.c.account_id).where(members.c.is_admin)
    if len(ids) == 1:
        admin_query = admin_query.where(members.c.organization_id == ids[0])
    if ids:
        for organization_id, account_id in tx.execute(admin_query.order_by(members.c.joined_at, members.c.account_id)):
            admins.setdefault(organization_id, []).append(AccountId(account_id))
    return [
        Organization(
            organization_id=OrganizationId(row["organization_id"]),
            name=row["name"],
            title=row["title"],
            description=row["description"],
            email_address=row["email_address"],
            link=row["link"],
            created_at=row["created_at"],
            admin_ids=tuple(admins.get(row["organization_id"], ())),
        )
        for row in rows
    ]
