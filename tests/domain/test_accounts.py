import pytest

from studiolo.core.errors import AlreadyExists, Forbidden, InvalidRequest, NotFound, PasswordIncorrect, RateLimited
from studiolo.core.ids import AccountId
from studiolo.core.models import ANONYMOUS, Account, Principal, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.core.settings_sources import load_settings
from studiolo.domain.accounts import Accounts
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.passwords import Passwords
from studiolo.domain.sign_ins import SignIns
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import PASSWORD, make_accounts

pytestmark = pytest.mark.anyio
NOBODY = AccountId("11111111-2222-4333-8444-555555555555")


@pytest.fixture
def open_accounts(database: Database, clock: MovingClock, secret_source: SystemSecretSource) -> Accounts:
    """Give accounts that the holder of any key may make."""
    return make_accounts(database, clock, secret_source, load_settings(account_creation="any_key"))


async def fields_of(accounts: Accounts, **given: str | None) -> dict[str, str]:
    values: dict[str, str | None] = {"email_address": "new@example.edu", "password": PASSWORD, **given}
    with pytest.raises(InvalidRequest) as caught:
        await accounts.create_as_operator(**values)  # type: ignore[arg-type]
    return caught.value.details["fields"]


async def test_an_account_keeps_what_was_given_and_hides_its_password(accounts: Accounts, as_admin: Principal) -> None:
    made = await accounts.create(
        as_admin,
        email_address="Ada@Example.EDU",
        password=PASSWORD,
        first_name="Ada",
        last_name="",
        agreed_to_terms=True,
    )
    found = await accounts.get(made.account_id)
    assert (found.email_address, found.first_name, found.last_name) == ("ada@example.edu", "Ada", "")
    assert found.password_hash is not None
    assert found.password_hash.startswith("$argon2id$")
    assert PASSWORD not in found.password_hash
    assert not found.is_admin
    assert await accounts.find("ADA@example.edu") == found


async def test_an_account_may_do_without_a_password_and_then_no_password_fits(accounts: Accounts) -> None:
    made = await accounts.create_as_operator(email_address="robot@example.edu", password=None)
    assert not await accounts.verify_password(made.account_id, "")


@pytest.mark.parametrize(
    "address",
    [
        "nobody", "@example.edu", "a@b", "a b@example.edu", "a@exam ple.edu", "a@example..edu", "a..b@example.edu",
        "a@-example.edu", "a@example.edu\n", "a\0b@example.edu", "\ud800@example.edu", "x" * 250 + "@example.edu",
        '"a"@example.edu', "a@example.1", "a@b@example.edu", ".a@example.edu",
    ],
)  # fmt: skip
async def test_an_address_of_wrong_form_is_refused(accounts: Accounts, address: str) -> None:
    assert await fields_of(accounts, email_address=address) == {
        "email_address": "Email address does not appear to be valid."
    }


@pytest.mark.parametrize("address", ["a+tag@example.edu", "o'neill@sub.example.co", "jürgen@example.edu", "1@2.org"])
async def test_an_unusual_but_right_address_is_taken(accounts: Accounts, address: str) -> None:
    assert (await accounts.create_as_operator(email_address=address, password=PASSWORD)).email_address == address


@pytest.mark.parametrize("password", ["", "12345", "x" * 65])
async def test_a_password_has_6_to_64_characters(accounts: Accounts, password: str) -> None:
    assert await fields_of(accounts, password=password) == {
        "password": "Password must be between 6 and 64 characters in length."
    }


@pytest.mark.parametrize("password", ["123456", "x" * 64, "pässwörd ☃", "with\0zero", "\ud800\ud801half"])
async def test_any_characters_make_a_password(accounts: Accounts, password: str) -> None:
    made = await accounts.create_as_operator(email_address="new@example.edu", password=password)
    assert await accounts.verify_password(made.account_id, password)
    assert not await accounts.verify_password(made.account_id, password + "x")


async def test_address_and_password_are_complained_about_together(accounts: Accounts) -> None:
    assert set(await fields_of(accounts, email_address="nobody", password="short")) == {"email_address", "password"}


@pytest.mark.parametrize("address", [None, ""])
async def test_an_account_needs_an_address(accounts: Accounts, address: str | None) -> None:
    assert await fields_of(accounts, email_address=address) == {"other": "Anonymous sign up is disabled."}


async def test_an_address_can_be_taken_only_once_however_it_is_written(accounts: Accounts, person: Account) -> None:
    with pytest.raises(AlreadyExists) as caught:
        await accounts.create_as_operator(email_address=(person.email_address or "").upper(), password=PASSWORD)
    assert caught.value.details["fields"] == {"email_address": "This e-mail address is already taken."}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("visit https://evil.example/x now", "URLs are not allowed. Found https://evil.example/x"),
        ("evil.com", "URLs are not allowed. Found evil.com"),
        ("www.evil.example", "URLs are not allowed. Found www.evil.example"),
        ("me@evil.example", "email addresses are not allowed"),
        ("a\0b", "control characters are not allowed"),
        ("\ud800", "control characters are not allowed"),
        ("x" * 255, "at most 254 characters are allowed"),
    ],
)
@pytest.mark.parametrize("field", ["first_name", "last_name"])
async def test_a_name_is_no_advertisement(accounts: Accounts, field: str, name: str, words: str) -> None:
    assert await fields_of(accounts, **{field: name}) == {"other": f"{field} not valid: {words}"}


@pytest.mark.parametrize("name", ["St. John", "O'Neill-Smith", "J.R.R.", "宮本", "María José", "Jr.", ""])
async def test_a_real_name_is_taken(accounts: Accounts, name: str) -> None:
    assert (
        await accounts.create_as_operator(email_address="new@example.edu", password=PASSWORD, first_name=name)
    ).first_name == name


@pytest.mark.parametrize(
    "principal",
    [
        ANONYMOUS,
        Principal(account_id=NOBODY),
        Principal(account_id=NOBODY, is_admin=True, scope=Scope(is_read_only=True)),
    ],
)
async def test_only_administrators_make_accounts(accounts: Accounts, principal: Principal) -> None:
    with pytest.raises(Forbidden):
        await accounts.create(principal, email_address="new@example.edu", password=PASSWORD)


async def test_the_holder_of_any_key_makes_accounts_where_the_setting_says_so(
    open_accounts: Accounts, as_person: Principal
) -> None:
    made = await open_accounts.create(as_person, email_address="new@example.edu", password=PASSWORD)
    assert not made.is_admin
    for refused in (ANONYMOUS, Principal(key_project_id=NOBODY)):  # type: ignore[arg-type]
        with pytest.raises(Forbidden):
            await open_accounts.create(refused, email_address="other@example.edu", password=PASSWORD)


async def test_nobody_but_an_administrator_makes_an_administrator(
    open_accounts: Accounts, as_person: Principal
) -> None:
    with pytest.raises(Forbidden):
        await open_accounts.create(as_person, email_address="new@example.edu", password=PASSWORD, is_admin=True)


async def test_one_network_address_makes_150_accounts_in_half_an_hour(
    open_accounts: Accounts, as_person: Principal, clock: MovingClock, settings: Settings
) -> None:
    for number in range(150):
        await open_accounts.create(as_person, email_address=f"mass{number}@example.edu", password=None)
    with pytest.raises(RateLimited) as caught:
        await open_accounts.create(as_person, email_address="late@example.edu", password=None)
    words = caught.value.details["fields"]["other"]
    assert words.startswith("Too many accounts are being created from the ip address 192.0.2.1; try again later. ")
    assert caught.value.details["retry_after_seconds"] == 1800
    clock.move(1800)
    await open_accounts.create(as_person, email_address="late@example.edu", password=None)


async def test_an_unknown_account_is_not_found(accounts: Accounts) -> None:
    for account_id in (NOBODY, AccountId("nonsense"), AccountId("\0")):
        with pytest.raises(NotFound):
            await accounts.get(account_id)
        assert not await accounts.verify_password(account_id, PASSWORD)


async def test_a_hash_of_old_costs_is_renewed_at_the_next_sign_in(
    accounts: Accounts, person: Account, settings: Settings, database: Database, clock: MovingClock
) -> None:
    stronger = Accounts(settings, database, clock, SystemSecretSource(), Passwords(time_cost=2, memory_kib=16))
    assert await stronger.verify_password(person.account_id, PASSWORD)
    renewed = (await accounts.get(person.account_id)).password_hash
    assert renewed != person.password_hash
    assert "m=16,t=2" in (renewed or "")
    assert await stronger.verify_password(person.account_id, PASSWORD)


async def test_a_new_password_ends_other_browsers_and_tokens(
    accounts: Accounts, auth_tokens: AuthTokens, sign_ins: SignIns, person: Account, as_person: Principal
) -> None:
    _, other = await sign_ins.sign_in(person.email_address or "", PASSWORD)
    _, mine = await sign_ins.sign_in(person.email_address or "", PASSWORD)
    token = await auth_tokens.mint(as_person, account_id=person.account_id, password=PASSWORD)
    me = await sign_ins.resolve(mine)
    await accounts.set_password(me, person.account_id, password="new password", old_password=PASSWORD)
    assert await accounts.verify_password(person.account_id, "new password")
    assert (await sign_ins.resolve(mine)).account_id == person.account_id
    with pytest.raises(Exception, match="signed out"):
        await sign_ins.resolve(other)
    with pytest.raises(Exception, match="not valid"):
        await auth_tokens.redeem(token)


async def test_a_password_is_changed_with_the_old_one_or_by_an_administrator(
    accounts: Accounts, person: Account, as_person: Principal, as_stranger: Principal, as_admin: Principal
) -> None:
    with pytest.raises(PasswordIncorrect, match="invalid old password"):
        await accounts.set_password(as_person, person.account_id, password="new password", old_password="wrong one")
    with pytest.raises(InvalidRequest):
        await accounts.set_password(as_person, person.account_id, password="short", old_password=PASSWORD)
    with pytest.raises(Forbidden):
        await accounts.set_password(as_stranger, person.account_id, password="new password", old_password=PASSWORD)
    await accounts.set_password(as_admin, person.account_id, password="new password")
    assert await accounts.verify_password(person.account_id, "new password")


async def test_a_ban_ends_everything_at_once_and_can_be_lifted(
    accounts: Accounts,
    api_keys: ApiKeys,
    auth_tokens: AuthTokens,
    sign_ins: SignIns,
    person: Account,
    as_person: Principal,
    as_admin: Principal,
) -> None:
    _, key = await api_keys.create(as_person)
    _, secret = await sign_ins.sign_in(person.email_address or "", PASSWORD)
    token = await auth_tokens.mint(as_person, account_id=person.account_id, password=PASSWORD)
    await accounts.set_banned(as_admin, person.account_id, True)
    with pytest.raises(Exception, match=r"User is BANNED\.  If this is a mistake, please contact help@localhost"):
        await api_keys.resolve(key)
    with pytest.raises(Exception, match="BANNED"):
        await sign_ins.sign_in(person.email_address or "", PASSWORD)
    with pytest.raises(Exception, match="signed out"):
        await sign_ins.resolve(secret)
    with pytest.raises(Exception, match="not valid"):
        await auth_tokens.redeem(token)
    await accounts.set_banned(as_admin, person.account_id, False)
    assert (await api_keys.resolve(key)).account_id == person.account_id


async def test_only_administrators_ban(accounts: Accounts, person: Account, as_person: Principal) -> None:
    with pytest.raises(Forbidden):
        await accounts.set_banned(as_person, person.account_id, True)


async def test_a_deleted_account_frees_its_address_and_loses_its_keys(
    accounts: Accounts, api_keys: ApiKeys, person: Account, as_person: Principal
) -> None:
    _, key = await api_keys.create(as_person)
    await accounts.delete(as_person, person.account_id)
    with pytest.raises(NotFound):
        await accounts.get(person.account_id)
    with pytest.raises(Exception, match=r"No account found\. Is your API key wrong\?"):
        await api_keys.resolve(key)
    again = await accounts.create_as_operator(email_address=person.email_address, password=PASSWORD)
    assert again.account_id != person.account_id


async def test_deleting_is_for_oneself_and_administrators_and_twice_is_once(
    accounts: Accounts, person: Account, as_stranger: Principal, as_admin: Principal
) -> None:
    with pytest.raises(Forbidden):
        await accounts.delete(as_stranger, person.account_id)
    for account_id in (person.account_id, person.account_id, NOBODY):
        await accounts.delete(as_admin, account_id)


async def test_the_address_of_a_banned_account_stays_banned_after_it_is_deleted(
    accounts: Accounts, person: Account, as_admin: Principal
) -> None:
    await accounts.set_banned(as_admin, person.account_id, True)
    await accounts.delete(as_admin, person.account_id)
    assert await fields_of(accounts, email_address=person.email_address) == {
        "email_address": "This e-mail address is banned."
    }
