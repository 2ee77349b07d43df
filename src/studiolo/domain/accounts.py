"""Accounts: making them, their passwords, and ending them."""

import re
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    NotFound,
    PasswordIncorrect,
    RateLimited,
    StudioloError,
)
from studiolo.core.ids import AccountId, SignInId, is_uuid
from studiolo.core.models import ANONYMOUS, FULL_SCOPE, Account, Principal
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain.audit import Action, in_request, note, note_refusal
from studiolo.domain.collaborators import admit_invited
from studiolo.domain.endings import Endings
from studiolo.domain.idempotency import Made, made_before, note_made
from studiolo.domain.names import name_problem
from studiolo.domain.passwords import Passwords
from studiolo.domain.registration_tokens import find_usable, use
from studiolo.domain.throttles import Throttle, refuse
from studiolo.storage import accounts as rows
from studiolo.storage import api_keys, auth_tokens, password_resets, sign_ins
from studiolo.storage.database import Database, Transaction

PASSWORD_CHARACTERS = range(6, 65)
MAX_EMAIL_CHARACTERS = 254
OWN_PASSWORD = Throttle("own_password", limit=10, window_seconds=5 * 60)
CREATION = Throttle("create_account", limit=150, window_seconds=30 * 60)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ATOM = r"[^\s\x00-\x1f\x7f\ud800-\udfff()<>\[\]\\.,;:@\"]+"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]*[a-z0-9])")


class Accounts:
    """What may be done with accounts."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        passwords: Passwords,
        endings: Endings | None = None,
    ) -> None:
        self._endings = endings or Endings()
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._passwords = passwords

    async def create(
        self,
        principal: Principal,
        *,
        email_address: str | None,
        password: str | None,
        first_name: str = "",
        last_name: str = "",
        agreed_to_terms: bool | None = None,
        is_admin: bool = False,
        registration_token: str | None = None,
    ) -> Account:
        """Make an account, as the setting `account_creation` says; a registration token that is given must be good.

        Raises Forbidden, or InvalidRequest, AlreadyExists or RateLimited whose `details["fields"]` says in the wire's
        words what is wrong with each parameter.
        """
        token = self._admission(principal, is_admin, registration_token)
        made = made_before(Made.ACCOUNT)
        if made is not None:
            return await self.get(AccountId(made))
        account = self._draft(email_address, password, first_name, last_name, is_admin)
        if not principal.is_admin:
            await self.take_turn(principal.address)
        if token is not None:  # looked at first, since hashing a password is dear
            now = self._clock.now()
            await self._database.read(lambda tx: find_usable(tx, token, now, is_ephemeral=False))
        return await self._insert(account, password, agreed_to_terms, principal, token)

    async def create_as_operator(
        self,
        *,
        email_address: str | None,
        password: str | None,
        first_name: str = "",
        last_name: str = "",
        agreed_to_terms: bool | None = None,
        is_admin: bool = False,
    ) -> Account:
        """Do the same for whoever may use the machine's command line: nobody is asked for permission."""
        made = made_before(Made.ACCOUNT)
        if made is not None:
            return await self.get(AccountId(made))
        account = self._draft(email_address, password, first_name, last_name, is_admin)
        return await self._insert(account, password, agreed_to_terms, None, None)

    async def get(self, account_id: AccountId) -> Account:
        """Return an account; raise NotFound."""
        found = await self._database.read(lambda tx: rows.get(tx, account_id)) if is_uuid(account_id) else None
        if found is None or found.is_deleted:
            raise NotFound(f"There is no account {account_id!r}.")
        return found

    async def find(self, email_address: str) -> Account | None:
        """Return the account with an e-mail address, however it is written."""
        wanted = email_address.lower()
        return await self._database.read(lambda tx: rows.get_by_email(tx, wanted)) if is_email_address(wanted) else None

    async def verify_password(self, account_id: AccountId, password: str) -> bool:
        """Tell whether the password is the account's; an unknown account costs the same time."""
        account = await self._database.read(lambda tx: rows.get(tx, account_id)) if is_uuid(account_id) else None
        return await self.verify(account, password)

    async def verify(self, account: Account | None, password: str) -> bool:
        """Tell whether the password is that of an account that was looked up; a hash of old costs is renewed."""
        known_hash = account.password_hash if account is not None and not account.is_deleted else None
        if not await self._passwords.verify(known_hash, password):
            return False
        if account is not None and known_hash is not None and self._passwords.is_outdated(known_hash):
            new_hash = await self._passwords.hash(password)
            await self._database.write(lambda tx: rows.replace_password(tx, account.account_id, known_hash, new_hash))
        return True

    async def in_name_of(self, principal: Principal, account_id: AccountId) -> Principal:
        """Return who changes an account's own data: its person, or an administrator in that person's name."""
        await self._of(principal, account_id)
        if principal.account_id == account_id:
            return principal
        return replace(principal, account_id=account_id, is_admin=False)

    async def set_password(
        self, principal: Principal, account_id: AccountId, *, password: str, old_password: str | None = None
    ) -> None:
        """Change a password, one's own with the old one; every other sign-in and all auth tokens end with it."""
        account = await self._of(principal, account_id)
        require_good_password(password)
        is_own = principal.account_id == account_id
        if is_own or not principal.is_admin:
            await self._prove(account, old_password or "", "invalid old password")
        new_hash = await self.hash(password)
        kept = principal.sign_in_id if is_own else None
        now = self._clock.now()

        def change(tx: Transaction) -> None:
            self.replace_password(tx, account_id, new_hash, but=kept)
            note(tx, now, principal, Action.PASSWORD_CHANGED, account_id=account_id)

        await self._database.write(in_request(change))
        self.tell_ended(account_id)

    async def set_email_address(
        self, principal: Principal, account_id: AccountId, *, email_address: str, password: str | None
    ) -> None:
        """Change one's own e-mail address, which takes one's password; administrators change any without (None).

        Raises InvalidRequest, Forbidden, PasswordIncorrect, RateLimited or AlreadyExists in the wire's words.
        """
        email_address = email_address.lower()
        if not is_email_address(email_address):
            raise InvalidRequest("email_invalid")
        _require_full_scope(principal)
        await self._may_set_email_address(principal, account_id, password)

        def change(tx: Transaction) -> None:
            holder = rows.get_by_email(tx, email_address)
            if (holder is not None and holder.account_id != account_id) or rows.is_address_banned(tx, email_address):
                raise AlreadyExists("email_already_taken")
            rows.change(tx, account_id, {"email_address": email_address})
            password_resets.remove_for_account(tx, account_id)
            note(tx, now, principal, Action.EMAIL_ADDRESS_CHANGED, account_id=account_id)

        now = self._clock.now()
        await self._database.write(in_request(change))

    async def _may_set_email_address(self, principal: Principal, account_id: AccountId, password: str | None) -> None:
        if password is None:
            _require_admin(principal)
            await self.get(account_id)
            return
        if principal.account_id is None or principal.account_id != account_id:
            raise Forbidden("account_id in mesg is not what user is signed in as")
        await self._prove(await self.get(account_id), password, "invalid_password")

    async def hash(self, password: str) -> str:
        """Return the form in which a password is stored."""
        return await self._passwords.hash(password)

    def replace_password(
        self, tx: Transaction, account_id: AccountId, new_hash: str, *, but: SignInId | None = None
    ) -> None:
        """Write a password within the caller's transaction; sign-ins but one, tokens and reset codes end with it."""
        rows.change(tx, account_id, {"password_hash": new_hash})
        auth_tokens.remove_for_account(tx, account_id)
        password_resets.remove_for_account(tx, account_id)
        sign_ins.remove_for_account(tx, account_id, but=but)

    async def set_banned(self, principal: Principal, account_id: AccountId, is_banned: bool) -> None:
        """Ban an account, or let it in again; administrators only.

        A ban ends its sign-ins and auth tokens at once, and those that it made for others.
        """
        _require_admin(principal)
        await self.get(account_id)

        def change(tx: Transaction) -> set[AccountId]:
            rows.change(tx, account_id, {"is_banned": is_banned})
            action = Action.ACCOUNT_BANNED if is_banned else Action.ACCOUNT_UNBANNED
            note(tx, now, principal, action, account_id=account_id)
            return _end_browsers(tx, account_id) if is_banned else set()

        now = self._clock.now()
        for ended in await self._database.write(in_request(change)):
            self.tell_ended(ended)

    def tell_ended(self, account_id: AccountId) -> None:
        """Tell whoever watches over the account's sign-ins that one may have ended; once it is in the database."""
        self._endings.tell(account_id)

    async def delete(self, principal: Principal, account_id: AccountId) -> None:
        """Delete an account, one's own or as an administrator; its address becomes free and its keys end.

        One that is deleted already, or never was, is no error for an administrator.
        """
        if not principal.is_admin:
            await self._of(principal, account_id)
        _require_full_scope(principal)

        def change(tx: Transaction) -> set[AccountId]:
            rows.mark_deleted(tx, account_id)
            api_keys.remove_for_account(tx, account_id)
            if is_uuid(account_id):
                note(tx, now, principal, Action.ACCOUNT_DELETED, account_id=account_id)
            return _end_browsers(tx, account_id)

        now = self._clock.now()
        for ended in await self._database.write(in_request(change)):
            self.tell_ended(ended)

    async def _prove(self, account: Account, password: str, words: str) -> None:
        """Ask for the account's password; guesses are counted before they are tried."""
        subject = account.account_id
        seconds = await self._database.write(lambda tx: OWN_PASSWORD.take(tx, subject, self._clock.now()))
        if seconds:
            raise refuse("Too many wrong passwords; try again later.", seconds)
        if not await self.verify(account, password):
            who, error = Principal(account.account_id), PasswordIncorrect(words)
            note_refusal(
                self._database, self._clock.now(), who, Action.PASSWORD_CHANGED, error, account_id=account.account_id
            )
            raise error
        await self._database.write(lambda tx: OWN_PASSWORD.give_back(tx, subject))

    async def _of(self, principal: Principal, account_id: AccountId) -> Account:
        _require_full_scope(principal)
        if not principal.is_admin and principal.account_id != account_id:
            raise Forbidden("This is another person's account.")
        return await self.get(account_id)

    def _admission(self, principal: Principal, is_admin: bool, registration_token: str | None) -> str | None:
        """Return the registration token that must be good for this, None if none is needed; raise Forbidden."""
        _require_full_scope(principal)
        if is_admin:
            _require_admin(principal)
        policy = self._settings.account_creation
        if principal.is_admin:
            return registration_token or None
        if policy == "admin":
            raise Forbidden("Only administrators may create accounts here.")
        if policy == "any_key" and principal.account_id is None:
            raise Forbidden("Only an account may create accounts.")
        return registration_token or ("" if policy == "registration_token" else None)

    def _draft(
        self, email_address: str | None, password: str | None, first_name: str, last_name: str, is_admin: bool
    ) -> Account:
        if not email_address:
            _refuse({"other": "Anonymous sign up is disabled."})
        email_address = email_address.lower()
        problems = {"email_address": _email_problem(email_address), "password": _password_problem(password)}
        if any(problems.values()):
            _refuse({field: text for field, text in problems.items() if text is not None})
        for field, name in (("first_name", first_name), ("last_name", last_name)):
            if (text := name_problem(field, name)) is not None:
                _refuse({"other": text})
        return Account(
            account_id=AccountId(self._secrets.uuid()),
            email_address=email_address,
            password_hash=None,
            first_name=first_name,
            last_name=last_name,
            is_admin=is_admin,
            is_banned=False,
            is_deleted=False,
            created_at=self._clock.now(),
            last_active_at=None,
        )

    async def end(self, account_id: AccountId) -> None:
        """End a throw-away account whose time is over."""

        def change(tx: Transaction) -> set[AccountId]:
            rows.mark_deleted(tx, account_id)
            return _end_browsers(tx, account_id)

        for ended in await self._database.write(change):
            self.tell_ended(ended)

    async def take_turn(self, address: str) -> None:
        """Count an account that is to be made from a network address; raise RateLimited in the wire's words."""
        if not address:
            return
        seconds = await self._database.write(lambda tx: CREATION.take(tx, address, self._clock.now()))
        if seconds:
            words = (
                f"Too many accounts are being created from the ip address {address}; try again later. "
                f"If this is a mistake, please contact {self._settings.help_email}."
            )
            raise RateLimited(words, fields={"other": words}, retry_after_seconds=seconds)

    async def _insert(
        self,
        draft: Account,
        password: str | None,
        agreed_to_terms: bool | None,
        maker: Principal | None,
        registration_token: str | None,
    ) -> Account:
        """Insert an account; its maker is None for whoever may use the machine's command line."""
        password_hash = await self._passwords.hash(password) if password is not None else None
        account = replace(draft, password_hash=password_hash)
        agreed_at: datetime | None = draft.created_at if agreed_to_terms else None
        email_address = account.email_address or ""

        def insert(tx: Transaction) -> None:
            if rows.get_by_email(tx, email_address) is not None:
                _refuse({"email_address": "This e-mail address is already taken."}, AlreadyExists)
            if rows.is_address_banned(tx, email_address):
                _refuse({"email_address": "This e-mail address is banned."})
            token = None
            if registration_token is not None:
                token = use(tx, registration_token, account.created_at, is_ephemeral=False)
            if not rows.insert(
                tx,
                account,
                agreed_to_terms_at=agreed_at,
                created_by=maker.account_id if maker is not None else None,
                registration_token_id=token.registration_token_id if token is not None else None,
            ):
                _refuse({"email_address": "This e-mail address is already taken."}, AlreadyExists)
            made_by = maker or ANONYMOUS
            note(
                tx,
                account.created_at,
                made_by,
                Action.ACCOUNT_CREATED,
                account_id=account.account_id,
                is_admin=account.is_admin or None,
                is_operator=True if maker is None else None,
            )
            if maker is None or maker.is_admin or self._settings.account_creation == "any_key":
                admit_invited(tx, account, account.created_at)  # else anybody could take somebody's places
            note_made(tx, Made.ACCOUNT, account.account_id)

        await self._database.write(in_request(insert))
        return account


def is_email_address(text: str) -> bool:
    """Tell whether a text in lower case has the form of an e-mail address."""
    return len(text) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(text) is not None


def require_good_password(password: str) -> None:
    """Raise InvalidRequest for a password that may not be one."""
    if (problem := _password_problem(password)) is not None:
        _refuse({"password": problem})


def _email_problem(email_address: str) -> str | None:
    return None if is_email_address(email_address) else "Email address does not appear to be valid."


def _password_problem(password: str | None) -> str | None:
    if password is None or len(password) in PASSWORD_CHARACTERS:
        return None
    return "Password must be between 6 and 64 characters in length."


def _refuse(fields: dict[str, str], kind: type[StudioloError] = InvalidRequest) -> NoReturn:
    raise kind(" ".join(fields.values()), fields=fields)


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only administrators may do this.")


def _require_full_scope(principal: Principal) -> None:
    if principal.scope != FULL_SCOPE:
        raise Forbidden("This sign-in is good for documents only.")


def _end_browsers(tx: Transaction, account_id: AccountId) -> set[AccountId]:
    """End an account's sign-ins and tokens and those that it made for others; return whose they were."""
    made = auth_tokens.remove_made_by(tx, account_id)
    sign_ins.remove_for_tokens(tx, list(made))
    auth_tokens.remove_for_account(tx, account_id)
    sign_ins.remove_for_account(tx, account_id)
    return {account_id, *made.values()}
