"""Auth tokens: 24 characters that sign a browser in as an account, stored hashed, good for hours."""

import asyncio
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    AuthTokenExpired,
    AuthTokenInvalid,
    AuthTokenUsed,
    Forbidden,
    InvalidRequest,
    PasswordIncorrect,
)
from studiolo.core.ids import AccountId, is_uuid
from studiolo.core.models import FULL_SCOPE, Account, AuthToken, Principal, Scope
from studiolo.core.secrets import SecretSource, hash_secret
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import banned
from studiolo.domain.throttles import Throttle, refuse
from studiolo.storage import accounts as account_rows
from studiolo.storage import auth_tokens as rows
from studiolo.storage import sign_ins
from studiolo.storage.database import Database, Transaction

TOKEN_CHARACTERS = 24
WRONG_PASSWORD = Throttle("user_auth", limit=1, window_seconds=60)
_INVALID = "auth_token is not valid"


class AuthTokens:
    """What may be done with auth tokens."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, secrets: SecretSource, accounts: Accounts
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._accounts = accounts
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
        if principal.account_id is None or principal.scope != FULL_SCOPE:
            raise Forbidden("Only an account may make auth tokens.")
        _check_scope(scope)
        seconds = self._lifetime_seconds(lifetime_seconds)
        if principal.is_admin and password == "":
            account = await self._accounts.get(account_id)
        else:
            account = await self._proven(principal.account_id, account_id, password)
        return await self.issue(principal, account, scope=scope, lifetime_seconds=seconds, is_single_use=is_single_use)

    async def issue(
        self,
        principal: Principal,
        account: Account,
        *,
        scope: Scope = FULL_SCOPE,
        lifetime_seconds: int | None = None,
        is_single_use: bool | None = None,
    ) -> str:
        """Make a token for an account, once somebody made sure that the principal may have one."""
        if account.is_banned:
            raise banned(self._settings)
        now = self._clock.now()
        token = AuthToken(
            account_id=account.account_id,
            created_at=now,
            expires_at=now + timedelta(seconds=self._lifetime_seconds(lifetime_seconds)),
            is_single_use=self._settings.auth_token_single_use if is_single_use is None else is_single_use,
            used_at=None,
            scope=scope,
        )
        secret = self._secrets.base62(TOKEN_CHARACTERS)
        created_by = principal.account_id
        await self._database.write(lambda tx: rows.add(tx, hash_secret(secret), token, created_by=created_by))
        return secret

    async def resolve(self, token: str, address: str = "") -> Principal:
        """Return who a token stands for when a program shows it instead of an API key.

        Raises AuthTokenInvalid, AuthTokenExpired, AuthTokenUsed or AccountBanned.
        """
        now = self._clock.now()
        found, account = await self._database.write(lambda tx: redeem(tx, token, now, self._settings))
        return Principal(account.account_id, is_admin=account.is_admin, scope=found.scope, address=address)

    async def redeem(self, token: str) -> AuthToken:
        """Use a token; raise AuthTokenInvalid, AuthTokenExpired, AuthTokenUsed or AccountBanned."""
        now = self._clock.now()
        return await self._database.write(lambda tx: redeem(tx, token, now, self._settings)[0])

    async def revoke(self, principal: Principal, token: str) -> None:
        """End a token, and every sign-in that was made from it; for its account, its maker and administrators."""

        def remove(tx: Transaction) -> None:
            token_hash = hash_token(token)
            found, maker = rows.get(tx, token_hash), rows.maker_of(tx, token_hash)
            if found is None:
                raise AuthTokenInvalid(_INVALID)
            if not principal.is_admin and (
                principal.account_id is None or principal.account_id not in (found.account_id, maker)
            ):
                raise AuthTokenInvalid(_INVALID)
            rows.remove(tx, token_hash)
            sign_ins.remove_for_token(tx, token_hash)

        await self._database.write(remove)

    async def _proven(self, caller: AccountId, account_id: AccountId, password: str) -> Account:
        """Return the account if the password is its own; guesses of one pair are made one after the other."""
        if not is_uuid(account_id):
            raise PasswordIncorrect("incorrect password")
        pair = f"{caller} {account_id}"
        async with self._turns.setdefault(pair, asyncio.Lock()):
            now = self._clock.now()
            wait, account = await self._database.read(
                lambda tx: (
                    WRONG_PASSWORD.seconds_to_wait(tx, pair, now),
                    account_rows.get(tx, account_id),
                )
            )
            if wait:
                raise refuse("banned -- please wait at least 60s before trying again", wait)
            if await self._accounts.verify(account, password) and account is not None:
                return account
            await self._database.write(lambda tx: WRONG_PASSWORD.take(tx, pair, self._clock.now()))
        raise PasswordIncorrect("incorrect password")

    def _lifetime_seconds(self, asked: int | None) -> int:
        longest = self._settings.auth_token_lifetime_seconds
        if asked is None:
            return longest
        if not 0 < asked <= longest:
            text = f"An auth token lives for 1 to {longest} seconds."
            raise InvalidRequest(text, fields={"lifetime_seconds": text})
        return asked


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


def _check_scope(scope: Scope) -> None:
    prefix = scope.path_prefix
    if prefix is None:
        return
    text = None
    if scope.project_id is None:
        text = "A path is narrowed within a project: name the project too."
    elif prefix.startswith("/") or ".." in prefix.split("/") or "\0" in prefix:
        text = "The path must be relative to the project's home and stay in it."
    if text is not None:
        raise InvalidRequest(text, fields={"path_prefix": text})
