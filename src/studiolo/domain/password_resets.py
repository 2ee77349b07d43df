"""Forgotten passwords: a code goes by mail to the account's address; it sets a new password once, within an hour."""

from datetime import timedelta

from studiolo.core.clock import Clock
from studiolo.core.errors import Conflict, Forbidden, InvalidRequest, NotFound
from studiolo.core.ids import AccountId
from studiolo.core.models import ANONYMOUS, FULL_SCOPE, Mail, Principal
from studiolo.core.secrets import SecretSource, hash_secret
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts, is_email_address, require_good_password
from studiolo.domain.api_keys import banned
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.collaborators import admit_invited
from studiolo.domain.idempotency import Made, note_made, refuse_to_tell_again
from studiolo.domain.throttles import Throttle, refuse
from studiolo.runtime.protocols import Mailer
from studiolo.storage import accounts as account_rows
from studiolo.storage import password_resets as rows
from studiolo.storage.database import Database, Transaction

CODE_CHARACTERS = 24
LIFETIME = timedelta(hours=1)
PER_EMAIL_ADDRESS = Throttle("password_reset_email", limit=31, window_seconds=3600)
PER_ADDRESS_MINUTE = Throttle("password_reset_minute", limit=10, window_seconds=60)
PER_ADDRESS_HOUR = Throttle("password_reset_hour", limit=60, window_seconds=3600)
_BODY = """Somebody, probably you, asked for a new password of your account {email_address}.

The code to set one is

    {code}

{where}

It is good for one hour. If it was not you, there is nothing to do: your password is what it was.
"""


class PasswordResets:
    """Gives out codes and takes them back for a new password."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        accounts: Accounts,
        mailer: Mailer,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._accounts = accounts
        self._mailer = mailer

    async def request(self, email_address: str, address: str) -> None:
        """Mail a code to the account's address.

        Raises InvalidRequest, NotFound, RateLimited or AccountBanned in the wire's words.
        """
        email_address = email_address.lower()
        if not is_email_address(email_address):
            raise InvalidRequest("Invalid email address.")
        await self._take_turn(email_address, address)
        account = await self._accounts.find(email_address)
        if account is None:
            raise NotFound(f"No account with e-mail address {email_address}")
        if account.is_banned:
            raise banned(self._settings)
        code = self._secrets.base62(CODE_CHARACTERS)
        await self._database.write(lambda tx: self._add(tx, account.account_id, code))
        body = _BODY.format(email_address=email_address, code=code, where=self._where(code))
        await self._mailer.send(Mail(email_address, "Password reset", body))

    async def create_for(self, principal: Principal, account_id: AccountId) -> str:
        """Return a code for an account whose person an administrator knows by other means than mail."""
        if not principal.is_admin or principal.scope != FULL_SCOPE:
            raise Forbidden("Only administrators may do this.")
        refuse_to_tell_again(Made.PASSWORD_RESET_LINK)
        account = await self._accounts.get(account_id)
        if account.is_banned:
            raise Conflict("The account is banned.")
        code = self._secrets.base62(CODE_CHARACTERS)

        def add(tx: Transaction) -> None:
            self._add(tx, account.account_id, code)
            note_made(tx, Made.PASSWORD_RESET_LINK, account.account_id)  # a code has nothing else to be known by
            note(tx, self._clock.now(), principal, Action.PASSWORD_RESET_LINK_CREATED, account_id=account.account_id)

        await self._database.write(in_request(add))
        return code

    def _add(self, tx: Transaction, account_id: AccountId, code: str) -> None:
        now = self._clock.now()
        rows.reap(tx, now)
        rows.add(tx, hash_secret(code), account_id, now=now, expires_at=now + LIFETIME)

    async def redeem(self, code: str, new_password: str) -> None:
        """Set the password that the code allows to set; every sign-in, auth token and other code ends with it."""
        require_good_password(new_password)
        gone = InvalidRequest("Password reset request is no longer valid.")
        if not code.isascii():
            raise gone
        now = self._clock.now()
        # looked up first, since hashing is dear: guesses must not keep those who sign in waiting
        if await self._database.read(lambda tx: rows.account_of(tx, hash_secret(code), now)) is None:
            raise gone
        new_hash = await self._accounts.hash(new_password)

        def change(tx: Transaction) -> AccountId | None:
            account_id = rows.account_of(tx, hash_secret(code), now)
            account = account_rows.get(tx, account_id) if account_id is not None else None
            if account is None or account.is_deleted or account.is_banned:
                return None
            self._accounts.replace_password(tx, account.account_id, new_hash)
            note(tx, now, ANONYMOUS, Action.PASSWORD_RESET, account_id=account.account_id)
            admit_invited(tx, account, now)  # who got the code reads the address's mail, so its places are theirs
            return account.account_id

        changed = await self._database.write(in_request(change))
        if changed is None:
            raise gone
        self._accounts.tell_ended(changed)

    def _where(self, code: str) -> str:
        if self._settings.public_url is None:
            return "Give it at the address /reset-password of the server."
        return f"Use it here: {self._settings.public_url.rstrip('/')}/reset-password?code={code}"

    async def _take_turn(self, email_address: str, address: str) -> None:
        now = self._clock.now()

        def take(tx: Transaction) -> int:
            waits = [PER_EMAIL_ADDRESS.take(tx, email_address, now)]
            if address:
                waits += [throttle.take(tx, address, now) for throttle in (PER_ADDRESS_MINUTE, PER_ADDRESS_HOUR)]
            return max(waits)

        if seconds := await self._database.write(take):
            raise refuse("Too many password resets for this e-mail or from here; try again later.", seconds)
