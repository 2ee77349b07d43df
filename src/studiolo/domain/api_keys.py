"""API keys: `sk-`, 16 random characters, and 6 that number the row; shown once, stored hashed.

A key that manages keys sees and changes only those that are good for no more than itself, and makes none that is good
for more or lives longer: neither with its own account's help nor by changing itself.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from studiolo.core.clock import Clock, iso_milliseconds
from studiolo.core.errors import (
    AccountBanned,
    ApiKeyInvalid,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ScopeMissing,
    StudioloError,
)
from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import FULL_SCOPE, Account, ApiKey, KeyScopes, Principal
from studiolo.core.secrets import BASE62, SecretSource, hash_secret
from studiolo.core.settings import Settings
from studiolo.domain.access import require
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.endings import Endings
from studiolo.domain.idempotency import Made, note_made, refuse_to_tell_again
from studiolo.domain.scopes import acts_as_admin, is_no_more, read_scopes, scope_names
from studiolo.storage import accounts, auth_tokens, sign_ins
from studiolo.storage import api_keys as rows
from studiolo.storage.database import Database, Transaction

MAX_PER_ACCOUNT = 100
MAX_NAME_CHARACTERS = 128
USE_NOTED_EVERY = timedelta(minutes=1)
_RANDOM_CHARACTERS = 16
_NUMBER_CHARACTERS = 6
_INVALID = "No account found. Is your API key wrong?"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What is to change of a key; None stays."""

    name: str | None = None
    scopes: Sequence[str] | None = None
    expires_at: datetime | None = None
    never_ends: bool = False


class ApiKeys:
    """What may be done with API keys."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        endings: Endings | None = None,
    ) -> None:
        self._endings = endings or Endings()
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets

    async def create(
        self,
        principal: Principal,
        *,
        account_id: AccountId | None = None,
        project_id: ProjectId | None = None,
        name: str = "",
        expires_at: datetime | None = None,
        scopes: Sequence[str] | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key of the caller's account (an administrator: of any), and return it with its secret.

        With `project_id` the key opens that project only, as long as the account may write there. Without
        `scopes` it is good for all that the caller's own key is good for. Made with a key that ends, it ends no later.
        """
        refuse_to_tell_again(Made.API_KEY)
        owner = account_id or principal.account_id
        wanted = principal.key_scopes if scopes is None else read_scopes(scopes)
        expires_at = principal.key_expires_at if expires_at is None else expires_at
        _check_name(name)
        self._check_expiry(expires_at)
        _require_no_more(principal, wanted, expires_at)
        random = self._secrets.base62(_RANDOM_CHARACTERS)
        placeholder_hash = hash_secret(self._secrets.uuid())
        now = self._clock.now()

        def insert(tx: Transaction) -> tuple[ApiKey, str]:
            account = _managed_account(tx, principal, owner)
            if account.expires_at is not None:
                raise Forbidden("A throw-away account has no API keys.")
            if project_id is not None:
                is_admin = acts_as_admin(account.is_admin, wanted)
                require(tx, Principal(account.account_id, is_admin=is_admin), project_id, write=True)
            if rows.count_for(tx, account.account_id) >= MAX_PER_ACCOUNT:
                rows.remove_ended(tx, account.account_id, now)
            if rows.count_for(tx, account.account_id) >= MAX_PER_ACCOUNT:
                raise Conflict(f"There is a limit of {MAX_PER_ACCOUNT} per account; please delete some api keys.")
            number = rows.reserve(
                tx,
                account_id=account.account_id,
                project_id=project_id,
                name=name,
                created_at=now,
                expires_at=expires_at,
                placeholder_hash=placeholder_hash,
                scopes=wanted,
            )
            secret = f"sk-{random}{_in_base62(number)}"
            rows.set_key(tx, number, key_hash=hash_secret(secret), trunc=f"{secret[:3]}...{secret[-6:]}")
            made = _existing(rows.get(tx, number))
            _note(tx, now, principal, Action.API_KEY_CREATED, made)
            note_made(tx, Made.API_KEY, str(made.api_key_id))
            return made, secret

        return await self._database.write(in_request(insert))

    async def list(self, principal: Principal, *, account_id: AccountId | None = None) -> Sequence[ApiKey]:
        """Return the keys of the caller's account (an administrator: of any), the newest first."""
        owner = account_id or principal.account_id

        def read(tx: Transaction) -> Sequence[ApiKey]:
            found = rows.list_for(tx, _managed_account(tx, principal, owner).account_id)
            return [one for one in found if is_no_more(one.scopes, principal.key_scopes)]

        return await self._database.read(read)

    async def edit(self, principal: Principal, api_key_id: ApiKeyId, change: KeyChange) -> ApiKey:
        """Name a key, set what it is good for and when it ends; return it as it is then.

        Its auth tokens, and who is signed in by them, end with it; they end at once if it is good for less from now on.
        """
        if change.name is not None:
            _check_name(change.name)
        self._check_expiry(change.expires_at)
        wanted = None if change.scopes is None else read_scopes(change.scopes)

        def edit(tx: Transaction) -> tuple[ApiKey, Iterable[AccountId]]:
            found = _managed_key(tx, principal, api_key_id)
            scopes = found.scopes if change.scopes is None else wanted
            ends = change.never_ends or change.expires_at is not None
            expires_at = change.expires_at if ends else found.expires_at
            if ends or not is_no_more(scopes, found.scopes):
                _require_no_more(principal, scopes, expires_at)
            rows.set_name(tx, api_key_id, found.name if change.name is None else change.name)
            rows.set_scopes(tx, api_key_id, scopes)
            rows.set_expiry(tx, api_key_id, expires_at)
            edited = _existing(rows.get(tx, api_key_id))
            _note(tx, now, principal, Action.API_KEY_CHANGED, edited)
            if not is_no_more(found.scopes, scopes):
                return edited, _end_tokens(tx, api_key_id)
            if expires_at is not None:
                auth_tokens.end_for_key(tx, api_key_id, expires_at)
            return edited, ()

        now = self._clock.now()
        edited, ended = await self._database.write(in_request(edit))
        for account_id in ended:
            self._endings.tell(account_id)
        return edited

    async def rename(self, principal: Principal, api_key_id: ApiKeyId, name: str) -> None:
        """Name a key."""
        await self.edit(principal, api_key_id, KeyChange(name=name))

    async def set_expiry(self, principal: Principal, api_key_id: ApiKeyId, expires_at: datetime | None) -> None:
        """Set when a key ends; None: never."""
        await self.edit(principal, api_key_id, KeyChange(expires_at=expires_at, never_ends=expires_at is None))

    async def revoke(self, principal: Principal, api_key_id: ApiKeyId) -> None:
        """End a key at once, and with it every auth token that was made with it and the sign-ins of these."""

        now = self._clock.now()

        def change(tx: Transaction) -> Iterable[AccountId]:
            _note(tx, now, principal, Action.API_KEY_REVOKED, _managed_key(tx, principal, api_key_id))
            rows.remove(tx, api_key_id)
            return _end_tokens(tx, api_key_id)

        for account_id in await self._database.write(in_request(change)):
            self._endings.tell(account_id)

    async def resolve(self, key: str, address: str = "") -> Principal:
        """Return who a key stands for; raise ApiKeyInvalid or AccountBanned."""
        now = self._clock.now()
        found, principal = await self._database.read(lambda tx: self._resolve(tx, key, address, now))
        if found.last_active_at is None or found.last_active_at <= now - USE_NOTED_EVERY:
            await self._database.write(lambda tx: _note_use(tx, found, now))
        return principal

    def _resolve(self, tx: Transaction, key: str, address: str, now: datetime) -> tuple[ApiKey, Principal]:
        found = rows.get_by_hash(tx, hash_secret(key)) if key.isascii() else None
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            raise ApiKeyInvalid(_INVALID)
        account = accounts.get(tx, found.account_id)
        if account is None or account.is_deleted:
            raise ApiKeyInvalid(_INVALID)
        if account.is_banned:
            raise banned(self._settings)
        is_admin = acts_as_admin(account.is_admin, found.scopes)
        who = Principal(
            account.account_id,
            is_admin=is_admin,
            address=address,
            key_scopes=found.scopes,
            api_key_id=found.api_key_id,
            key_expires_at=found.expires_at,
        )
        if found.project_id is None:
            return found, who
        try:
            require(tx, Principal(account.account_id, is_admin=is_admin), found.project_id, write=True)
        except StudioloError as error:
            raise ApiKeyInvalid(_INVALID, internal="the key's maker left the project") from error
        return found, replace(who, account_id=None, is_admin=False, key_project_id=found.project_id)

    def _check_expiry(self, expires_at: datetime | None) -> None:
        if expires_at is not None and expires_at <= self._clock.now():
            text = "The key must end in the future."
            raise InvalidRequest(text, fields={"expires_at": text})


def banned(settings: Settings) -> AccountBanned:
    """Return the error for a banned account, in the wire's words."""
    return AccountBanned(f"User is BANNED.  If this is a mistake, please contact {settings.help_email}")


def _managed_account(tx: Transaction, principal: Principal, owner: AccountId | None) -> Account:
    """Return the account whose keys the caller may manage; a frame may manage none, not even its own account's."""
    sign_in = sign_ins.get(tx, principal.sign_in_id) if principal.sign_in_id is not None else None
    is_frame = principal.scope != FULL_SCOPE or (sign_in is not None and sign_in.frame_key is not None)
    if owner is None or principal.account_id is None or is_frame:
        raise Forbidden("API keys are managed by an account that is signed in by its owner.")
    if owner != principal.account_id and not principal.is_admin:
        raise Forbidden("This is another person's account.")
    account = accounts.get(tx, owner)
    if account is None or account.is_deleted:
        raise NotFound(f"There is no account {owner!r}.")
    return account


def _managed_key(tx: Transaction, principal: Principal, api_key_id: ApiKeyId) -> ApiKey:
    found = rows.get(tx, api_key_id)
    _managed_account(tx, principal, principal.account_id)
    if found is None or not (principal.is_admin or found.account_id == principal.account_id):
        raise NotFound("There is no such API key.")
    if not is_no_more(found.scopes, principal.key_scopes):
        raise NotFound("There is no such API key.")  # none that this key may know of
    return found


def _end_tokens(tx: Transaction, api_key_id: ApiKeyId) -> set[AccountId]:
    """End what was made with a key, and who is signed in by it; return whose that was."""
    tokens = auth_tokens.remove_for_key(tx, api_key_id)
    sign_ins.remove_for_tokens(tx, list(tokens))
    return set(tokens.values())


def _require_no_more(principal: Principal, scopes: KeyScopes, expires_at: datetime | None) -> None:
    """Refuse what would make a key stronger than the one that asks."""
    if not is_no_more(scopes, principal.key_scopes):
        own = ", ".join(scope_names(principal.key_scopes))
        raise ScopeMissing(f"A key cannot make a key that is good for more than itself: {own}.")
    if principal.key_expires_at is not None and (expires_at is None or expires_at > principal.key_expires_at):
        raise Forbidden("A key cannot make a key that lives longer than itself.")


def _note(tx: Transaction, now: datetime, principal: Principal, action: Action, key: ApiKey) -> None:
    note(
        tx,
        now,
        principal,
        action,
        account_id=key.account_id,
        project_id=key.project_id,
        api_key_id=key.api_key_id,
        scopes=scope_names(key.scopes),
        expires_at=iso_milliseconds(key.expires_at) if key.expires_at is not None else None,
    )


def _note_use(tx: Transaction, found: ApiKey, now: datetime) -> None:
    rows.touch(tx, found.api_key_id, now, unless_after=now - USE_NOTED_EVERY)
    accounts.touch(tx, found.account_id, now)


def _check_name(name: str) -> None:
    text = None
    if len(name) > MAX_NAME_CHARACTERS:
        text = f"The name may have at most {MAX_NAME_CHARACTERS} characters."
    elif any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        text = "The name may not contain control characters."
    if text is not None:
        raise InvalidRequest(text, fields={"name": text})


def _in_base62(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(BASE62))
        digits = BASE62[digit] + digits
    return digits.rjust(_NUMBER_CHARACTERS, BASE62[0])


def _existing(found: ApiKey | None) -> ApiKey:
    assert found is not None
    return found
