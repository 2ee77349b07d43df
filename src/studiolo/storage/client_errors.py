"""Rows of `client_error_log`."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select

from studiolo.core.models import ClientError
from studiolo.storage.tables import client_errors


def add(tx: Connection, error: ClientError, *, expires_at: datetime) -> None:
    """Insert a report."""
    row = {
        "error_id": error.error_id,
        "account_id": error.account_id,
        "event": error.event,
        "error": error.error,
        "created_at": error.created_at,
        "expires_at": expires_at,
    }
    tx.execute(insert(client_errors).values(**row))


def list_latest(tx: Connection, limit: int) -> list[ClientError]:
    """Return the latest reports, the newest first."""
    query = select(client_errors).order_by(client_errors.c.created_at.desc()).limit(limit)
    return [_client_error(row) for row in tx.execute(query).mappings()]


def reap(tx: Connection, now: datetime) -> int:
    """Delete the reports whose time is over and return how many."""
    return tx.execute(delete(client_errors).where(client_errors.c.expires_at <= now)).rowcount


def _client_error(row: RowMapping) -> ClientError:
    return ClientError(
        error_id=row["error_id"],
        account_id=row["account_id"],
        event=row["event"],
        error=row["error"],
        created_at=row["created_at"],
    )
