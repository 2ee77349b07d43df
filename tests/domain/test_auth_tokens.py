import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from studiolo.core.errors import (
    AccountBanned,
    AuthTokenExpired,
    AuthTokenInvalid,
    AuthTokenUsed,
    Forbidden,
    InvalidRequest,
    NotFound,
    PasswordIncorrect,
    RateLimited,
    SignInExpired,
    TooManyAuthTokens,
)
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import ANONYMOUS, Account, Principal, Scope
from studiolo.core.secrets import SystemSecretSource, hash_secret
from studiolo.core.settings_sources import load_settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys, KeyChange
from studiolo.domain.auth_tokens import WRONG_PER_CALLER, AuthTokens, Narrowing
from studiolo.domain.sign_ins import SignIns
from studiolo.storage import tables
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import PASSWORD, make_account

pytestmark = pytest.mark.anyio
NOBODY = AccountId("11111111-2222-4333-8444-555555555555")
PROJECT = ProjectId("aaaaaaaa-2222-4333-8444-555555555555")
NARROW = Scope(PROJECT, "week1", is_read_only=True, may_start=False)


async def test_a_token_has_24_characters_and_stands_for_its_account(
    auth_tokens: AuthTokens, person: Account, as_stranger: Principal
) -> None:
    token = await auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD)
    assert re.fullmatch(r"[A-Za-z0-9]{24}", token)
    redeemed = await auth_tokens.redeem(token)
    assert redeemed.account_id == person.account_id
    assert redeemed.scope == Scope()


async def test_a_token_is_stored_hashed(
    auth_tokens: AuthTokens, person: Account, as_person: Principal, database: Database
) -> None:
    token = await auth_tokens.mint(as_person, account_id=person.account_id, password=PASSWORD)
    row = await database.read(lambda tx: tx.execute(select(tables.auth_tokens)).mappings().one())
    assert token not in str(row)
    assert row["token_hash"] == hash_secret(token)
    assert row["created_by"] == person.account_id


async def test_a_token_is_good_for_twelve_hours_and_many_browsers(
    auth_tokens: AuthTokens, person: Account, as_person: Principal, clock: MovingClock
) -> None:
    token = await auth_tokens.mint(as_person, account_id=person.account_id, password=PASSWORD)
    for _ in range(3):
        await auth_tokens.redeem(token)
    clock.move(12 * 3600 - 1)
    await auth_tokens.redeem(token)
    clock.move(1)
    with pytest.raises(AuthTokenExpired):
        await auth_tokens.redeem(token)


async def test_an_administrator_needs_no_password(
    auth_tokens: AuthTokens, accounts: Accounts, as_admin: Principal
) -> None:
    robot = await make_account(accounts, password=None)
    token = await auth_tokens.mint(as_admin, account_id=robot.account_id, password="")
    assert (await auth_tokens.redeem(token)).account_id == robot.account_id


async def test_an_administrator_who_gives_a_password_must_give_the_right_one(
    auth_tokens: AuthTokens, person: Account, as_admin: Principal
) -> None:
    with pytest.raises(PasswordIncorrect, match=r"^incorrect password$"):
        await auth_tokens.mint(as_admin, account_id=person.account_id, password="not this")


async def test_an_administrator_is_told_of_an_account_that_does_not_exist(
    auth_tokens: AuthTokens, as_admin: Principal
) -> None:
    with pytest.raises(NotFound):
        await auth_tokens.mint(as_admin, account_id=NOBODY, password="")


@pytest.mark.parametrize("password", ["", "wrong password", PASSWORD.upper(), "\ud800"])
async def test_a_wrong_password_is_refused(
    auth_tokens: AuthTokens, person: Account, as_stranger: Principal, password: str
) -> None:
    with pytest.raises(PasswordIncorrect, match=r"^incorrect password$"):
        await auth_tokens.mint(as_stranger, account_id=person.account_id, password=password)


@pytest.mark.parametrize("account_id", [NOBODY, "nonsense", "", "\0"])
async def test_an_unknown_account_looks_like_a_wrong_password(
    auth_tokens: AuthTokens, as_stranger: Principal, account_id: str
) -> None:
    with pytest.raises(PasswordIncorrect, match=r"^incorrect password$"):
        await auth_tokens.mint(as_stranger, account_id=AccountId(account_id), password=PASSWORD)


async def test_an_account_without_a_password_has_none_that_fits(
    auth_tokens: AuthTokens, accounts: Accounts, as_stranger: Principal
) -> None:
    robot = await make_account(accounts, password=None)
    with pytest.raises(PasswordIncorrect):
        await auth_tokens.mint(as_stranger, account_id=robot.account_id, password="")


async def test_after_a_wrong_password_the_pair_waits_a_minute(
    auth_tokens: AuthTokens, person: Account, stranger: Account, as_stranger: Principal, clock: MovingClock
) -> None:
    with pytest.raises(PasswordIncorrect):
        await auth_tokens.mint(as_stranger, account_id=person.account_id, password="wrong password")
    clock.move(59.5)
    with pytest.raises(RateLimited, match=r"^banned -- please wait at least 60s before trying again$") as caught:
        await auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD)
    assert caught.value.details == {"retry_after_seconds": 1}
    await auth_tokens.mint(as_stranger, account_id=stranger.account_id, password=PASSWORD)
    clock.move(0.5)
    await auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD)


async def test_an_account_is_guessed_by_so_many_callers_only_and_who_signed_it_in_before_still_may(
    auth_tokens: AuthTokens, accounts: Accounts, person: Account, as_stranger: Principal, clock: MovingClock
) -> None:
    await auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD)
    callers = [Principal((await make_account(accounts)).account_id) for _ in range(20 + 1)]
    for caller in callers[:-1]:
        with pytest.raises(PasswordIncorrect):
            await auth_tokens.mint(caller, account_id=person.account_id, password="wrong password")
    with pytest.raises(RateLimited) as caught:
        await auth_tokens.mint(callers[-1], account_id=person.account_id, password=PASSWORD)
    assert caught.value.details == {"retry_after_seconds": 300}
    await auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD)
    clock.move(300)
    await auth_tokens.mint(callers[-1], account_id=person.account_id, password=PASSWORD)


async def test_a_caller_guesses_so_many_accounts_only(
    auth_tokens: AuthTokens, as_stranger: Principal, secret_source: SystemSecretSource
) -> None:
    for _ in range(WRONG_PER_CALLER // 20):
        guesses = [
            auth_tokens.mint(as_stranger, account_id=AccountId(secret_source.uuid()), password="wrong password")
            for _ in range(20)
        ]
        failed = await asyncio.gather(*guesses, return_exceptions=True)
        assert {type(one) for one in failed} == {PasswordIncorrect}
    with pytest.raises(RateLimited) as caught:
        await auth_tokens.mint(as_stranger, account_id=AccountId(secret_source.uuid()), password="wrong password")
    assert caught.value.details == {"retry_after_seconds": 1}


async def test_many_guesses_at_once_count_as_one(
    auth_tokens: AuthTokens, person: Account, as_stranger: Principal
) -> None:
    guesses = [f"guess {number}" for number in range(8)] + [PASSWORD]
    results = await asyncio.gather(
        *(auth_tokens.mint(as_stranger, account_id=person.account_id, password=guess) for guess in guesses),
        return_exceptions=True,
    )
    kinds = [type(result) for result in results]
    assert kinds == [PasswordIncorrect] + [RateLimited] * 8


async def test_right_passwords_at_once_are_all_served(
    auth_tokens: AuthTokens, person: Account, as_stranger: Principal
) -> None:
    tokens = await asyncio.gather(
        *(auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD) for _ in range(5))
    )
    assert len(set(tokens)) == 5


@pytest.mark.parametrize(
    "principal", [ANONYMOUS, Principal(key_project_id=PROJECT), Principal(NOBODY, is_admin=True, scope=NARROW)]
)
async def test_only_an_account_makes_tokens(auth_tokens: AuthTokens, person: Account, principal: Principal) -> None:
    with pytest.raises(Forbidden):
        await auth_tokens.mint(principal, account_id=person.account_id, password=PASSWORD)


async def test_nobody_signs_in_as_a_banned_account(
    auth_tokens: AuthTokens, accounts: Accounts, person: Account, as_admin: Principal
) -> None:
    await accounts.set_banned(as_admin, person.account_id, True)
    with pytest.raises(AccountBanned):
        await auth_tokens.mint(as_admin, account_id=person.account_id, password="")


async def test_a_token_may_be_narrowed_shorter_and_good_for_one_use(
    auth_tokens: AuthTokens, person: Account, as_person: Principal, clock: MovingClock
) -> None:
    token = await auth_tokens.mint(
        as_person,
        account_id=person.account_id,
        password=PASSWORD,
        scope=NARROW,
        lifetime_seconds=60,
        is_single_use=True,
    )
    assert (await auth_tokens.redeem(token)).scope == NARROW
    with pytest.raises(AuthTokenUsed):
        await auth_tokens.redeem(token)
    clock.move(60)
    with pytest.raises(AuthTokenExpired):
        await auth_tokens.redeem(token)


@pytest.mark.parametrize("seconds", [0, -1, 12 * 3600 + 1])
async def test_a_lifetime_is_at_most_the_setting(
    auth_tokens: AuthTokens, person: Account, as_admin: Principal, seconds: int
) -> None:
    with pytest.raises(InvalidRequest):
        await auth_tokens.mint(as_admin, account_id=person.account_id, password="", lifetime_seconds=seconds)


async def test_an_account_has_so_many_living_tokens_and_no_more(
    database: Database, clock: MovingClock, accounts: Accounts, person: Account, as_person: Principal
) -> None:
    settings = load_settings(max_auth_tokens_per_account=2)
    tokens = AuthTokens(settings, database, clock, SystemSecretSource(), accounts)
    other = await make_account(accounts)
    once = Narrowing(is_single_use=True)
    short = await tokens.mint_for(as_person, None, Narrowing(lifetime_seconds=60))
    single, _ = await tokens.mint_for(as_person, None, once)

    async def is_refused() -> bool:
        try:
            secret, _ = await tokens.mint_for(as_person, None, once)
        except TooManyAuthTokens as error:
            return "limit of 2 living auth tokens" in error.message
        await tokens.revoke(as_person, secret)
        return False

    assert await is_refused()
    await tokens.mint_for(Principal(other.account_id), None)  # each account for itself
    await tokens.redeem(single)
    assert not await is_refused()  # what was used up can no longer be used
    await tokens.mint_for(as_person, None)
    assert await is_refused()
    await tokens.revoke(as_person, short[0])
    assert not await is_refused()
    await tokens.mint_for(as_person, None, Narrowing(lifetime_seconds=60))
    assert await is_refused()
    clock.move(61)
    assert not await is_refused()


@pytest.mark.parametrize(
    "scope", [Scope(None, "week1"), Scope(PROJECT, "/etc"), Scope(PROJECT, "a/../.."), Scope(PROJECT, "\0")]
)
async def test_a_scope_that_makes_no_sense_is_refused(
    auth_tokens: AuthTokens, person: Account, as_admin: Principal, scope: Scope
) -> None:
    with pytest.raises(InvalidRequest):
        await auth_tokens.mint(as_admin, account_id=person.account_id, password="", scope=scope)


async def test_the_setting_makes_every_token_good_for_one_use(
    database: Database, clock: MovingClock, accounts: Accounts, person: Account, as_person: Principal
) -> None:
    settings = load_settings(auth_token_single_use=True)
    auth_tokens = AuthTokens(settings, database, clock, SystemSecretSource(), accounts)
    token = await auth_tokens.mint(as_person, account_id=person.account_id, password=PASSWORD)
    results = await asyncio.gather(*(auth_tokens.redeem(token) for _ in range(6)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AuthToken"] + ["AuthTokenUsed"] * 5


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "missing auth_token."),
        ("short", "auth_token must be exactly 24 characters long"),
        ("x" * 25, "auth_token must be exactly 24 characters long"),
        ("A" * 24, "auth_token is not valid"),
        ("é" * 24, "auth_token is not valid"),
        ("\ud800" * 24, "auth_token is not valid"),
    ],
)
async def test_what_is_no_token_is_said_so(auth_tokens: AuthTokens, token: str, words: str) -> None:
    with pytest.raises(AuthTokenInvalid) as caught:
        await auth_tokens.redeem(token)
    assert caught.value.message == words


async def test_revoking_a_token_ends_the_frames_it_signed_in(
    auth_tokens: AuthTokens, sign_ins: SignIns, person: Account, as_person: Principal, as_admin: Principal
) -> None:
    revoked, kept = [await auth_tokens.mint(as_admin, account_id=person.account_id, password="") for _ in range(2)]
    _, ended = await sign_ins.sign_in_frame(revoked, None)
    _, alive = await sign_ins.sign_in_frame(kept, None)
    await auth_tokens.revoke(as_person, revoked)
    with pytest.raises(AuthTokenInvalid):
        await auth_tokens.redeem(revoked)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve(ended)
    assert (await sign_ins.resolve(alive)).account_id == person.account_id


async def test_a_token_is_revoked_by_its_account_its_maker_or_an_administrator(
    auth_tokens: AuthTokens, person: Account, as_person: Principal, as_stranger: Principal, as_admin: Principal
) -> None:
    async def mint() -> str:
        return await auth_tokens.mint(as_stranger, account_id=person.account_id, password=PASSWORD)

    for principal in (as_person, as_stranger, as_admin):
        await auth_tokens.revoke(principal, await mint())
    token = await mint()
    for principal in (ANONYMOUS, Principal(NOBODY), Principal(key_project_id=PROJECT)):
        with pytest.raises(AuthTokenInvalid):
            await auth_tokens.revoke(principal, token)
    await auth_tokens.redeem(token)


async def test_tokens_are_reaped_when_their_time_is_over(
    auth_tokens: AuthTokens, sign_ins: SignIns, person: Account, as_admin: Principal, clock: MovingClock
) -> None:
    for seconds in (10, 20):
        await auth_tokens.mint(as_admin, account_id=person.account_id, password="", lifetime_seconds=seconds)
    clock.move(15)
    assert await sign_ins.reap() == 1


async def test_revoking_a_key_ends_who_is_signed_in_by_its_tokens_also_when_these_are_over(
    auth_tokens: AuthTokens, sign_ins: SignIns, api_keys: ApiKeys, as_person: Principal, clock: MovingClock
) -> None:
    made, key = await api_keys.create(as_person)
    as_key = await api_keys.resolve(key)
    token, _ = await auth_tokens.mint_for(as_key, None, Narrowing(lifetime_seconds=60))
    signed_in = await sign_ins.admit_frame(token, None)
    clock.move(61)
    await sign_ins.reap()
    await sign_ins.resolve_bearer(signed_in.bearer)
    await api_keys.revoke(as_person, made.api_key_id)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(signed_in.bearer)
    assert await sign_ins.reap() == 0


async def test_a_token_that_is_over_can_be_revoked_while_somebody_is_signed_in_by_it(
    auth_tokens: AuthTokens, sign_ins: SignIns, as_person: Principal, clock: MovingClock
) -> None:
    token, _ = await auth_tokens.mint_for(as_person, None, Narrowing(lifetime_seconds=60, sign_in_seconds=600))
    signed_in = await sign_ins.admit_frame(token, None)
    clock.move(61)
    await sign_ins.reap()
    await auth_tokens.revoke(as_person, token)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(signed_in.bearer)
    other, _ = await auth_tokens.mint_for(as_person, None, Narrowing(lifetime_seconds=60, sign_in_seconds=600))
    await sign_ins.admit_frame(other, None)
    clock.move(601)
    await sign_ins.reap()
    with pytest.raises(AuthTokenInvalid):
        await auth_tokens.revoke(as_person, other)


@pytest.mark.parametrize("end", ["ban", "delete"])
async def test_a_banned_or_deleted_account_keeps_no_way_into_the_accounts_it_made(
    auth_tokens: AuthTokens, sign_ins: SignIns, accounts: Accounts, as_person: Principal, as_admin: Principal, end: str
) -> None:
    made = await accounts.create(as_admin, email_address="made@example.edu", password=PASSWORD)
    token, _ = await auth_tokens.mint_for(as_admin, made.account_id)
    own, _ = await auth_tokens.mint_for(Principal(made.account_id), None)
    signed_in = await sign_ins.admit_frame(token, None)
    assert as_admin.account_id is not None
    if end == "ban":
        await accounts.set_banned(as_admin, as_admin.account_id, True)
    else:
        await accounts.delete(as_admin, as_admin.account_id)
    with pytest.raises(AuthTokenInvalid):
        await auth_tokens.redeem(token)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(signed_in.bearer)
    await auth_tokens.redeem(own)


async def test_a_key_that_is_given_an_end_takes_its_tokens_and_frames_with_it(
    auth_tokens: AuthTokens, sign_ins: SignIns, api_keys: ApiKeys, as_person: Principal, clock: MovingClock
) -> None:
    made, key = await api_keys.create(as_person)
    other, _ = await auth_tokens.mint_for(as_person, None)
    token, _ = await auth_tokens.mint_for(await api_keys.resolve(key), None)
    frame = await sign_ins.admit_frame(token, None)
    await api_keys.set_expiry(as_person, made.api_key_id, clock.now() + timedelta(seconds=60))
    clock.move(50)
    late = await sign_ins.admit_frame(token, None)
    clock.move(10)
    with pytest.raises(AuthTokenExpired):
        await auth_tokens.redeem(token)
    for one in (frame, late):
        with pytest.raises(SignInExpired):
            await sign_ins.resolve_bearer(one.bearer)
    await auth_tokens.redeem(other)


async def test_a_key_that_is_good_for_less_leaves_no_token_that_is_good_for_more(
    auth_tokens: AuthTokens, sign_ins: SignIns, api_keys: ApiKeys, as_person: Principal
) -> None:
    made, key = await api_keys.create(as_person, scopes=["tokens:mint", "exec"])
    token, _ = await auth_tokens.mint_for(await api_keys.resolve(key), None)
    frame = await sign_ins.admit_frame(token, None)
    await api_keys.edit(as_person, made.api_key_id, KeyChange(name="more", scopes=["tokens:mint", "exec", "copies"]))
    await sign_ins.resolve_bearer(frame.bearer)
    await api_keys.edit(as_person, made.api_key_id, KeyChange(scopes=["tokens:mint", "copies"]))
    with pytest.raises(AuthTokenInvalid):
        await auth_tokens.redeem(token)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(frame.bearer)
