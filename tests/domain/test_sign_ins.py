import asyncio

import pytest
from sqlalchemy import func, select

from studiolo.core.errors import (
    AccountBanned,
    AuthTokenExpired,
    AuthTokenInvalid,
    AuthTokenUsed,
    PasswordIncorrect,
    RateLimited,
    SignInExpired,
)
from studiolo.core.ids import ProjectId, SignInId
from studiolo.core.models import Account, Principal, Scope
from studiolo.core.secrets import hash_secret
from studiolo.domain.accounts import Accounts
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.sign_ins import SignIns
from studiolo.storage import tables
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import PASSWORD

pytestmark = pytest.mark.anyio
NARROW = Scope(ProjectId("aaaaaaaa-2222-4333-8444-555555555555"), "week1", is_read_only=True, may_start=False)


@pytest.fixture
def email(person: Account) -> str:
    return person.email_address or ""


@pytest.fixture
async def token(auth_tokens: AuthTokens, person: Account, as_admin: Principal) -> str:
    return await auth_tokens.mint(as_admin, account_id=person.account_id, password="")


@pytest.fixture
async def single_use_token(auth_tokens: AuthTokens, person: Account, as_admin: Principal) -> str:
    return await auth_tokens.mint(as_admin, account_id=person.account_id, password="", is_single_use=True)


async def test_a_person_signs_in_and_out(sign_ins: SignIns, person: Account, email: str) -> None:
    sign_in, secret = await sign_ins.sign_in(email.upper(), PASSWORD, "192.0.2.1")
    principal = await sign_ins.resolve(secret, "192.0.2.1")
    assert principal == Principal(person.account_id, sign_in_id=sign_in.sign_in_id, address="192.0.2.1")
    assert sign_in.frame_key is None
    await sign_ins.sign_out(secret)
    await sign_ins.sign_out(secret)
    with pytest.raises(SignInExpired, match="signed out"):
        await sign_ins.resolve(secret)


async def test_the_cookies_value_is_stored_hashed(sign_ins: SignIns, email: str, database: Database) -> None:
    _, secret = await sign_ins.sign_in(email, PASSWORD)
    row = await database.read(lambda tx: tx.execute(select(tables.sign_ins)).mappings().one())
    assert secret not in str(row)
    assert row["secret_hash"] == hash_secret(secret)


async def test_a_sign_in_lasts_thirty_days(sign_ins: SignIns, email: str, clock: MovingClock) -> None:
    _, secret = await sign_ins.sign_in(email, PASSWORD)
    clock.move(30 * 86400 - 1)
    await sign_ins.resolve(secret)
    clock.move(1)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve(secret)


@pytest.mark.parametrize("secret", ["", "x", "é", "\ud800"])
async def test_a_cookie_of_somebodys_own_making_is_nothing(sign_ins: SignIns, secret: str) -> None:
    with pytest.raises(SignInExpired):
        await sign_ins.resolve(secret)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(secret)
    await sign_ins.sign_out(secret)


async def test_wrong_password_and_unknown_address_look_alike(sign_ins: SignIns, email: str) -> None:
    said = set()
    for address, password in (
        (email, "wrong password"), ("nobody@example.edu", PASSWORD), ("a\0b", PASSWORD), ("\ud800", PASSWORD)
    ):  # fmt: skip
        with pytest.raises(PasswordIncorrect) as caught:
            await sign_ins.sign_in(address, password)
        said.add(caught.value.message)
    assert said == {"The e-mail address or the password is wrong."}


async def test_ten_wrong_passwords_close_an_account_for_five_minutes(
    sign_ins: SignIns, email: str, clock: MovingClock
) -> None:
    for number in range(10):
        with pytest.raises(PasswordIncorrect):
            await sign_ins.sign_in(email, "wrong password", f"192.0.2.{number}")
    clock.move(60)
    with pytest.raises(RateLimited, match="Too many wrong passwords") as caught:
        await sign_ins.sign_in(email, PASSWORD, "192.0.2.200")
    assert caught.value.details == {"retry_after_seconds": 240}
    clock.move(240)
    await sign_ins.sign_in(email, PASSWORD, "192.0.2.200")


async def test_a_hundred_wrong_passwords_close_a_network_address_for_five_minutes(
    sign_ins: SignIns, email: str, clock: MovingClock
) -> None:
    guesses = [sign_ins.sign_in(f"guess{number}@example.edu", PASSWORD, "192.0.2.1") for number in range(100)]
    assert {type(result) for result in await asyncio.gather(*guesses, return_exceptions=True)} == {PasswordIncorrect}
    with pytest.raises(RateLimited):
        await sign_ins.sign_in(email, PASSWORD, "192.0.2.1")
    await sign_ins.sign_in(email, PASSWORD, "192.0.2.2")
    clock.move(300)
    await sign_ins.sign_in(email, PASSWORD, "192.0.2.1")


async def test_who_guesses_from_elsewhere_does_not_lock_out_who_was_here_before(sign_ins: SignIns, email: str) -> None:
    await sign_ins.sign_in(email, PASSWORD, "2001:db8::1")
    for number in range(12):
        with pytest.raises((PasswordIncorrect, RateLimited)):
            await sign_ins.sign_in(email, "wrong password", f"192.0.2.{number}")
    with pytest.raises(RateLimited):
        await sign_ins.sign_in(email, PASSWORD, "192.0.2.200")
    await sign_ins.sign_in(email, PASSWORD, "2001:db8::2")


async def test_guesses_made_at_once_are_counted_before_they_are_checked(sign_ins: SignIns, email: str) -> None:
    results = await asyncio.gather(
        *(sign_ins.sign_in(email, f"guess {number}") for number in range(14)), return_exceptions=True
    )
    assert sum(isinstance(result, PasswordIncorrect) for result in results) == 10
    assert sum(isinstance(result, RateLimited) for result in results) == 4


async def test_right_passwords_count_for_nothing(sign_ins: SignIns, email: str) -> None:
    for _ in range(12):
        await sign_ins.sign_in(email, PASSWORD, "192.0.2.1")


async def test_a_frame_is_signed_in_by_a_token(sign_ins: SignIns, person: Account, token: str) -> None:
    sign_in, secret = await sign_ins.sign_in_frame(token, None, "192.0.2.1")
    assert sign_in.frame_key == hash_secret(token)[:16]
    principal = await sign_ins.resolve(secret)
    assert (principal.account_id, principal.sign_in_id) == (person.account_id, sign_in.sign_in_id)


async def test_a_reload_with_the_cookie_finds_the_same_sign_in(sign_ins: SignIns, token: str) -> None:
    first, secret = await sign_ins.sign_in_frame(token, None)
    assert await sign_ins.sign_in_frame(token, secret) == (first, secret)


async def test_the_same_token_in_another_browser_is_another_sign_in(sign_ins: SignIns, token: str) -> None:
    first, secret = await sign_ins.sign_in_frame(token, None)
    other, other_secret = await sign_ins.sign_in_frame(token, "not the cookie")
    assert first.sign_in_id != other.sign_in_id
    await sign_ins.sign_out(other_secret)
    await sign_ins.resolve(secret)


async def test_a_used_token_still_reloads_with_its_cookie_and_only_with_it(
    sign_ins: SignIns, single_use_token: str, token: str
) -> None:
    _, secret = await sign_ins.sign_in_frame(single_use_token, None)
    _, of_another_frame = await sign_ins.sign_in_frame(token, None)
    assert (await sign_ins.sign_in_frame(single_use_token, secret))[1] == secret
    for wrong in (None, "", "wrong", "\ud800", of_another_frame):
        with pytest.raises(AuthTokenUsed):
            await sign_ins.sign_in_frame(single_use_token, wrong)


async def test_a_single_use_token_signs_in_one_of_many_at_once(sign_ins: SignIns, single_use_token: str) -> None:
    results = await asyncio.gather(
        *(sign_ins.sign_in_frame(single_use_token, None) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(result, AuthTokenUsed) for result in results) == 5
    assert sum(isinstance(result, tuple) for result in results) == 1


async def test_a_visitors_own_cookie_is_no_frames_cookie(sign_ins: SignIns, email: str, single_use_token: str) -> None:
    _, own = await sign_ins.sign_in(email, PASSWORD)
    await sign_ins.sign_in_frame(single_use_token, own)
    with pytest.raises(AuthTokenUsed):
        await sign_ins.sign_in_frame(single_use_token, own)
    assert (await sign_ins.resolve(own)).account_id is not None


async def test_an_expired_token_still_reloads_with_its_cookie(
    sign_ins: SignIns, auth_tokens: AuthTokens, person: Account, as_admin: Principal, clock: MovingClock
) -> None:
    token = await auth_tokens.mint(as_admin, account_id=person.account_id, password="", lifetime_seconds=30)
    _, secret = await sign_ins.sign_in_frame(token, None)
    clock.move(30)
    await sign_ins.sign_in_frame(token, secret)
    with pytest.raises(AuthTokenExpired):
        await sign_ins.sign_in_frame(token, None)


async def test_a_frame_stays_signed_in_for_twelve_hours(sign_ins: SignIns, token: str, clock: MovingClock) -> None:
    _, secret = await sign_ins.sign_in_frame(token, None)
    clock.move(12 * 3600)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve(secret)


async def test_an_unknown_token_signs_nobody_in(sign_ins: SignIns) -> None:
    with pytest.raises(AuthTokenInvalid):
        await sign_ins.sign_in_frame("A" * 24, None)


async def test_a_frame_has_the_tokens_scope(
    sign_ins: SignIns, auth_tokens: AuthTokens, person: Account, as_admin: Principal
) -> None:
    token = await auth_tokens.mint(as_admin, account_id=person.account_id, password="", scope=NARROW)
    sign_in, secret = await sign_ins.sign_in_frame(token, None)
    bearer, _ = await sign_ins.mint_bearer(sign_in.sign_in_id)
    assert (await sign_ins.resolve(secret)).scope == NARROW
    assert (await sign_ins.resolve_bearer(bearer)).scope == NARROW


async def test_a_bearer_stands_for_its_sign_in_for_a_quarter_of_an_hour(
    sign_ins: SignIns, token: str, clock: MovingClock, database: Database
) -> None:
    sign_in, secret = await sign_ins.sign_in_frame(token, None)
    bearer, seconds = await sign_ins.mint_bearer(sign_in.sign_in_id)
    assert seconds == 900
    assert await sign_ins.resolve_bearer(bearer, "192.0.2.1") == await sign_ins.resolve(secret, "192.0.2.1")
    row = await database.read(lambda tx: tx.execute(select(tables.bearers)).mappings().one())
    assert bearer not in str(row)
    clock.move(900)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(bearer)


async def test_a_bearer_ends_with_its_sign_in(sign_ins: SignIns, token: str, clock: MovingClock) -> None:
    sign_in, secret = await sign_ins.sign_in_frame(token, None)
    clock.move(12 * 3600 - 100)
    bearer, seconds = await sign_ins.mint_bearer(sign_in.sign_in_id)
    assert seconds == 100
    await sign_ins.sign_out(secret)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve_bearer(bearer)
    for sign_in_id in (sign_in.sign_in_id, SignInId("nobody")):
        with pytest.raises(SignInExpired):
            await sign_ins.mint_bearer(sign_in_id)


async def test_a_banned_account_is_told_so_when_it_gives_the_right_password(
    sign_ins: SignIns, accounts: Accounts, person: Account, email: str, as_admin: Principal
) -> None:
    await accounts.set_banned(as_admin, person.account_id, True)
    with pytest.raises(AccountBanned, match=r"^User is BANNED\.  If this is a mistake, please contact help@localhost$"):
        await sign_ins.sign_in(email, PASSWORD)
    with pytest.raises(PasswordIncorrect):
        await sign_ins.sign_in(email, "wrong password")


async def test_a_deleted_account_is_signed_out(
    sign_ins: SignIns, accounts: Accounts, person: Account, email: str, as_person: Principal
) -> None:
    _, secret = await sign_ins.sign_in(email, PASSWORD)
    await accounts.delete(as_person, person.account_id)
    with pytest.raises(SignInExpired):
        await sign_ins.resolve(secret)
    with pytest.raises(PasswordIncorrect):
        await sign_ins.sign_in(email, PASSWORD)


async def test_use_is_noted_at_most_once_a_minute(
    sign_ins: SignIns, accounts: Accounts, person: Account, email: str, clock: MovingClock
) -> None:
    _, secret = await sign_ins.sign_in(email, PASSWORD)
    start = clock.now()
    clock.move(59)
    await sign_ins.resolve(secret)
    assert (await accounts.get(person.account_id)).last_active_at == start
    clock.move(1)
    await sign_ins.resolve(secret)
    assert (await accounts.get(person.account_id)).last_active_at == clock.now()


async def test_what_is_over_is_reaped_and_what_lives_stays(
    sign_ins: SignIns, email: str, token: str, clock: MovingClock, database: Database
) -> None:
    _, own = await sign_ins.sign_in(email, PASSWORD)
    frame, _ = await sign_ins.sign_in_frame(token, None)
    await sign_ins.mint_bearer(frame.sign_in_id)
    with pytest.raises(PasswordIncorrect):
        await sign_ins.sign_in("nobody@example.edu", PASSWORD)
    clock.move(13 * 3600)
    assert await sign_ins.reap() == 3
    await sign_ins.resolve(own)
    for table in (tables.bearers, tables.auth_tokens, tables.throttles):
        count = select(func.count()).select_from(table)
        assert await database.read(lambda tx, count=count: tx.execute(count).scalar_one()) == 0
