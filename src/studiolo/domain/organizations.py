"""Organizations: accounts that belong together, looked after by some of them.

1. An administrator of the server makes organizations and may do everything with each.
2. An account belongs to one organization at most; only an administrator of the server moves an existing account into
   one, because:
3. an organization's admins make accounts in it and sign in as its members (`create_token`). So they can never take in
   an account by themselves, and never sign in as an administrator of the server.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studiolo.core.clock import Clock
from studiolo.core.errors import AlreadyExists, Conflict, Forbidden, InvalidRequest, NotFound
from studiolo.core.ids import AccountId, MessageId, OrganizationId
from studiolo.core.models import FULL_SCOPE, Account, Organization, Principal
from studiolo.core.secrets import SecretSource
from studiolo.domain.accounts import Accounts
from studiolo.domain.audit import in_request
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.idempotency import Made, made_before, note_made
from studiolo.domain.messages import Messages, find_account
from studiolo.domain.projects import is_storable
from studiolo.storage import accounts
from studiolo.storage import organizations as rows
from studiolo.storage.database import Database, Transaction

MAX_MEMBERS = 10_000
MAX_FIELD_CHARACTERS = 10_000
MAX_EMAIL_CHARACTERS = 254
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}")


@dataclass(frozen=True, slots=True)
class Member:
    """An account of an organization, and whether it is one of the organization's admins."""

    account: Account
    is_admin: bool


class Organizations:
    """What may be done with organizations."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        accounts: Accounts,
        auth_tokens: AuthTokens,
        messages: Messages,
    ) -> None:
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._accounts = accounts
        self._auth_tokens = auth_tokens
        self._messages = messages

    async def list_all(self, principal: Principal) -> Sequence[Organization]:
        """Return every organization; for administrators of the server."""
        _require_site_admin(principal)
        return await self._database.read(rows.list_all)

    async def create(self, principal: Principal, name: str) -> Organization:
        """Make an organization, whose name is its own for ever; for administrators of the server."""
        _require_site_admin(principal)
        if made_before(Made.ORGANIZATION):
            return await self.get(principal, name)
        if not _NAME.fullmatch(name):
            raise InvalidRequest("the name of an organization has 1 to 39 letters, digits and dashes")
        made = Organization(
            organization_id=OrganizationId(self._secrets.uuid()),
            name=name,
            title="",
            description="",
            email_address="",
            link="",
            created_at=self._clock.now(),
        )

        def insert(tx: Transaction) -> None:
            if not rows.insert(tx, made, principal.account_id):
                raise AlreadyExists(f"there is already an organization '{name}'")
            note_made(tx, Made.ORGANIZATION, made.organization_id)

        await self._database.write(in_request(insert))
        return made

    async def get(self, principal: Principal, name: str) -> Organization:
        """Return an organization; for its members and administrators of the server."""
        return await self._database.read(lambda tx: _existing(tx, principal, name))

    async def change(self, principal: Principal, name: str, values: Mapping[str, str]) -> None:
        """Write `title`, `description`, `email_address` or `link`; for the organization's admins."""
        for field, value in values.items():
            longest = MAX_EMAIL_CHARACTERS if field == "email_address" else MAX_FIELD_CHARACTERS
            if len(value) > longest or not is_storable(value):
                raise InvalidRequest(f"{field} is too long or cannot be stored", fields={field: "not a text"})

        def change(tx: Transaction) -> None:
            found = _managed(tx, principal, name)
            if values:
                rows.change(tx, found.organization_id, values)

        await self._database.write(change)

    async def add_admin(self, principal: Principal, name: str, user: str) -> None:
        """Make a member one of the organization's admins; administrators of the server may take any free account."""

        def add(tx: Transaction) -> None:
            found, account = _managed(tx, principal, name), find_account(tx, user)
            own = rows.get_of(tx, account.account_id)
            if own is not None and own.organization_id != found.organization_id:
                raise Conflict(f"user '{user}' is already member of another organization")
            if own is None:
                _require_site_admin(principal)
            self._put(tx, found, account, is_admin=True)

        await self._database.write(add)

    async def remove_admin(self, principal: Principal, name: str, user: str) -> None:
        """Make an admin an ordinary member."""

        def remove(tx: Transaction) -> None:
            found, account = _managed(tx, principal, name), find_account(tx, user)
            if account.account_id in found.admin_ids:
                self._put(tx, found, account, is_admin=False)

        await self._database.write(remove)

    async def add_user(self, principal: Principal, name: str, user: str) -> None:
        """Move an account into an organization; for administrators of the server."""
        _require_site_admin(principal)

        def add(tx: Transaction) -> None:
            found, account = _managed(tx, principal, name), find_account(tx, user)
            self._put(tx, found, account, is_admin=account.account_id in found.admin_ids)

        await self._database.write(add)

    async def remove_user(self, principal: Principal, name: str, user: str) -> None:
        """Take an account out of an organization."""

        def remove(tx: Transaction) -> None:
            found, account = _managed(tx, principal, name), find_account(tx, user)
            rows.remove_member(tx, found.organization_id, account.account_id)

        await self._database.write(remove)

    async def create_user(
        self,
        principal: Principal,
        name: str,
        *,
        email_address: str,
        first_name: str = "",
        last_name: str = "",
        password: str | None = None,
    ) -> Account:
        """Make an account that belongs to the organization; without a password nobody can sign in by one."""

        def read(tx: Transaction) -> int:
            return len(rows.member_ids(tx, _managed(tx, principal, name).organization_id))

        if await self._database.read(read) >= MAX_MEMBERS:
            raise Conflict(f"an organization has at most {MAX_MEMBERS} accounts")
        account = await self._accounts.create_as_operator(
            email_address=email_address, password=password, first_name=first_name, last_name=last_name
        )
        await self._database.write(
            lambda tx: self._put(tx, _managed(tx, principal, name), account, is_admin=False),
        )
        return account

    async def members(self, principal: Principal, name: str) -> list[Member]:
        """Return the accounts of an organization; for its admins."""

        def read(tx: Transaction) -> list[Member]:
            found = _managed(tx, principal, name)
            ids = rows.member_ids(tx, found.organization_id)
            known = accounts.list_by_ids(tx, set(ids))
            return [Member(known[one], one in found.admin_ids) for one in ids if not known[one].is_deleted]

        return await self._database.read(read)

    async def create_token(self, principal: Principal, user: str) -> str:
        """Make an auth token that signs a browser in as a member; for the admins of the member's organization."""

        def read(tx: Transaction) -> Account:
            _require_account(principal)
            account = find_account(tx, user)
            if principal.is_admin:
                return account
            own = rows.get_of(tx, account.account_id)
            if own is None or principal.account_id not in own.admin_ids or account.is_admin:
                raise Forbidden(f"you must be an admin of the organization of user '{user}'")
            return account

        account = await self._database.read(read)
        return (await self._auth_tokens.issue(principal, account))[0]

    async def message(self, principal: Principal, name: str, *, subject: str, body: str) -> MessageId | None:
        """Send a message to every member; for the organization's admins. None when there is nobody."""
        members = await self.members(principal, name)
        to = [one.account.account_id for one in members]
        return await self._messages.send_to_all(principal, to, subject=subject, body=body) if to else None

    def _put(self, tx: Transaction, organization: Organization, account: Account, *, is_admin: bool) -> None:
        now = self._clock.now()
        rows.put_member(tx, organization.organization_id, account.account_id, is_admin=is_admin, now=now)


def _require_account(principal: Principal) -> AccountId:
    if principal.account_id is None or principal.scope != FULL_SCOPE:
        raise Forbidden("must be signed in")
    return principal.account_id


def _require_site_admin(principal: Principal) -> None:
    _require_account(principal)
    if not principal.is_admin:
        raise Forbidden("must be a site admin")


def _looks_after(principal: Principal, organization: Organization) -> bool:
    return principal.is_admin or principal.account_id in organization.admin_ids


def _existing(tx: Transaction, principal: Principal, name: str) -> Organization:
    """Return an organization to somebody who may know of it."""
    account_id = _require_account(principal)
    found = rows.get_by_name(tx, name) if is_storable(name) else None
    if found is not None and not _looks_after(principal, found):
        own = rows.get_of(tx, account_id)
        found = found if own is not None and own.organization_id == found.organization_id else None
    if found is None:
        raise NotFound(f"no organization '{name}'")
    return found


def _managed(tx: Transaction, principal: Principal, name: str) -> Organization:
    """Return an organization to somebody who looks after it."""
    found = _existing(tx, principal, name)
    if not _looks_after(principal, found):
        raise Forbidden(f"must be an admin of organization '{name}'")
    return found
