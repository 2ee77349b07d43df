"""Rows of `auth_tokens`, known by the hash of the token."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, exists, insert, literal, or_, select, update

from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import AuthToken, Scope
from studiolo.storage.key_scopes import read_scopes, write_scopes
from studiolo.storage.tables import auth_tokens, sign_ins


def add(tx: Connection, token_hash: str, token: AuthToken) -> None:
    """Insert a token."""
    row = {
        "token_hash": token_hash,
        "auth_token_id": token.auth_token_id,
        "account_id": token.account_id,
        "created_by": token.created_by,
        "api_key_id": token.api_key_id,
        "key_scopes": write_scopes(token.key_scopes),
        "sign_in_seconds": token.sign_in_seconds,
        "ends_at": token.ends_at,
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


def hash_of(tx: Connection, auth_token_id: str) -> str | None:
    """Return the hash of the token with an id."""
    query = select(auth_tokens.c.token_hash).where(auth_tokens.c.auth_token_id == auth_token_id)
    return tx.execute(query).scalar_one_or_none()


def list_living(
    tx: Connection, now: datetime, *, account_id: AccountId | None, created_by: AccountId | None, limit: int
) -> list[AuthToken]:
    """Return the tokens that sign in as an account or that an account made, the newest first; not those that ended."""
    whose = or_(auth_tokens.c.account_id == account_id, auth_tokens.c.created_by == created_by)
    query = select(auth_tokens).where(whose, auth_tokens.c.expires_at > now)
    query = query.order_by(auth_tokens.c.created_at.desc(), auth_tokens.c.auth_token_id).limit(limit)
    return [_auth_token(row) for row in tx.execute(query).mappings()]


def is_room(tx: Connection, account_id: AccountId, now: datetime, most: int) -> bool:
    """Tell whether fewer than `most` tokens that can still be used sign in as an account."""
    living = select(literal(1)).where(auth_tokens.c.account_id == account_id, auth_tokens.c.expires_at > now)
    unspent = or_(auth_tokens.c.is_single_use.is_(False), auth_tokens.c.used_at.is_(None))
    return tx.execute(living.where(unspent).limit(1).offset(most - 1)).one_or_none() is None


def remove_for_key(tx: Connection, api_key_id: ApiKeyId) -> dict[str, AccountId]:
    """Delete the tokens that were made with an API key; return their hashes, and whom each signed in."""
    gone = delete(auth_tokens).where(auth_tokens.c.api_key_id == api_key_id)
    rows = tx.execute(gone.returning(auth_tokens.c.token_hash, auth_tokens.c.account_id))
    return {token_hash: AccountId(account_id) for token_hash, account_id in rows}


def remove_made_by(tx: Connection, account_id: AccountId) -> dict[str, AccountId]:
    """Delete the tokens that an account made, for itself and for others; return them in the same way."""
    gone = delete(auth_tokens).where(auth_tokens.c.created_by == account_id)
    rows = tx.execute(gone.returning(auth_tokens.c.token_hash, auth_tokens.c.account_id))
    return {token_hash: AccountId(signed_in) for token_hash, signed_in in rows}


def end_for_key(tx: Connection, api_key_id: ApiKeyId, at: datetime) -> None:
    """Have the tokens that were made with an API key, and who is signed in by them, end at a moment at the latest."""
    mine = auth_tokens.c.api_key_id == api_key_id
    by_them = sign_ins.c.token_hash.in_(select(auth_tokens.c.token_hash).where(mine))
    tx.execute(update(sign_ins).where(by_them, sign_ins.c.expires_at > at).values(expires_at=at))
    is_later = or_(auth_tokens.c.ends_at.is_(None), auth_tokens.c.ends_at > at)
    tx.execute(update(auth_tokens).where(mine, is_later).values(ends_at=at))
    tx.execute(update(auth_tokens).where(mine, auth_tokens.c.expires_at > at).values(expires_at=at))


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
    """Delete the tokens whose time is over and return how many.

    A token stays as long as somebody is signed in by it: whoever revokes it, or its key, finds them through it.
    """
    is_needed = exists().where(sign_ins.c.token_hash == auth_tokens.c.token_hash)
    return tx.execute(delete(auth_tokens).where(auth_tokens.c.expires_at <= now, ~is_needed)).rowcount


def _auth_token(row: RowMapping) -> AuthToken:
    project_id = ProjectId(row["project_id"]) if row["project_id"] is not None else None
    return AuthToken(
        account_id=AccountId(row["account_id"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        is_single_use=row["is_single_use"],
        used_at=row["used_at"],
        scope=Scope(project_id, row["path_prefix"], row["is_read_only"], row["may_start"]),
        auth_token_id=row["auth_token_id"] or "",
        created_by=row["created_by"],
        api_key_id=row["api_key_id"],
        key_scopes=read_scopes(row["key_scopes"]),
        sign_in_seconds=row["sign_in_seconds"],
        ends_at=row["ends_at"],
    )
