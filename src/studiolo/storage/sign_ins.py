"""Rows of `sign_ins`, and of `bearers`, the short-lived secrets that a frame keeps in memory."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from studiolo.core.ids import AccountId, ProjectId, SignInId
from studiolo.core.models import Scope, SignIn
from studiolo.storage.tables import bearers, sign_ins


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
    }
    tx.execute(insert(sign_ins).values(**row))


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


def remove_for_token(tx: Connection, token_hash: str) -> None:
    """End every sign-in that was made from an auth token."""
    tx.execute(delete(sign_ins).where(sign_ins.c.token_hash == token_hash))


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


def _sign_in(row: RowMapping) -> SignIn:
    project_id = ProjectId(row["project_id"]) if row["project_id"] is not None else None
    return SignIn(
        sign_in_id=SignInId(row["sign_in_id"]),
        account_id=AccountId(row["account_id"]),
        frame_key=row["frame_key"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        scope=Scope(project_id, row["path_prefix"], row["is_read_only"], row["may_start"]),
    )
