"""Auth tokens: 24 characters that sign a browser in as an account, stored hashed, good for hours.

A token may be made with the account's password (`mint`, as ever), or without it (`mint_for`), by:

1. the account itself;
2. whoever made the account, unless it has become an administrator's;
3. administrators.

A token can be narrowed (see `Scope`) and is never good for more, or for longer, than the key it was made with. It ends
with that key.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from weakref import WeakValueDictionary

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    AuthTokenExpired,
    AuthTokenInvalid,
    AuthTokenUsed,
    Forbidden,
    InvalidRequest,
    NotFound,
    PasswordIncorrect,
    TooManyAuthTokens,
)
from studiolo.core.ids import AccountId, is_uuid
from studiolo.core.models import FULL_SCOPE, Account, AuthToken, Principal, Scope
from studiolo.core.secrets import SecretSource, hash_secret
from studiolo.core.settings import Settings
from studiolo.domain.access import require
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import banned
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.endings import Endings
from studiolo.domain.guesses import Guesses, Sources
from studiolo.domain.idempotency import Made, note_made, refuse_to_tell_again
from studiolo.domain.projects import is_storable
from studiolo.domain.scopes import acts_as_admin
from studiolo.domain.throttles import Throttle, refuse
from studiolo.storage import accounts as account_rows
from studiolo.storage import auth_tokens as rows
from studiolo.storage import sign_ins
from studiolo.storage.database import Database, Transaction

TOKEN_CHARACTERS = 24
MAX_PATH_CHARACTERS = 4_096
MAX_LISTED = 1_000
WRONG_PASSWORD = Throttle("user_auth", limit=1, window_seconds=60)
GUESSES = Guesses("user_auth_account", per_account=20)
WRONG_PER_CALLER = 300  # in five minutes; those that are being checked count too, and a portal may ask for many at once
WRONG_PER_ADDRESS = 600
_INVALID = "auth_token is not valid"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a token is narrowed to, for how long it signs browsers in, and for how long these stay signed in.

    None: as the settings say.
    """

    scope: Scope = FULL_SCOPE
    lifetime_seconds: int | None = None
    sign_in_seconds: int | None = None
    is_single_use: bool | None = None


AS_USUAL = Narrowing()


class AuthTokens:
    """What may be done with auth tokens."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        accounts: Accounts,
        endings: Endings | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._accounts = accounts
        self._endings = endings or Endings()
        self._callers = Sources(clock, WRONG_PER_CALLER)
        self._addresses = Sources(clock, WRONG_PER_ADDRESS)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def mint(
        self,
        principal: Principal,
        *,
        account_id: AccountId,
        password: str,
        scope: Scope = FULL_SCOPE,
        lifetime_seconds: int | None = None,
        is_single_use: bool | None = None,
    ) -> str:
        """Make a token that signs a browser in as an account, whose password must be given.

        An administrator may give the empty string instead. After a wrong password the caller must wait 60 s before
        trying that account again. The lifetime may be shorter than the setting, not longer.
        """
        caller = _require_account(principal)
        narrowing = Narrowing(scope, lifetime_seconds, is_single_use=is_single_use)
        self._check(narrowing)
        if principal.is_admin and password == "":
            account = await self._accounts.get(account_id)
        else:
            account = await self._proven(caller, account_id, password, principal.address)
        return (await self.issue(principal, account, narrowing))[0]

    async def mint_for(
        self, principal: Principal, account_id: AccountId | None, narrowing: Narrowing = AS_USUAL
    ) -> tuple[str, AuthToken]:
        """Make a token for an account (without one: the caller's own) that the caller may sign in without a password.

        Raises NotFound for any other account, and ProjectNotFound if the account cannot read the project named.
        """
        caller = _require_account(principal)
        narrowing = replace(narrowing, scope=_normal(narrowing.scope))
        self._check(narrowing)
        wanted, project_id = account_id or caller, narrowing.scope.project_id

        def read(tx: Transaction) -> Account:
            account = _signable(tx, principal, wanted)
            if project_id is not None:
                require(tx, Principal(account.account_id, is_admin=account.is_admin), project_id, write=False)
            return account

        return await self.issue(principal, await self._database.read(read), narrowing)

    async def issue(
        self, principal: Principal, account: Account, narrowing: Narrowing = AS_USUAL
    ) -> tuple[str, AuthToken]:
        """Make a token for an account, once somebody made sure that the principal may have one."""
        refuse_to_tell_again(Made.AUTH_TOKEN)
        if account.is_banned:
            raise banned(self._settings)
        now = self._clock.now()
        is_single_use = narrowing.is_single_use
        expires_at = now + timedelta(seconds=narrowing.lifetime_seconds or self._settings.auth_token_lifetime_seconds)
        ends = [one for one in (principal.key_expires_at, account.expires_at) if one is not None]
        token = AuthToken(
            account_id=account.account_id,
            created_at=now,
            expires_at=min([expires_at, *ends]),
            is_single_use=self._settings.auth_token_single_use if is_single_use is None else is_single_use,
            used_at=None,
            scope=narrowing.scope,
            auth_token_id=self._secrets.uuid(),
            created_by=principal.account_id,
            api_key_id=principal.api_key_id,
            key_scopes=principal.key_scopes,
            sign_in_seconds=narrowing.sign_in_seconds,
            ends_at=min(ends, default=None),
        )
        secret = self._secrets.base62(TOKEN_CHARACTERS)

        most = self._settings.max_auth_tokens_per_account

        def add(tx: Transaction) -> None:
            if not rows.is_room(tx, token.account_id, now, most):
                words = f"There is a limit of {most} living auth tokens of one account"
                raise TooManyAuthTokens(f"{words}; revoke some, or wait until they end.")
            rows.add(tx, hash_secret(secret), token)
            note_made(tx, Made.AUTH_TOKEN, token.auth_token_id)
            _note_minted(tx, principal, token)

        await self._database.write(in_request(add))
        return secret, token

    async def list(self, principal: Principal, account_id: AccountId | None = None) -> list[AuthToken]:
        """Return the living tokens that sign in as the caller or were made by the caller, the newest first.

        With `account_id` only those that sign in as that account; an administrator sees all of these.
        """
        caller = _require_account(principal)
        now = self._clock.now()
        is_free = account_id is not None and (principal.is_admin or account_id == caller)
        made_by = None if is_free else caller

        def read(tx: Transaction) -> list[AuthToken]:
            whose = account_id if is_free else caller
            found = rows.list_living(tx, now, account_id=whose, created_by=made_by, limit=MAX_LISTED)
            return [one for one in found if account_id in (None, one.account_id)]

        return await self._database.read(read)

    async def resolve(self, token: str, address: str = "") -> Principal:
        """Return who a token stands for when a program shows it instead of an API key.

        Raises AuthTokenInvalid, AuthTokenExpired, AuthTokenUsed or AccountBanned.
        """
        now = self._clock.now()
        found, account = await self._database.write(lambda tx: redeem(tx, token, now, self._settings))
        return Principal(
            account.account_id,
            is_admin=acts_as_admin(account.is_admin, found.key_scopes),
            scope=found.scope,
            address=address,
            key_scopes=found.key_scopes,
        )

    async def redeem(self, token: str) -> AuthToken:
        """Use a token; raise AuthTokenInvalid, AuthTokenExpired, AuthTokenUsed or AccountBanned."""
        now = self._clock.now()
        return await self._database.write(lambda tx: redeem(tx, token, now, self._settings)[0])

    async def revoke(self, principal: Principal, token: str) -> None:
        """End a token, and every sign-in that was made from it; for its account, its maker and administrators."""
        token_hash = hash_token(token)
        await self._revoke(principal, lambda _: token_hash)

    async def revoke_by_id(self, principal: Principal, auth_token_id: str) -> None:
        """Do the same for the token with an id."""
        if not is_storable(auth_token_id):
            raise AuthTokenInvalid(_INVALID)
        await self._revoke(principal, lambda tx: rows.hash_of(tx, auth_token_id))

    async def _revoke(self, principal: Principal, find: Callable[[Transaction], str | None]) -> None:
        def remove(tx: Transaction) -> AccountId:
            token_hash = find(tx)
            found = rows.get(tx, token_hash) if token_hash is not None else None
            if token_hash is None or found is None or not _may_revoke(principal, found):
                raise AuthTokenInvalid(_INVALID)
            rows.remove(tx, token_hash)
            sign_ins.remove_for_tokens(tx, [token_hash])
            target, name = found.account_id, found.auth_token_id
            note(tx, now, principal, Action.AUTH_TOKEN_REVOKED, account_id=target, token=name)
            return found.account_id

        now = self._clock.now()
        self._endings.tell(await self._database.write(in_request(remove)))

    async def _proven(self, caller: AccountId, account_id: AccountId, password: str, address: str) -> Account:
        """Return the account if the password is its own; guesses of one pair are made one after the other.

        Wrong ones are counted for the pair, for the caller, for the account and for the caller's address.
        """
        if not is_uuid(account_id):
            raise PasswordIncorrect("incorrect password")
        pair = f"{caller} {account_id}"
        async with self._turns.setdefault(pair, asyncio.Lock()):
            now = self._clock.now()

            def look(tx: Transaction) -> tuple[int, bool, Account | None]:
                wait = WRONG_PASSWORD.seconds_to_wait(tx, pair, now)
                wait = wait or GUESSES.seconds_to_wait(tx, account_id, caller, now)
                return wait, GUESSES.is_known(tx, account_id, caller, now), account_rows.get(tx, account_id)

            def note_failure(tx: Transaction) -> None:
                failed_at = self._clock.now()
                who = Principal(caller, address=address)
                wrong = PasswordIncorrect.code
                note(tx, failed_at, who, Action.AUTH_TOKEN_MINTED, account_id=account_id, result=wrong)
                WRONG_PASSWORD.take(tx, pair, failed_at)
                GUESSES.take(tx, account_id, caller, failed_at)

            wait, is_known, account = await self._database.read(look)
            wait = wait or self._callers.take(caller) or self._addresses.take(address)
            if wait:
                raise refuse("banned -- please wait at least 60s before trying again", wait)
            if await self._accounts.verify(account, password) and account is not None:
                self._callers.give_back(caller)
                self._addresses.give_back(address)
                if not is_known:
                    await self._database.write(lambda tx: GUESSES.succeeded(tx, account_id, caller, now))
                return account
            await self._database.write(in_request(note_failure))
        raise PasswordIncorrect("incorrect password")

    def _check(self, narrowing: Narrowing) -> None:
        _check_scope(narrowing.scope)
        limits = (
            ("lifetime_seconds", "An auth token lives", self._settings.auth_token_lifetime_seconds),
            ("sign_in_seconds", "A browser stays signed in", self._settings.frame_sign_in_lifetime_seconds),
        )
        for field, what, longest in limits:
            asked: int | None = getattr(narrowing, field)
            if asked is not None and not 0 < asked <= longest:
                text = f"{what} for 1 to {longest} seconds."
                raise InvalidRequest(text, fields={field: text})


def _note_minted(tx: Transaction, principal: Principal, token: AuthToken) -> None:
    note(
        tx,
        token.created_at,
        principal,
        Action.AUTH_TOKEN_MINTED,
        account_id=token.account_id,
        project_id=token.scope.project_id,
        token=token.auth_token_id,
        is_impersonation=token.account_id != principal.account_id,
        is_read_only=token.scope.is_read_only,
        lifetime_seconds=int((token.expires_at - token.created_at).total_seconds()),
    )


def redeem(tx: Transaction, token: str, now: datetime, settings: Settings) -> tuple[AuthToken, Account]:
    """Use a token within the caller's transaction; return it with its account."""
    token_hash = hash_token(token)
    found = rows.get(tx, token_hash)
    if found is None:
        raise AuthTokenInvalid(_INVALID)
    if found.expires_at <= now:
        raise AuthTokenExpired(_INVALID)
    account = account_rows.get(tx, found.account_id)
    if account is None or account.is_deleted:
        raise AuthTokenInvalid(_INVALID)
    if account.is_banned:
        raise banned(settings)
    is_first_use = rows.mark_used(tx, token_hash, now)
    if found.is_single_use and not is_first_use:
        raise AuthTokenUsed("auth_token was used already")
    return found, account


def hash_token(token: str) -> str:
    """Return the form in which a token is stored; raise AuthTokenInvalid for what cannot be one."""
    if not token:
        raise AuthTokenInvalid("missing auth_token.")
    if len(token) != TOKEN_CHARACTERS:
        raise AuthTokenInvalid(f"auth_token must be exactly {TOKEN_CHARACTERS} characters long")
    if not token.isascii():
        raise AuthTokenInvalid(_INVALID)
    return hash_secret(token)


def _require_account(principal: Principal) -> AccountId:
    if principal.account_id is None or principal.scope != FULL_SCOPE:
        raise Forbidden("Only an account may make auth tokens.")
    return principal.account_id


def _signable(tx: Transaction, principal: Principal, account_id: AccountId) -> Account:
    """Return an account that the caller may sign in without its password."""
    account = account_rows.get(tx, account_id) if is_uuid(account_id) else None
    if account is not None and not account.is_deleted:
        if principal.is_admin or account_id == principal.account_id:
            return account
        if account_rows.maker_of(tx, account_id) == principal.account_id and not account.is_admin:
            return account
    raise NotFound(f"There is no account {account_id!r} that you may sign in.")


def _may_revoke(principal: Principal, token: AuthToken) -> bool:
    is_ours = principal.account_id is not None and principal.account_id in (token.account_id, token.created_by)
    return is_ours or principal.is_admin


def _normal(scope: Scope) -> Scope:
    """Return the scope with the path in its shortest form; the whole home is no narrowing."""
    prefix = scope.path_prefix
    if prefix is None or prefix.startswith("/"):
        return scope
    short = str(PurePosixPath(prefix))
    return Scope(scope.project_id, None if short == "." else short, scope.is_read_only, scope.may_start)


def _check_scope(scope: Scope) -> None:
    prefix = scope.path_prefix
    if prefix is None:
        return
    text = None
    if scope.project_id is None:
        text = "A path is narrowed within a project: name the project too."
    elif prefix.startswith("/") or ".." in prefix.split("/") or not is_storable(prefix):
        text = "The path must be relative to the project's home and stay in it."
    elif len(prefix) > MAX_PATH_CHARACTERS:
        text = f"The path may have at most {MAX_PATH_CHARACTERS} characters."
    if text is not None:
        raise InvalidRequest(text, fields={"path_prefix": text})
