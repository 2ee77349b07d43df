"""All accounts, page by page, for administrators."""

from dataclasses import dataclass

from studiolo.core.errors import Forbidden
from studiolo.core.models import FULL_SCOPE, Account, Principal
from studiolo.domain import paging
from studiolo.domain.paging import Page
from studiolo.storage import accounts as rows
from studiolo.storage.database import Database


@dataclass(frozen=True, slots=True)
class AccountsWanted:
    """Which accounts are wanted; None: whatever it is."""

    search: str | None = None
    is_banned: bool | None = None
    is_admin: bool | None = None
    with_deleted: bool = False


class AccountLists:
    """Lists accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, principal: Principal, wanted: AccountsWanted, *, cursor: str | None = None, limit: int | None = None
    ) -> Page[Account]:
        """Return accounts in the order of their ids; raise Forbidden or InvalidRequest."""
        if not principal.is_admin or principal.scope != FULL_SCOPE:
            raise Forbidden("Only administrators may do this.")
        asked = paging.asked(cursor, limit, str)
        after = asked.after[0] if asked.after is not None else None
        found = await self._database.read(
            lambda tx: rows.list_after(
                tx,
                after,
                asked.look,
                search=wanted.search.lower() if wanted.search else None,
                is_banned=wanted.is_banned,
                is_admin=wanted.is_admin,
                with_deleted=wanted.with_deleted,
            )
        )
        return asked.page(found, lambda account: (account.account_id,))
