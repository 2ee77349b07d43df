import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from studiolo.core.errors import (
    ApiKeyInvalid,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProjectNotFound,
    RoleTooLow,
)
from studiolo.core.ids import AccountId, ApiKeyId, ProjectId
from studiolo.core.models import ANONYMOUS, Account, Principal, Role, Scope
from studiolo.core.secrets import hash_secret
from studiolo.domain.api_keys import ApiKeys
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.sign_ins import SignIns
from studiolo.storage import collaborators, projects, tables
from studiolo.storage.database import Database, Transaction
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import PASSWORD

pytestmark = pytest.mark.anyio
NOBODY = AccountId("11111111-2222-4333-8444-555555555555")
PROJECT = ProjectId("aaaaaaaa-2222-4333-8444-555555555555")


async def put_in_project(database: Database, clock: MovingClock, account: Account, role: Role | None) -> None:
    def put(tx: Transaction) -> None:
        if projects.get(tx, PROJECT) is None:
            projects.insert(tx, PROJECT, title="", description="", now=clock.now())
        if role is None:
            collaborators.remove(tx, PROJECT, account.account_id)
        else:
            collaborators.put(tx, PROJECT, account.account_id, role, {}, clock.now())

    await database.write(put)


async def test_a_key_has_the_promised_form_and_stands_for_its_account(api_keys: ApiKeys, as_person: Principal) -> None:
    made, secret = await api_keys.create(as_person, name="portal")
    assert re.fullmatch(r"sk-[A-Za-z0-9]{22}", secret)
    assert (made.name, made.trunc) == ("portal", f"sk-...{secret[-6:]}")
    principal = await api_keys.resolve(secret, "192.0.2.7")
    assert principal == Principal(as_person.account_id, address="192.0.2.7", api_key_id=made.api_key_id)
    assert not principal.is_admin


async def test_the_secret_is_nowhere_in_the_database(
    api_keys: ApiKeys, as_person: Principal, database: Database
) -> None:
    _, secret = await api_keys.create(as_person)
    row = await database.read(lambda tx: tx.execute(select(tables.api_keys)).mappings().one())
    assert secret not in str(row)
    assert secret[3:19] not in str(row)
    assert row["key_hash"] == hash_secret(secret)


async def test_two_keys_never_end_alike(api_keys: ApiKeys, as_person: Principal) -> None:
    secrets = [(await api_keys.create(as_person))[1] for _ in range(3)]
    assert len({secret[-6:] for secret in secrets}) == 3


async def test_an_administrators_key_is_an_administrators(api_keys: ApiKeys, as_admin: Principal) -> None:
    _, secret = await api_keys.create(as_admin)
    assert (await api_keys.resolve(secret)).is_admin


@pytest.mark.parametrize("key", ["", "sk-", "sk_old", "sk-" + "A" * 22, "ключ", "\ud800", "x" * 10_000])
async def test_an_unknown_key_is_refused(api_keys: ApiKeys, as_person: Principal, key: str) -> None:
    await api_keys.create(as_person)
    with pytest.raises(ApiKeyInvalid, match=r"^No account found\. Is your API key wrong\?$"):
        await api_keys.resolve(key)


async def test_a_key_ends_when_it_was_told_to(api_keys: ApiKeys, as_person: Principal, clock: MovingClock) -> None:
    made, secret = await api_keys.create(as_person, expires_at=clock.now() + timedelta(hours=1))
    clock.move(3599)
    await api_keys.resolve(secret)
    clock.move(1)
    with pytest.raises(ApiKeyInvalid):
        await api_keys.resolve(secret)
    await api_keys.set_expiry(as_person, made.api_key_id, None)
    await api_keys.resolve(secret)


async def test_a_key_cannot_end_in_the_past(api_keys: ApiKeys, as_person: Principal, clock: MovingClock) -> None:
    made, _ = await api_keys.create(as_person)
    with pytest.raises(InvalidRequest, match="future"):
        await api_keys.create(as_person, expires_at=clock.now())
    with pytest.raises(InvalidRequest, match="future"):
        await api_keys.set_expiry(as_person, made.api_key_id, clock.now() - timedelta(days=1))


async def test_a_revoked_key_is_refused_at_once(api_keys: ApiKeys, as_person: Principal) -> None:
    made, secret = await api_keys.create(as_person)
    await api_keys.resolve(secret)
    await api_keys.revoke(as_person, made.api_key_id)
    with pytest.raises(ApiKeyInvalid):
        await api_keys.resolve(secret)
    assert await api_keys.list(as_person) == []


async def test_keys_are_listed_newest_first_and_renamed(api_keys: ApiKeys, as_person: Principal) -> None:
    first, _ = await api_keys.create(as_person, name="first")
    await api_keys.create(as_person, name="second")
    await api_keys.rename(as_person, first.api_key_id, "renamed")
    assert [key.name for key in await api_keys.list(as_person)] == ["second", "renamed"]


@pytest.mark.parametrize("name", ["x" * 129, "line\nbreak", "a\0b", "\ud800"])
async def test_a_name_that_cannot_be_shown_is_refused(api_keys: ApiKeys, as_person: Principal, name: str) -> None:
    made, _ = await api_keys.create(as_person)
    with pytest.raises(InvalidRequest):
        await api_keys.create(as_person, name=name)
    with pytest.raises(InvalidRequest):
        await api_keys.rename(as_person, made.api_key_id, name)


async def test_nobody_manages_another_persons_keys(
    api_keys: ApiKeys, as_person: Principal, as_stranger: Principal
) -> None:
    made, secret = await api_keys.create(as_person)
    for refused in (
        api_keys.create(as_stranger, account_id=as_person.account_id),
        api_keys.list(as_stranger, account_id=as_person.account_id),
        api_keys.create(ANONYMOUS),
        api_keys.list(Principal(key_project_id=PROJECT)),
    ):
        with pytest.raises(Forbidden):
            await refused
    for hidden in (
        api_keys.rename(as_stranger, made.api_key_id, "mine"),
        api_keys.set_expiry(as_stranger, made.api_key_id, None),
        api_keys.revoke(as_stranger, made.api_key_id),
        api_keys.revoke(as_person, ApiKeyId(999_999)),
    ):
        with pytest.raises(NotFound, match="no such API key"):
            await hidden
    await api_keys.resolve(secret)


async def test_an_administrator_manages_every_key(api_keys: ApiKeys, as_person: Principal, as_admin: Principal) -> None:
    made, secret = await api_keys.create(as_admin, account_id=as_person.account_id)
    assert (await api_keys.resolve(secret)).account_id == as_person.account_id
    assert await api_keys.list(as_admin, account_id=as_person.account_id) == [(await api_keys.list(as_person))[0]]
    await api_keys.revoke(as_admin, made.api_key_id)
    with pytest.raises(NotFound):
        await api_keys.create(as_admin, account_id=NOBODY)


async def test_a_frame_cannot_make_itself_a_lasting_key(
    api_keys: ApiKeys, auth_tokens: AuthTokens, sign_ins: SignIns, person: Account, as_person: Principal
) -> None:
    token = await auth_tokens.mint(as_person, account_id=person.account_id, password=PASSWORD)
    _, secret = await sign_ins.sign_in_frame(token, None)
    with pytest.raises(Forbidden):
        await api_keys.create(await sign_ins.resolve(secret))
    with pytest.raises(Forbidden):
        await api_keys.create(Principal(person.account_id, scope=Scope(is_read_only=True)))
    _, own = await sign_ins.sign_in(person.email_address or "", PASSWORD)
    await api_keys.create(await sign_ins.resolve(own))


async def test_an_account_has_at_most_100_keys_even_when_asked_at_once(
    api_keys: ApiKeys, as_person: Principal, as_stranger: Principal
) -> None:
    for _ in range(98):
        await api_keys.create(as_person)
    results = await asyncio.gather(*(api_keys.create(as_person) for _ in range(5)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == 3
    assert refused[0].message == "There is a limit of 100 per account; please delete some api keys."
    await api_keys.create(as_stranger)


async def test_keys_that_ended_make_room_for_new_ones(
    api_keys: ApiKeys, as_person: Principal, clock: MovingClock
) -> None:
    ends = clock.now() + timedelta(minutes=1)
    for _ in range(100):
        await api_keys.create(as_person, expires_at=ends)
    with pytest.raises(Conflict):
        await api_keys.create(as_person)
    clock.move(60)
    assert len(await api_keys.list(as_person)) == 100
    made, _ = await api_keys.create(as_person)
    assert await api_keys.list(as_person) == [made]


async def test_use_is_noted_at_most_once_a_minute(api_keys: ApiKeys, as_person: Principal, clock: MovingClock) -> None:
    _, secret = await api_keys.create(as_person)
    noted = []
    for seconds in (0, 59, 1, 30):
        clock.move(seconds)
        await api_keys.resolve(secret)
        noted.append((await api_keys.list(as_person))[0].last_active_at)
    start = clock.now() - timedelta(seconds=90)
    assert noted == [start, start, start + timedelta(seconds=60), start + timedelta(seconds=60)]


async def test_a_projects_key_is_the_project(
    api_keys: ApiKeys, database: Database, clock: MovingClock, person: Account, as_person: Principal
) -> None:
    await put_in_project(database, clock, person, Role.COLLABORATOR)
    key, secret = await api_keys.create(as_person, project_id=PROJECT)
    principal = await api_keys.resolve(secret, "192.0.2.7")
    assert principal == Principal(key_project_id=PROJECT, address="192.0.2.7", api_key_id=key.api_key_id)
    assert principal.wire_id == PROJECT


@pytest.mark.parametrize("role", [None, Role.VIEWER])
async def test_a_projects_key_ends_when_its_maker_may_no_longer_write_there(
    api_keys: ApiKeys,
    database: Database,
    clock: MovingClock,
    person: Account,
    as_person: Principal,
    role: Role | None,
) -> None:
    await put_in_project(database, clock, person, Role.COLLABORATOR)
    _, secret = await api_keys.create(as_person, project_id=PROJECT)
    await put_in_project(database, clock, person, role)
    with pytest.raises(ApiKeyInvalid):
        await api_keys.resolve(secret)


async def test_a_projects_key_is_made_by_those_who_may_write_there(
    api_keys: ApiKeys, database: Database, clock: MovingClock, person: Account, as_person: Principal
) -> None:
    with pytest.raises(ProjectNotFound):
        await api_keys.create(as_person, project_id=PROJECT)
    await put_in_project(database, clock, person, Role.VIEWER)
    with pytest.raises(RoleTooLow):
        await api_keys.create(as_person, project_id=PROJECT)
