"""Rows of `password_resets`, known by the hash of the code that was mailed."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from studiolo.core.ids import AccountId
from studiolo.storage.tables import password_resets


def add(tx: Connection, code_hash: str, account_id: AccountId, *, now: datetime, expires_at: datetime) -> None:
    """Insert a code."""
    row = {"code_hash": code_hash, "account_id": account_id, "created_at": now, "expires_at": expires_at}
    tx.execute(insert(password_resets).values(**row))


def account_of(tx: Connection, code_hash: str, now: datetime) -> AccountId | None:
    """Return the account whose password a code may set; None if the code is unknown or too old."""
    valid = (password_resets.c.code_hash == code_hash) & (password_resets.c.expires_at > now)
    found = tx.execute(select(password_resets.c.account_id).where(valid)).scalar_one_or_none()
    return AccountId(found) if found is not None else None


def remove_for_account(tx: Connection, account_id: AccountId) -> None:
    """Delete every code of an account."""
    tx.execute(delete(password_resets).where(password_resets.c.account_id == account_id))


def reap(tx: Connection, now: datetime) -> int:
    """Delete the codes whose time is over and return how many."""
    return tx.execute(delete(password_resets).where(password_resets.c.expires_at <= now)).rowcount
