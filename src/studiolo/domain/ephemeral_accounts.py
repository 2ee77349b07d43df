"""Throw-away accounts: made with a registration token, signed in at once, gone after their time; for exams and shows.

1. Such an account has no address, no password and no API key: nothing but the browser that it was made in signs it in,
   and an auth token that is given out beside it. All of these end when the account does.
2. When it ends, its projects in which nobody else has a place are stopped and marked as deleted.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import StudioloError
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Account, Principal
from studiolo.core.secrets import SecretSource
from studiolo.domain.accounts import Accounts
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.lifecycle import Lifecycle
from studiolo.domain.registration_tokens import use
from studiolo.domain.sign_ins import SignIns
from studiolo.storage import accounts as rows
from studiolo.storage import projects
from studiolo.storage.database import Database, Transaction

FIRST_NAME, LAST_NAME = "Guest", ""
MAX_AT_ONCE = 100
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EphemeralSignIn:
    """A new throw-away account: the cookie of its browser, and an auth token for frames."""

    account: Account
    secret: str
    lifetime_seconds: int
    auth_token: str


class EphemeralAccounts:
    """Makes throw-away accounts and ends them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        accounts: Accounts,
        auth_tokens: AuthTokens,
        sign_ins: SignIns,
        lifecycle: Lifecycle,
    ) -> None:
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._accounts = accounts
        self._auth_tokens = auth_tokens
        self._sign_ins = sign_ins
        self._lifecycle = lifecycle

    async def create(self, registration_token: str, address: str) -> EphemeralSignIn:
        """Make an account and sign it in; raise InvalidRequest or RateLimited in the wire's words."""
        await self._accounts.take_turn(address)
        now = self._clock.now()

        def make(tx: Transaction) -> Account:
            token = use(tx, registration_token, now, is_ephemeral=True)
            account = Account(
                account_id=AccountId(self._secrets.uuid()),
                email_address=None,
                password_hash=None,
                first_name=FIRST_NAME,
                last_name=LAST_NAME,
                is_admin=False,
                is_banned=False,
                is_deleted=False,
                created_at=now,
                last_active_at=None,
                expires_at=now + timedelta(seconds=token.ephemeral_seconds or 0),
            )
            rows.insert(tx, account, registration_token_id=token.registration_token_id)
            who = Principal(address=address)
            note(tx, now, who, Action.ACCOUNT_CREATED, account_id=account.account_id, is_ephemeral=True)
            return account

        account = await self._database.write(in_request(make))
        sign_in, secret = await self._sign_ins.start(account)
        auth_token, _ = await self._auth_tokens.issue(Principal(account.account_id, address=address), account)
        return EphemeralSignIn(account, secret, int((sign_in.expires_at - now).total_seconds()), auth_token)

    async def reap(self) -> int:
        """End the accounts whose time is over; return how many."""
        now = self._clock.now()
        ended = await self._database.read(lambda tx: rows.list_expired(tx, now, MAX_AT_ONCE))
        for account_id in ended:
            for project_id in await self._database.write(lambda tx, one=account_id: _end_projects(tx, one)):
                await self._stop(project_id)
            await self._accounts.end(account_id)
        return len(ended)

    async def _stop(self, project_id: ProjectId) -> None:
        try:
            await self._lifecycle.stop(project_id)
        except StudioloError as error:  # the next start of the hub takes it up again
            _log.warning("project_of_ended_account_not_stopped", project_id=project_id, error=error.message)


def _end_projects(tx: Transaction, account_id: AccountId) -> list[ProjectId]:
    """Mark the projects of which the account was the only one as deleted; return them."""
    found = projects.list_for(tx, account_id)
    alone = [one.project_id for one in found if not one.is_deleted and len(one.collaborators) == 1]
    for project_id in alone:
        projects.change(tx, project_id, {"is_deleted": True})
    return alone
