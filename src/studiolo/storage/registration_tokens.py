"""Rows of `registration_tokens`; the secret itself is nowhere in the database."""

from sqlalchemy import Connection, RowMapping, insert, select, update

from studiolo.core.ids import AccountId
from studiolo.core.models import RegistrationToken
from studiolo.storage.tables import registration_tokens


def add(tx: Connection, token_hash: str, token: RegistrationToken) -> None:
    """Insert a token."""
    row = {
        "registration_token_id": token.registration_token_id,
        "token_hash": token_hash,
        "description": token.description,
        "created_by": token.created_by,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "usage_limit": token.usage_limit,
        "uses": token.uses,
        "is_disabled": token.is_disabled,
        "ephemeral_seconds": token.ephemeral_seconds,
    }
    tx.execute(insert(registration_tokens).values(**row))


def get_by_hash(tx: Connection, token_hash: str) -> RegistrationToken | None:
    """Return the token with this hash, whatever became of it."""
    query = select(registration_tokens).where(registration_tokens.c.token_hash == token_hash)
    row = tx.execute(query).mappings().one_or_none()
    return _token(row) if row is not None else None


def list_all(tx: Connection, limit: int) -> list[RegistrationToken]:
    """Return the tokens, the newest first."""
    newest_first = (registration_tokens.c.created_at.desc(), registration_tokens.c.registration_token_id)
    query = select(registration_tokens).order_by(*newest_first).limit(limit)
    return [_token(row) for row in tx.execute(query).mappings()]


def count_use(tx: Connection, registration_token_id: str) -> None:
    """Count one account that was made with a token."""
    mine = registration_tokens.c.registration_token_id == registration_token_id
    tx.execute(update(registration_tokens).where(mine).values(uses=registration_tokens.c.uses + 1))


def disable(tx: Connection, registration_token_id: str) -> bool:
    """End a token; False if there is none."""
    mine = registration_tokens.c.registration_token_id == registration_token_id
    return tx.execute(update(registration_tokens).where(mine).values(is_disabled=True)).rowcount == 1


def _token(row: RowMapping) -> RegistrationToken:
    return RegistrationToken(
        registration_token_id=row["registration_token_id"],
        description=row["description"],
        created_by=AccountId(row["created_by"]) if row["created_by"] is not None else None,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        usage_limit=row["usage_limit"],
        uses=row["uses"],
        is_disabled=row["is_disabled"],
        ephemeral_seconds=row["ephemeral_seconds"],
    )
