"""Rows of `sign_ins`, and of `bearers`, the short-lived secrets that a frame keeps in memory."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, or_, select, update

from studiolo.core.ids import AccountId, ProjectId, SignInId
from studiolo.core.models import Scope, SignIn
from studiolo.storage.key_scopes import read_scopes, write_scopes
from studiolo.storage.tables import bearers, sign_ins

_HASHES_PER_QUERY = 5000  # below the number of parameters that either database takes


def add(tx: Connection, sign_in: SignIn, *, secret_hash: str, token_hash: str | None = None) -> None:
    """Insert a sign-in; `token_hash` is that of the auth token it was made from."""
    row = {
        "sign_in_id": sign_in.sign_in_id,
        "secret_hash": secret_hash,
        "account_id": sign_in.account_id,
        "frame_key": sign_in.frame_key,
        "token_hash": token_hash,
        "created_at": sign_in.created_at,
        "expires_at": sign_in.expires_at,
        "last_active_at": sign_in.created_at,
        "project_id": sign_in.scope.project_id,
        "path_prefix": sign_in.scope.path_prefix,
        "is_read_only": sign_in.scope.is_read_only,
        "may_start": sign_in.scope.may_start,
        "key_scopes": write_scopes(sign_in.key_scopes),
    }
    tx.execute(insert(sign_ins).values(**row))


def end_oldest(
    tx: Connection, account_id: AccountId, token_hash: str | None, *, per_account: int, per_token: int
) -> int:
    """End the oldest sign-ins of an account, and of an auth token, beyond so many; return how many ended."""
    ended = _end_oldest(tx, sign_ins.c.account_id == account_id, per_account)
    return ended + (_end_oldest(tx, sign_ins.c.token_hash == token_hash, per_token) if token_hash is not None else 0)


def get(tx: Connection, sign_in_id: SignInId) -> SignIn | None:
    """Return a sign-in, expired ones too."""
    row = tx.execute(select(sign_ins).where(sign_ins.c.sign_in_id == sign_in_id)).mappings().one_or_none()
    return _sign_in(row) if row is not None else None


def get_by_secret(tx: Connection, secret_hash: str) -> SignIn | None:
    """Return the sign-in whose cookie has this hash."""
    row = tx.execute(select(sign_ins).where(sign_ins.c.secret_hash == secret_hash)).mappings().one_or_none()
    return _sign_in(row) if row is not None else None


def get_of_frame(tx: Connection, secret_hash: str, token_hash: str) -> SignIn | None:
    """Return the frame's sign-in that was made from this auth token and has this cookie."""
    mine = (sign_ins.c.secret_hash == secret_hash) & (sign_ins.c.token_hash == token_hash)
    row = tx.execute(select(sign_ins).where(mine, sign_ins.c.frame_key.is_not(None))).mappings().one_or_none()
    return _sign_in(row) if row is not None else None


def is_use_due(tx: Connection, sign_in_id: SignInId, unless_after: datetime) -> bool:
    """Tell whether nobody noted the sign-in's use after a moment."""
    is_due = or_(sign_ins.c.last_active_at.is_(None), sign_ins.c.last_active_at <= unless_after)
    query = select(sign_ins.c.sign_in_id).where(sign_ins.c.sign_in_id == sign_in_id, is_due)
    return tx.execute(query).first() is not None


def touch(tx: Connection, sign_in_id: SignInId, now: datetime) -> None:
    """Note that a sign-in is in use."""
    tx.execute(update(sign_ins).where(sign_ins.c.sign_in_id == sign_in_id).values(last_active_at=now))


def remove_by_secret(tx: Connection, secret_hash: str) -> None:
    """End one sign-in; its bearers end with it."""
    tx.execute(delete(sign_ins).where(sign_ins.c.secret_hash == secret_hash))


def remove_for_tokens(tx: Connection, token_hashes: Sequence[str]) -> None:
    """End every sign-in that was made from one of these auth tokens."""
    for start in range(0, len(token_hashes), _HASHES_PER_QUERY):
        some = token_hashes[start : start + _HASHES_PER_QUERY]
        tx.execute(delete(sign_ins).where(sign_ins.c.token_hash.in_(some)))


def remove_for_account(tx: Connection, account_id: AccountId, *, but: SignInId | None = None) -> None:
    """End every sign-in of an account, but for one."""
    query = delete(sign_ins).where(sign_ins.c.account_id == account_id)
    tx.execute(query.where(sign_ins.c.sign_in_id != but) if but is not None else query)


def add_bearer(tx: Connection, bearer_hash: str, sign_in_id: SignInId, expires_at: datetime) -> None:
    """Insert a bearer of a sign-in."""
    tx.execute(insert(bearers).values(bearer_hash=bearer_hash, sign_in_id=sign_in_id, expires_at=expires_at))


def get_by_bearer(tx: Connection, bearer_hash: str, now: datetime) -> SignIn | None:
    """Return the sign-in behind a bearer whose own time is not over."""
    mine = (bearers.c.bearer_hash == bearer_hash) & (bearers.c.expires_at > now)
    query = select(sign_ins).join(bearers, bearers.c.sign_in_id == sign_ins.c.sign_in_id).where(mine)
    row = tx.execute(query).mappings().one_or_none()
    return _sign_in(row) if row is not None else None


def reap(tx: Connection, now: datetime) -> int:
    """Delete the sign-ins and bearers whose time is over and return how many sign-ins."""
    tx.execute(delete(bearers).where(bearers.c.expires_at <= now))
    return tx.execute(delete(sign_ins).where(sign_ins.c.expires_at <= now)).rowcount


def _end_oldest(tx: Connection, mine: ColumnElement[bool], most: int) -> int:
    surplus = tx.execute(select(func.count()).select_from(sign_ins).where(mine)).scalar_one() - most
    if surplus <= 0:
        return 0
    oldest = select(sign_ins.c.sign_in_id).where(mine).order_by(sign_ins.c.created_at, sign_ins.c.sign_in_id)
    ids = tx.execute(oldest.limit(min(surplus, _HASHES_PER_QUERY))).scalars().all()
    return tx.execute(delete(sign_ins).where(sign_ins.c.sign_in_id.in_(ids))).rowcount


def _sign_in(row: RowMapping) -> SignIn:
    project_id = ProjectId(row["project_id"]) if row["project_id"] is not None else None
    return SignIn(
        sign_in_id=SignInId(row["sign_in_id"]),
        account_id=AccountId(row["account_id"]),
        frame_key=row["frame_key"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        scope=Scope(project_id, row["path_prefix"], row["is_read_only"], row["may_start"]),
        key_scopes=read_scopes(row["key_scopes"]),
    )
