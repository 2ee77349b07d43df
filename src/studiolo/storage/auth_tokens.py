"""Rows of `auth_tokens`, known by the hash of the token."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import AuthToken, Scope
from studiolo.storage.tables import auth_tokens


def add(tx: Connection, token_hash: str, token: AuthToken, *, created_by: str | None) -> None:
    """Insert a token."""
    row = {
        "token_hash": token_hash,
        "account_id": token.account_id,
        "created_by": created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "is_single_use": token.is_single_use,
        "used_at": token.used_at,
        "project_id": token.scope.project_id,
        "path_prefix": token.scope.path_prefix,
        "is_read_only": token.scope.is_read_only,
        "may_start": token.scope.may_start,
    }
    tx.execute(insert(auth_tokens).values(**row))


def get(tx: Connection, token_hash: str) -> AuthToken | None:
    """Return a token, expired and used ones too."""
    row = tx.execute(select(auth_tokens).where(auth_tokens.c.token_hash == token_hash)).mappings().one_or_none()
    return _auth_token(row) if row is not None else None


def maker_of(tx: Connection, token_hash: str) -> str | None:
    """Return the account that made a token."""
    query = select(auth_tokens.c.created_by).where(auth_tokens.c.token_hash == token_hash)
    return tx.execute(query).scalar_one_or_none()


def mark_used(tx: Connection, token_hash: str, now: datetime) -> bool:
    """Note the first use; False if there was one before."""
    unused = (auth_tokens.c.token_hash == token_hash) & auth_tokens.c.used_at.is_(None)
    return tx.execute(update(auth_tokens).where(unused).values(used_at=now)).rowcount == 1


def remove(tx: Connection, token_hash: str) -> None:
    """Delete a token."""
    tx.execute(delete(auth_tokens).where(auth_tokens.c.token_hash == token_hash))


def remove_for_account(tx: Connection, account_id: AccountId) -> None:
    """Delete every token that signs in as an account."""
    tx.execute(delete(auth_tokens).where(auth_tokens.c.account_id == account_id))


def reap(tx: Connection, now: datetime) -> int:
    """Delete the tokens whose time is over and return how many."""
    return tx.execute(delete(auth_tokens).where(auth_tokens.c.expires_at <= now)).rowcount


def _auth_token(row: RowMapping) -> AuthToken:
    project_id = ProjectId(row["project_id"]) if row["project_id"] is not None else None
    return AuthToken(
        account_id=AccountId(row["account_id"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        is_single_use=row["is_single_use"],
        used_at=row["used_at"],
        scope=Scope(project_id, row["path_prefix"], row["is_read_only"], row["may_start"]),
    )
