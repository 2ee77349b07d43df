"""Registration tokens and what narrowed tokens leave behind, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from studiolo.core.errors import InvalidRequest
from studiolo.core.models import Account, Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.auth_tokens import AuthTokens, Narrowing
from studiolo.domain.registration_tokens import RegistrationTokens, find_usable, use
from studiolo.domain.sign_ins import SignIns
from studiolo.storage import accounts as account_rows
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import make_account

pytestmark = pytest.mark.anyio


@pytest.fixture
def registration_tokens(
    database: Database, clock: MovingClock, secret_source: SystemSecretSource
) -> RegistrationTokens:
    return RegistrationTokens(database, clock, secret_source)


async def test_a_token_for_one_account_admits_one_of_many_who_come_at_once(
    registration_tokens: RegistrationTokens, as_admin: Principal, database: Database, clock: MovingClock
) -> None:
    _, secret = await registration_tokens.create(as_admin, usage_limit=1, ephemeral_seconds=60)
    now = clock.now()
    comers = [database.write(lambda tx: use(tx, secret, now, is_ephemeral=True)) for _ in range(10)]
    answers = await asyncio.gather(*comers, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in answers) == 1
    assert {str(one) for one in answers if isinstance(one, InvalidRequest)} == {"Registration token used up."}
    assert [one.uses for one in await registration_tokens.list(as_admin)] == [1]


async def test_an_ended_token_stays_in_the_list(
    registration_tokens: RegistrationTokens, as_admin: Principal, database: Database, clock: MovingClock
) -> None:
    token, secret = await registration_tokens.create(as_admin, description="x")
    await registration_tokens.revoke(as_admin, token.registration_token_id)
    now = clock.now()
    with pytest.raises(InvalidRequest, match="disabled"):
        await database.read(lambda tx: find_usable(tx, secret, now, is_ephemeral=False))
    assert [one.is_disabled for one in await registration_tokens.list(as_admin)] == [True]


async def test_ending_a_key_ends_the_sign_ins_of_its_tokens_only(
    api_keys: ApiKeys, auth_tokens: AuthTokens, sign_ins: SignIns, as_person: Principal
) -> None:
    key, secret = await api_keys.create(as_person)
    by_key = await api_keys.resolve(secret)
    own, _ = await auth_tokens.mint_for(as_person, None)
    made, token = await auth_tokens.mint_for(by_key, None, Narrowing(lifetime_seconds=60))
    _, kept = await sign_ins.sign_in_frame(own, None)
    _, ended = await sign_ins.sign_in_frame(made, None)
    assert {one.auth_token_id for one in await auth_tokens.list(as_person)} >= {token.auth_token_id}
    await api_keys.revoke(as_person, key.api_key_id)
    await sign_ins.resolve(kept)
    with pytest.raises(Exception, match="signed out"):
        await sign_ins.resolve(ended)
    assert token.auth_token_id not in {one.auth_token_id for one in await auth_tokens.list(as_person)}


async def test_accounts_whose_time_is_over_are_found_once(
    database: Database, clock: MovingClock, accounts: Accounts
) -> None:
    account: Account = await make_account(accounts)
    end = clock.now() + timedelta(seconds=60)
    await database.write(lambda tx: account_rows.change(tx, account.account_id, {"expires_at": end}))
    assert await database.read(lambda tx: account_rows.list_expired(tx, end - timedelta(seconds=1), 9)) == []
    assert await database.read(lambda tx: account_rows.list_expired(tx, end, 9)) == [account.account_id]
    await accounts.end(account.account_id)
    assert await database.read(lambda tx: account_rows.list_expired(tx, end, 9)) == []
