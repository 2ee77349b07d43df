"""Identity's services on a real database, with cheap passwords and a clock that is moved by hand."""

from collections.abc import AsyncGenerator

import pytest

from studiolo.core.models import Account, Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.core.settings_sources import load_settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.sign_ins import SignIns
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import make_account, make_accounts, principal_of
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FakeRunner


@pytest.fixture
def settings() -> Settings:
    return load_settings()


@pytest.fixture
def accounts(settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource) -> Accounts:
    return make_accounts(database, clock, secret_source, settings)


@pytest.fixture
def api_keys(settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource) -> ApiKeys:
    return ApiKeys(settings, database, clock, secret_source)


@pytest.fixture
def auth_tokens(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, accounts: Accounts
) -> AuthTokens:
    return AuthTokens(settings, database, clock, secret_source, accounts)


@pytest.fixture
def sign_ins(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, accounts: Accounts
) -> SignIns:
    return SignIns(settings, database, clock, secret_source, accounts)


@pytest.fixture
async def person(accounts: Accounts) -> Account:
    return await make_account(accounts)


@pytest.fixture
async def stranger(accounts: Accounts) -> Account:
    return await make_account(accounts, first_name="Emmy", last_name="Noether")


@pytest.fixture
async def admin(accounts: Accounts) -> Account:
    return await make_account(accounts, is_admin=True)


@pytest.fixture
def as_person(person: Account) -> Principal:
    return principal_of(person)


@pytest.fixture
def as_stranger(stranger: Account) -> Principal:
    return principal_of(stranger)


@pytest.fixture
def as_admin(admin: Account) -> Principal:
    return principal_of(admin)


@pytest.fixture
async def hub(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource
) -> AsyncGenerator[FakeHub[FakeRunner]]:
    async with fake_hub(settings, database, clock, secret_source, runner=FakeRunner) as hub:
        yield hub
