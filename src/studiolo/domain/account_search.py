"""Finding people: their names by id, their accounts by what somebody knows of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.ids import AccountId, is_uuid
from studiolo.core.models import Account, Principal
from studiolo.domain.accounts import is_email_address
from studiolo.domain.query_language import UNIT_SECONDS
from studiolo.storage import accounts as rows
from studiolo.storage.database import Database, Transaction

MAX_IDS = 10_000
MAX_ITEMS = 100
MAX_TERMS = 10
MAX_RESULTS = 50  # for all but administrators
MAX_RESULTS_ADMIN = 1_000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_INTERVAL = re.compile(r"(\d{1,6})\s*([a-z]+?)s?")


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account, and whether the caller may see its e-mail address: who knew it sees it."""

    account: Account
    shows_email_address: bool


class AccountSearch:
    """Looks accounts up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def names(self, principal: Principal, account_ids: Sequence[str]) -> dict[str, Account | None]:
        """Return the accounts of these ids, deleted ones too; None for an id that never was one."""
        _require_caller(principal)
        if len(account_ids) > MAX_IDS:
            raise InvalidRequest(f"at most {MAX_IDS} account_ids can be looked up at once")
        wanted = {AccountId(one) for one in account_ids if is_uuid(one)}
        found = await self._database.read(lambda tx: rows.list_by_ids(tx, wanted))
        return {one: found.get(AccountId(one)) for one in account_ids}

    async def search(
        self, principal: Principal, query: str, *, is_admin_search: bool = False, active: str = "", limit: int = 20
    ) -> list[FoundAccount]:
        """Return accounts by id, by e-mail address (whole) or by words of their names, the ones last active first.

        `query` may hold several, between commas; who is found twice is there twice. `active` leaves out who was not
        in use for so long (`6 months`). An administrator's search shows addresses and unlisted accounts.
        """
        if principal.account_id is None:
            raise Forbidden("must be signed in to search for accounts")
        if is_admin_search and not principal.is_admin:
            raise Forbidden("must be logged in and a member of the admin group")
        items = [item.strip().strip("<>") for item in re.split(r"[,;\n]", query)][:MAX_ITEMS]
        since = self._active_since(active)
        limit = max(0, min(limit, MAX_RESULTS_ADMIN if is_admin_search else MAX_RESULTS))

        def find(tx: Transaction) -> list[FoundAccount]:
            return [found for item in items if item for found in _find(tx, item, is_admin_search, since, limit)]

        found = await self._database.read(find)
        found.sort(key=lambda one: one.account.last_active_at or _NEVER, reverse=True)
        return found[:limit]

    def _active_since(self, active: str) -> datetime | None:
        if not active:
            return None
        match = _INTERVAL.fullmatch(active.strip().lower())
        if match is None or match[2] not in UNIT_SECONDS:
            raise InvalidRequest(f"active='{active}' is not an interval such as '6 months'")
        return self._clock.now() - timedelta(seconds=int(match[1]) * UNIT_SECONDS[match[2]])


def _find(tx: Transaction, item: str, is_admin_search: bool, since: datetime | None, limit: int) -> list[FoundAccount]:
    if is_uuid(item) or is_email_address(item.lower()):
        known = rows.get(tx, AccountId(item)) if is_uuid(item) else rows.get_by_email(tx, item.lower())
        accounts = [known] if known is not None and not known.is_deleted and not known.is_banned else []
        accounts = [one for one in accounts if since is None or (one.last_active_at or one.created_at) >= since]
    else:
        terms = item.lower().split()[:MAX_TERMS]
        accounts = rows.search(tx, terms, with_unlisted=is_admin_search, active_since=since, limit=limit)
    shows = is_admin_search or (not is_uuid(item) and is_email_address(item.lower()))
    return [FoundAccount(account, shows) for account in accounts]


def _require_caller(principal: Principal) -> None:
    if principal.is_anonymous:
        raise Forbidden("You must be signed in.")
