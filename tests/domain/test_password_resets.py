"""Codes for forgotten passwords, as far as no call of the API shows it."""

import pytest

from studiolo.core.errors import InvalidRequest
from studiolo.core.models import Account
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.password_resets import PasswordResets
from studiolo.domain.passwords import Passwords
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.mail import FakeMailer

pytestmark = pytest.mark.anyio


class NeverHashingPasswords(Passwords):
    async def hash(self, password: str) -> str:
        raise AssertionError("a guess must not cost what hashing costs")


async def test_a_guessed_code_costs_no_hashing(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, person: Account
):
    accounts = Accounts(settings, database, clock, secret_source, NeverHashingPasswords())
    resets = PasswordResets(settings, database, clock, secret_source, accounts, FakeMailer())

    with pytest.raises(InvalidRequest, match="no longer valid"):
        await resets.redeem("x" * 24, "a-good-password")
