"""Rows of `idempotency_keys`: what a request that may be repeated has made."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from studiolo.storage.dialects import insert_if_absent
from studiolo.storage.tables import idempotency_keys


def add(
    tx: Connection, caller: str, key_hash: str, *, request_hash: str, made: str, now: datetime, expires_at: datetime
) -> bool:
    """Insert a row, in place of one whose time is over; False if there is one."""
    mine = (idempotency_keys.c.caller == caller) & (idempotency_keys.c.key_hash == key_hash)
    tx.execute(delete(idempotency_keys).where(mine, idempotency_keys.c.expires_at <= now))
    row = {"caller": caller, "key_hash": key_hash, "request_hash": request_hash, "made": made}
    return insert_if_absent(tx, idempotency_keys, row | {"expires_at": expires_at})


def get(tx: Connection, caller: str, key_hash: str, now: datetime) -> tuple[str, str] | None:
    """Return the hash of the request and what it made."""
    column = idempotency_keys.c
    query = select(column.request_hash, column.made).where(column.caller == caller, column.key_hash == key_hash)
    row = tx.execute(query.where(column.expires_at > now)).one_or_none()
    return (row[0], row[1]) if row is not None else None


def reap(tx: Connection, now: datetime) -> int:
    """Delete the rows whose time is over and return how many."""
    return tx.execute(delete(idempotency_keys).where(idempotency_keys.c.expires_at <= now)).rowcount
