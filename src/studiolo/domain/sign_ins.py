"""Sign-ins: how browsers stay signed in, with a cookie of their own or in a frame.

An ordinary sign-in is made with a password and lives in the visitor's first-party cookie. A frame's sign-in is made
from an auth token, lives in a cookie of that frame only, and never touches the ordinary one:

1. `frame_key` comes from the token, so a reload that has no token any more finds its cookie.
2. A reload that still has the token and the right cookie gets the same sign-in again, even if the token was good for
   one use and is used up, or has expired since.
3. The same token without that cookie is somebody else: it is redeemed anew, or refused if it was good for one use.

Cookies, tokens and bearers are opaque and stored hashed.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, PasswordIncorrect, SignInExpired, StudioloError
from studiolo.core.ids import AccountId, SignInId
from studiolo.core.models import FULL_SCOPE, Account, AuthToken, Principal, SignIn
from studiolo.core.secrets import SecretSource, hash_secret
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts, is_email_address
from studiolo.domain.api_keys import banned
from studiolo.domain.audit import Action, in_request, note, note_refusal
from studiolo.domain.auth_tokens import hash_token, redeem
from studiolo.domain.endings import Endings
from studiolo.domain.guesses import KNOWN_FOR, Guesses, Sources, too_many
from studiolo.domain.scopes import acts_as_admin
from studiolo.domain.throttles import KNOWN_ACTION, LONGEST_WINDOW
from studiolo.storage import accounts as account_rows
from studiolo.storage import auth_tokens, throttles
from studiolo.storage import sign_ins as rows
from studiolo.storage.database import Database, Transaction

SECRET_CHARACTERS = 43
FRAME_KEY_CHARACTERS = 16
PER_ADDRESS = 10  # times as many as for an account: a whole school may share one address
USE_NOTED_EVERY = timedelta(minutes=1)
_NOBODY = "(not an address)"  # what cannot be anybody's address is tried, refused and counted like an unknown one
_EXPIRED = "You are signed out. Sign in again."
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A browser that was let in: who it is, and the bearer of what it asks next."""

    principal: Principal
    account: Account
    bearer: str
    expires_in_seconds: int
    secret: str  # the cookie's value


@dataclass(frozen=True, slots=True)
class _Found:
    sign_in: SignIn
    account: Account
    is_use_due: bool


class SignIns:
    """Makes, finds and ends sign-ins."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        accounts: Accounts,
        endings: Endings | None = None,
    ) -> None:
        self._endings = endings or Endings()
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._accounts = accounts
        attempts = settings.sign_in_attempts
        self._guesses = Guesses("sign_in_account", per_account=attempts)
        self._sources = Sources(clock, attempts * PER_ADDRESS)

    async def sign_in(self, email_address: str, password: str, address: str = "") -> tuple[SignIn, str]:
        """Sign a browser in; return the sign-in and the cookie's value.

        Raises PasswordIncorrect, AccountBanned, or RateLimited after too many wrong passwords for this account or
        from this network address.
        """
        email_address = email_address.lower()
        if not is_email_address(email_address):
            email_address = _NOBODY
        account = await self._take_turn(email_address, address)
        if not await self._accounts.verify(account, password) or account is None:
            error = PasswordIncorrect("The e-mail address or the password is wrong.")
            self._note_refusal(account, address, error)
            raise error
        if account.is_banned:
            self._note_refusal(account, address, banned(self._settings))
            raise banned(self._settings)
        secret = self._secrets.base62(SECRET_CHARACTERS)
        sign_in = self._new(account, self._settings.sign_in_lifetime_seconds)

        def add(tx: Transaction) -> None:
            self._guesses.succeeded(tx, email_address, address, sign_in.created_at)
            rows.add(tx, sign_in, secret_hash=hash_secret(secret))
            self._end_oldest(tx, sign_in)
            account_rows.touch(tx, account.account_id, sign_in.created_at)
            note(tx, sign_in.created_at, Principal(account.account_id, address=address), Action.SIGNED_IN)

        await self._database.write(in_request(add))
        self._sources.give_back(address)
        return sign_in, secret

    async def start(self, account: Account) -> tuple[SignIn, str]:
        """Sign a browser in as an account, once somebody made sure that it may be; for as long as both may last."""
        secret = self._secrets.base62(SECRET_CHARACTERS)
        sign_in = self._new(account, self._settings.sign_in_lifetime_seconds)
        await self._database.write(lambda tx: rows.add(tx, sign_in, secret_hash=hash_secret(secret)))
        return sign_in, secret

    async def sign_in_frame(self, token: str, frame_secret: str | None, address: str = "") -> tuple[SignIn, str]:
        """Sign a frame in with an auth token, or find it signed in; return the sign-in and the cookie's value.

        Raises AuthTokenInvalid, AuthTokenExpired, AuthTokenUsed or AccountBanned.
        """
        return await self._database.write(in_request(self._finding_frame(token, frame_secret, address)))

    async def admit_frame(self, token: str, frame_secret: str | None, address: str = "") -> Admitted:
        """Do the same and mint a bearer, all in one transaction: whoever opens a document waits for one flush."""
        find_or_add = self._finding_frame(token, frame_secret, address)
        return await self._admit(find_or_add, address)

    async def admit(self, secret: str, address: str = "") -> Admitted:
        """Mint a bearer for a cookie; raise SignInExpired or AccountBanned."""
        if not secret.isascii():
            raise SignInExpired(_EXPIRED)

        def find(tx: Transaction) -> tuple[SignIn | None, str]:
            return rows.get_by_secret(tx, hash_secret(secret)), secret

        return await self._admit(find, address)

    async def resolve(self, secret: str, address: str = "") -> Principal:
        """Return who a cookie stands for; raise SignInExpired or AccountBanned."""
        return await self._resolve(secret, address, with_frames=True)

    async def resolve_own(self, secret: str, address: str = "") -> Principal:
        """Do the same for the cookie of a visitor's own sign-in; that of a frame opens no page and no API."""
        return await self._resolve(secret, address, with_frames=False)

    async def sign_out(self, secret: str) -> None:
        """End a sign-in and its bearers; one that is over already is no error."""
        if not secret.isascii():
            return

        def remove(tx: Transaction) -> SignIn | None:
            found = rows.get_by_secret(tx, hash_secret(secret))
            rows.remove_by_secret(tx, hash_secret(secret))
            if found is not None:
                note(tx, now, Principal(found.account_id), Action.SIGNED_OUT)
            return found

        now = self._clock.now()
        ended = await self._database.write(in_request(remove))
        if ended is not None:
            self._endings.tell(ended.account_id)

    async def sign_out_everywhere(self, principal: Principal) -> None:
        """End every sign-in of the caller's account."""
        account_id = principal.account_id
        if account_id is None or principal.scope != FULL_SCOPE:
            raise Forbidden("This sign-in is good for documents only.")
        now = self._clock.now()

        def remove(tx: Transaction) -> None:
            rows.remove_for_account(tx, account_id)
            note(tx, now, principal, Action.SIGNED_OUT_EVERYWHERE)

        await self._database.write(in_request(remove))
        self._endings.tell(account_id)

    def watch(self, principal: Principal, look: Callable[[], object]) -> AbstractContextManager[None]:
        """Have `look` called whenever a sign-in of the account may have ended, for the length of a `with` block."""
        return self._endings.watch(principal.account_id or AccountId(""), look)

    async def mint_bearer(self, sign_in_id: SignInId) -> tuple[str, int]:
        """Return a short-lived secret that stands for a sign-in, and for how many seconds it is good."""
        bearer = self._secrets.base62(SECRET_CHARACTERS)
        now = self._clock.now()

        def add(tx: Transaction) -> int:
            return self._add_bearer(tx, self._checked(tx, rows.get(tx, sign_in_id), now).sign_in, bearer, now)

        return bearer, await self._database.write(add)

    async def resolve_bearer(self, bearer: str, address: str = "") -> Principal:
        """Return who a bearer stands for; raise SignInExpired or AccountBanned."""
        if not bearer.isascii():
            raise SignInExpired(_EXPIRED)
        now = self._clock.now()
        found = await self._database.read(
            lambda tx: self._checked(tx, rows.get_by_bearer(tx, hash_secret(bearer), now), now)
        )
        return await self._principal(found, address, now)

    async def reap(self) -> int:
        """Delete the sign-ins, auth tokens and counts whose time is over; return how many rows."""
        now = self._clock.now()

        def remove(tx: Transaction) -> int:
            return (
                rows.reap(tx, now)
                + auth_tokens.reap(tx, now)
                + throttles.reap(tx, now, LONGEST_WINDOW, {KNOWN_ACTION: KNOWN_FOR})
            )

        return await self._database.write(remove)

    async def _resolve(self, secret: str, address: str, *, with_frames: bool) -> Principal:
        if not secret.isascii():
            raise SignInExpired(_EXPIRED)
        now = self._clock.now()
        found = await self._database.read(
            lambda tx: self._checked(tx, rows.get_by_secret(tx, hash_secret(secret)), now)
        )
        if found.sign_in.frame_key is not None and not with_frames:
            raise SignInExpired(_EXPIRED)
        return await self._principal(found, address, now)

    async def _take_turn(self, email_address: str, address: str) -> Account | None:
        """Count the try before it is made, and look the account up; raise RateLimited."""
        if wait := self._sources.take(address):
            raise too_many(wait)
        now = self._clock.now()

        def take(tx: Transaction) -> tuple[int, Account | None]:
            wait = self._guesses.take(tx, email_address, address, now)
            return wait, account_rows.get_by_email(tx, email_address)

        wait, account = await self._database.write(take)
        if wait:
            raise too_many(wait)
        return account

    def _note_refusal(self, account: Account | None, address: str, error: StudioloError) -> None:
        target = account.account_id if account is not None else None
        who = Principal(address=address)
        note_refusal(self._database, self._clock.now(), who, Action.SIGNED_IN, error, account_id=target)

    def _end_oldest(self, tx: Transaction, sign_in: SignIn, token_hash: str | None = None) -> None:
        settings = self._settings
        per_account, per_token = settings.max_sign_ins_per_account, settings.max_sign_ins_per_token
        rows.end_oldest(tx, sign_in.account_id, token_hash, per_account=per_account, per_token=per_token)

    def _finding_frame(
        self, token: str, frame_secret: str | None, address: str
    ) -> Callable[[Transaction], tuple[SignIn, str]]:
        """Return the work of finding a frame's sign-in or adding it."""
        token_hash = hash_token(token)
        new_secret = self._secrets.base62(SECRET_CHARACTERS)
        sign_in_id = SignInId(self._secrets.uuid())
        now = self._clock.now()

        def find_or_add(tx: Transaction) -> tuple[SignIn, str]:
            if frame_secret is not None and (known := self._known_frame(tx, frame_secret, token_hash, now)):
                return known, frame_secret
            found, account = redeem(tx, token, now, self._settings)
            sign_in = SignIn(
                sign_in_id=sign_in_id,
                account_id=account.account_id,
                frame_key=token_hash[:FRAME_KEY_CHARACTERS],
                created_at=now,
                expires_at=self._end_of_frame(found, now),
                scope=found.scope,
                key_scopes=found.key_scopes,
            )
            rows.add(tx, sign_in, secret_hash=hash_secret(new_secret), token_hash=token_hash)
            self._end_oldest(tx, sign_in, token_hash)
            account_rows.touch(tx, account.account_id, now)
            who = Principal(account.account_id, address=address)
            note(tx, now, who, Action.FRAME_SIGNED_IN, project_id=found.scope.project_id, token=found.auth_token_id)
            return sign_in, new_secret

        return find_or_add

    def _end_of_frame(self, token: AuthToken, now: datetime) -> datetime:
        seconds = token.sign_in_seconds or self._settings.frame_sign_in_lifetime_seconds
        ends_at = now + timedelta(seconds=seconds)
        return ends_at if token.ends_at is None else min(ends_at, token.ends_at)

    async def _admit(self, find: Callable[[Transaction], tuple[SignIn | None, str]], address: str) -> Admitted:
        bearer = self._secrets.base62(SECRET_CHARACTERS)
        now = self._clock.now()

        def admit(tx: Transaction) -> Admitted:
            sign_in, secret = find(tx)
            found = self._checked(tx, sign_in, now)
            if found.is_use_due:
                _note_use(tx, found.sign_in, now)
            seconds = self._add_bearer(tx, found.sign_in, bearer, now)
            return Admitted(_principal_of(found, address), found.account, bearer, seconds, secret)

        return await self._database.write(in_request(admit))

    def _add_bearer(self, tx: Transaction, sign_in: SignIn, bearer: str, now: datetime) -> int:
        until = min(now + timedelta(seconds=self._settings.bearer_lifetime_seconds), sign_in.expires_at)
        rows.add_bearer(tx, hash_secret(bearer), sign_in.sign_in_id, until)
        return int((until - now).total_seconds())

    def _known_frame(self, tx: Transaction, secret: str, token_hash: str, now: datetime) -> SignIn | None:
        """Return the frame's living sign-in; an expired one is none, but a ban is said."""
        found = rows.get_of_frame(tx, hash_secret(secret), token_hash) if secret.isascii() else None
        try:
            return self._checked(tx, found, now).sign_in
        except SignInExpired:
            return None

    def _checked(self, tx: Transaction, sign_in: SignIn | None, now: datetime) -> _Found:
        if sign_in is None or sign_in.expires_at <= now:
            raise SignInExpired(_EXPIRED)
        account = account_rows.get(tx, sign_in.account_id)
        if account is None or account.is_deleted:
            raise SignInExpired(_EXPIRED)
        if account.is_banned:
            raise banned(self._settings)
        return _Found(sign_in, account, rows.is_use_due(tx, sign_in.sign_in_id, now - USE_NOTED_EVERY))

    async def _principal(self, found: _Found, address: str, now: datetime) -> Principal:
        if found.is_use_due:
            await self._database.write(lambda tx: _note_use(tx, found.sign_in, now))
        return _principal_of(found, address)

    def _new(self, account: Account, lifetime_seconds: int) -> SignIn:
        now = self._clock.now()
        return SignIn(
            sign_in_id=SignInId(self._secrets.uuid()),
            account_id=account.account_id,
            frame_key=None,
            created_at=now,
            expires_at=min(now + timedelta(seconds=lifetime_seconds), account.expires_at or _FAR),
            scope=FULL_SCOPE,
        )


def _principal_of(found: _Found, address: str) -> Principal:
    return Principal(
        account_id=found.account.account_id,
        is_admin=acts_as_admin(found.account.is_admin, found.sign_in.key_scopes),
        scope=found.sign_in.scope,
        key_scopes=found.sign_in.key_scopes,
        sign_in_id=found.sign_in.sign_in_id,
        address=address,
    )


def _note_use(tx: Transaction, sign_in: SignIn, now: datetime) -> None:
    rows.touch(tx, sign_in.sign_in_id, now)
    account_rows.touch(tx, sign_in.account_id, now)
