"""Rows of `api_keys`; the secret itself is nowhere in the database."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, or_, select, update

from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import ApiKey, KeyScopes
from studiolo.storage.key_scopes import read_scopes, write_scopes
from studiolo.storage.tables import api_keys

_OF_HASH = select(api_keys).where(api_keys.c.key_hash == bindparam("wanted"))  # built once: that costs more than to run


def reserve(
    tx: Connection,
    *,
    account_id: AccountId,
    project_id: ProjectId | None,
    name: str,
    created_at: datetime,
    expires_at: datetime | None,
    placeholder_hash: str,
    scopes: KeyScopes = None,
) -> ApiKeyId:
    """Insert a row that no key opens yet and return its number, which becomes a part of the key."""
    row = {
        "account_id": account_id,
        "project_id": project_id,
        "name": name,
        "key_hash": placeholder_hash,
        "trunc": "",
        "scopes": write_scopes(scopes),
        "created_at": created_at,
        "expires_at": expires_at,
    }
    return tx.execute(insert(api_keys).values(**row).returning(api_keys.c.api_key_id)).scalar_one()


def set_key(tx: Connection, api_key_id: ApiKeyId, *, key_hash: str, trunc: str) -> None:
    """Give a reserved row its key."""
    tx.execute(update(api_keys).where(api_keys.c.api_key_id == api_key_id).values(key_hash=key_hash, trunc=trunc))


def get(tx: Connection, api_key_id: ApiKeyId) -> ApiKey | None:
    """Return a key by its number."""
    row = tx.execute(select(api_keys).where(api_keys.c.api_key_id == api_key_id)).mappings().one_or_none()
    return _api_key(row) if row is not None else None


def get_by_hash(tx: Connection, key_hash: str) -> ApiKey | None:
    """Return the key whose secret has this hash."""
    row = tx.execute(_OF_HASH, {"wanted": key_hash}).mappings().one_or_none()
    return _api_key(row) if row is not None else None


def list_for(tx: Connection, account_id: AccountId) -> list[ApiKey]:
    """Return an account's keys, the newest first; expired ones too."""
    query = select(api_keys).where(api_keys.c.account_id == account_id).order_by(api_keys.c.api_key_id.desc())
    return [_api_key(row) for row in tx.execute(query).mappings()]


def count_for(tx: Connection, account_id: AccountId) -> int:
    """Return how many keys an account has."""
    query = select(func.count()).select_from(api_keys).where(api_keys.c.account_id == account_id)
    return tx.execute(query).scalar_one()


def set_name(tx: Connection, api_key_id: ApiKeyId, name: str) -> None:
    """Name a key."""
    tx.execute(update(api_keys).where(api_keys.c.api_key_id == api_key_id).values(name=name))


def set_scopes(tx: Connection, api_key_id: ApiKeyId, scopes: KeyScopes) -> None:
    """Set what a key is good for."""
    tx.execute(update(api_keys).where(api_keys.c.api_key_id == api_key_id).values(scopes=write_scopes(scopes)))


def set_expiry(tx: Connection, api_key_id: ApiKeyId, expires_at: datetime | None) -> None:
    """Set when a key ends; None: never."""
    tx.execute(update(api_keys).where(api_keys.c.api_key_id == api_key_id).values(expires_at=expires_at))


def touch(tx: Connection, api_key_id: ApiKeyId, now: datetime, *, unless_after: datetime) -> None:
    """Note that a key is in use, unless somebody noted it after a moment."""
    is_due = or_(api_keys.c.last_active_at.is_(None), api_keys.c.last_active_at <= unless_after)
    tx.execute(update(api_keys).where(api_keys.c.api_key_id == api_key_id, is_due).values(last_active_at=now))


def remove(tx: Connection, api_key_id: ApiKeyId) -> None:
    """Delete a key."""
    tx.execute(delete(api_keys).where(api_keys.c.api_key_id == api_key_id))


def remove_ended(tx: Connection, account_id: AccountId, now: datetime) -> None:
    """Delete an account's keys that have ended."""
    tx.execute(delete(api_keys).where(api_keys.c.account_id == account_id, api_keys.c.expires_at <= now))


def remove_for_account(tx: Connection, account_id: AccountId) -> None:
    """Delete every key of an account."""
    tx.execute(delete(api_keys).where(api_keys.c.account_id == account_id))


def _api_key(row: RowMapping) -> ApiKey:
    return ApiKey(
        api_key_id=ApiKeyId(row["api_key_id"]),
        account_id=AccountId(row["account_id"]),
        project_id=row["project_id"],
        name=row["name"],
        trunc=row["trunc"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_active_at=row["last_active_at"],
        scopes=read_scopes(row["scopes"]),
    )
