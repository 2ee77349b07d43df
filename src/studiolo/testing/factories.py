"""Makes what a test starts from."""

from itertools import count

from studiolo.core.clock import Clock
from studiolo.core.ids import AccountId
from studiolo.core.models import Account, Principal
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.core.settings_sources import load_settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.passwords import Passwords
from studiolo.storage.database import Database

PASSWORD = "correct horse"  # noqa: S105 - of accounts that live as long as a test
_numbers = count(1)


def cheap_passwords() -> Passwords:
    """Return password hashing that costs next to nothing."""
    return Passwords(time_cost=1, memory_kib=8)


async def make_account(
    accounts: Accounts,
    *,
    email_address: str | None = None,
    password: str | None = PASSWORD,
    first_name: str = "Sofia",
    last_name: str = "Kovalevskaya",
    is_admin: bool = False,
) -> Account:
    """Make an account, with an address of its own unless one is given."""
    return await accounts.create_as_operator(
        email_address=email_address or f"person{next(_numbers)}@example.edu",
        password=password,
        first_name=first_name,
        last_name=last_name,
        is_admin=is_admin,
    )


def make_accounts(
    database: Database, clock: Clock, secrets: SecretSource, settings: Settings | None = None
) -> Accounts:
    """Return the domain's accounts with cheap passwords."""
    return Accounts(settings or load_settings(), database, clock, secrets, cheap_passwords())


def principal_of(account: Account, *, address: str = "192.0.2.1") -> Principal:
    """Return the account as one who asks with an API key."""
    return Principal(AccountId(account.account_id), is_admin=account.is_admin, address=address)
