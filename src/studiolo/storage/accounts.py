"""Rows of `accounts`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, or_, select, update

from studiolo.core.ids import AccountId
from studiolo.core.models import Account
from studiolo.storage.dialects import insert_if_absent, lowered
from studiolo.storage.tables import accounts

_IDS_PER_QUERY = 5000  # below the number of parameters that either database takes
_LONGEST_TERM = 1000  # longer than names and addresses are, shorter than the patterns that SQLite takes
_ONE = select(accounts).where(accounts.c.account_id == bindparam("wanted"))  # built once: that costs more than to run


def insert(
    tx: Connection,
    account: Account,
    *,
    agreed_to_terms_at: datetime | None = None,
    created_by: AccountId | None = None,
    registration_token_id: str | None = None,
) -> bool:
    """Insert an account; False if its e-mail address is taken."""
    row = {
        "account_id": account.account_id,
        "email_address": account.email_address,
        "password_hash": account.password_hash,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "is_admin": account.is_admin,
        "is_banned": account.is_banned,
        "is_deleted": account.is_deleted,
        "agreed_to_terms_at": agreed_to_terms_at,
        "created_by": created_by,
        "registration_token_id": registration_token_id,
        "expires_at": account.expires_at,
        "created_at": account.created_at,
        "last_active_at": account.last_active_at,
        "settings": account.settings,
    }
    return insert_if_absent(tx, accounts, row)


def get(tx: Connection, account_id: AccountId) -> Account | None:
    """Return an account, deleted and banned ones too."""
    row = tx.execute(_ONE, {"wanted": account_id}).mappings().one_or_none()
    return _account(row) if row is not None else None


def list_expired(tx: Connection, now: datetime, limit: int) -> list[AccountId]:
    """Return throw-away accounts whose time is over and that were not ended yet."""
    is_over = (accounts.c.expires_at <= now) & ~accounts.c.is_deleted
    return [AccountId(one) for one in tx.execute(select(accounts.c.account_id).where(is_over).limit(limit)).scalars()]


def maker_of(tx: Connection, account_id: AccountId) -> AccountId | None:
    """Return the account that made an account."""
    return tx.execute(select(accounts.c.created_by).where(accounts.c.account_id == account_id)).scalar_one_or_none()


def get_by_email(tx: Connection, email_address: str) -> Account | None:
    """Return the account with this address, which must be in lower case."""
    row = tx.execute(select(accounts).where(accounts.c.email_address == email_address)).mappings().one_or_none()
    return _account(row) if row is not None else None


def list_by_ids(tx: Connection, account_ids: Collection[AccountId]) -> dict[AccountId, Account]:
    """Return several accounts at once, by id; unknown ids are missing."""
    wanted, found = list(account_ids), dict[AccountId, Account]()
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        some = accounts.c.account_id.in_(wanted[start : start + _IDS_PER_QUERY])
        found.update({row["account_id"]: _account(row) for row in tx.execute(select(accounts).where(some)).mappings()})
    return found


def search(
    tx: Connection, terms: Sequence[str], *, with_unlisted: bool, active_since: datetime | None, limit: int
) -> list[Account]:
    """Return accounts whose names contain every term (in lower case; `@name` is a whole one), the last active first."""
    if any(len(term) > _LONGEST_TERM for term in terms):
        return []
    is_named = and_(*(_is_named(tx, term) for term in terms))
    query = select(accounts).where(~accounts.c.is_deleted, ~accounts.c.is_banned, is_named)
    if not with_unlisted:
        query = query.where(accounts.c.settings["unlisted"].as_boolean().is_not(True))
    if active_since is not None:
        query = query.where(func.coalesce(accounts.c.last_active_at, accounts.c.created_at) >= active_since)
    query = query.order_by(accounts.c.last_active_at.desc().nulls_last(), accounts.c.account_id).limit(limit)
    return [_account(row) for row in tx.execute(query).mappings()]


def list_after(
    tx: Connection,
    after: str | None,
    limit: int,
    *,
    search: str | None,
    is_banned: bool | None,
    is_admin: bool | None,
    with_deleted: bool,
) -> list[Account]:
    """Return accounts in the order of their ids, those after an id; `search` is in lower case."""
    if search is not None and len(search) > _LONGEST_TERM:
        return []
    query = select(accounts)
    if after is not None:
        query = query.where(accounts.c.account_id > after)
    if not with_deleted:
        query = query.where(accounts.c.is_deleted.is_(False))
    for column, value in ((accounts.c.is_banned, is_banned), (accounts.c.is_admin, is_admin)):
        if value is not None:
            query = query.where(column.is_(value))
    if search is not None:
        named = lowered(tx, accounts.c.first_name + " " + accounts.c.last_name, search)
        addressed = func.coalesce(accounts.c.email_address, "")
        query = query.where(named.contains(search, autoescape=True) | addressed.contains(search, autoescape=True))
    return [_account(row) for row in tx.execute(query.order_by(accounts.c.account_id).limit(limit)).mappings()]


def is_address_banned(tx: Connection, email_address: str) -> bool:
    """Tell whether an account of this address was banned, even if it was deleted since."""
    was_here = (accounts.c.email_address == email_address) | (accounts.c.email_address_before_delete == email_address)
    query = select(func.count()).select_from(accounts).where(was_here, accounts.c.is_banned)
    return tx.execute(query).scalar_one() > 0


def change(tx: Connection, account_id: AccountId, values: Mapping[str, Any]) -> None:
    """Write columns of an account."""
    tx.execute(update(accounts).where(accounts.c.account_id == account_id).values(**values))


def replace_password(tx: Connection, account_id: AccountId, old_hash: str, new_hash: str) -> None:
    """Write a password's new hash, unless the password was changed meanwhile."""
    unchanged = (accounts.c.account_id == account_id) & (accounts.c.password_hash == old_hash)
    tx.execute(update(accounts).where(unchanged).values(password_hash=new_hash))


def touch(tx: Connection, account_id: AccountId, now: datetime) -> None:
    """Note that the account is in use."""
    change(tx, account_id, {"last_active_at": now})


def mark_deleted(tx: Connection, account_id: AccountId) -> None:
    """Mark an account as deleted and set its address free; doing it twice changes nothing."""
    values = {
        "is_deleted": True,
        "email_address_before_delete": accounts.c.email_address,
        "email_address": None,
        "password_hash": None,
    }
    present = (accounts.c.account_id == account_id) & accounts.c.is_deleted.is_(False)
    tx.execute(update(accounts).where(present).values(**values))


def _is_named(tx: Connection, term: str) -> ColumnElement[bool]:
    if term.startswith("@"):
        return lowered(tx, accounts.c.settings["name"].as_string(), term) == term[1:]
    first, last = lowered(tx, accounts.c.first_name, term), lowered(tx, accounts.c.last_name, term)
    return or_(first.contains(term, autoescape=True), last.contains(term, autoescape=True))


def _account(row: RowMapping) -> Account:
    return Account(
        account_id=AccountId(row["account_id"]),
        email_address=row["email_address"],
        password_hash=row["password_hash"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        is_admin=row["is_admin"],
        is_banned=row["is_banned"],
        is_deleted=row["is_deleted"],
        created_at=row["created_at"],
        last_active_at=row["last_active_at"],
        settings=row["settings"],
        expires_at=row["expires_at"],
    )
