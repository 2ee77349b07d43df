"""Organizations and messages on both databases."""

import pytest

from studiolo.core.errors import Conflict, RateLimited
from studiolo.core.models import Account, Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.domain.accounts import Accounts
from studiolo.domain.auth_tokens import AuthTokens
from studiolo.domain.messages import MESSAGES, Messages
from studiolo.domain.organizations import Organizations
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def messages(database: Database, clock: MovingClock) -> Messages:
    return Messages(database, clock)


@pytest.fixture
def organizations(
    database: Database,
    clock: MovingClock,
    secret_source: SystemSecretSource,
    accounts: Accounts,
    auth_tokens: AuthTokens,
    messages: Messages,
) -> Organizations:
    return Organizations(database, clock, secret_source, accounts, auth_tokens, messages)


async def test_an_account_moves_from_one_organization_to_another(
    organizations: Organizations, as_admin: Principal, person: Account
):
    for name in ("one", "two"):
        await organizations.create(as_admin, name)
    await organizations.add_admin(as_admin, "one", person.account_id)
    with pytest.raises(Conflict):
        await organizations.add_admin(as_admin, "two", person.account_id)
    await organizations.add_user(as_admin, "two", person.account_id)
    (member,) = await organizations.members(as_admin, "two")
    assert (member.account.account_id, member.is_admin) == (person.account_id, False)
    assert (await organizations.get(as_admin, "one")).admin_ids == ()
    assert [one.name for one in await organizations.list_all(as_admin)] == ["one", "two"]


async def test_an_admin_of_another_organization_loses_that_on_leaving(
    organizations: Organizations, as_admin: Principal, person: Account, stranger: Account
):
    await organizations.create(as_admin, "one")
    await organizations.add_admin(as_admin, "one", person.account_id)
    await organizations.add_user(as_admin, "one", stranger.account_id)
    assert (await organizations.get(as_admin, "one")).admin_ids == (person.account_id,)
    await organizations.remove_user(as_admin, "one", person.account_id)
    assert (await organizations.get(as_admin, "one")).admin_ids == ()


async def test_a_message_is_one_row_for_many_and_marked_by_each(
    messages: Messages, as_person: Principal, as_stranger: Principal, as_admin: Principal
):
    to = [as_stranger.account_id or "", as_admin.account_id or "", as_admin.account_id or ""]
    number = await messages.send(as_person, to=to, subject="Question", body="Why?")
    await messages.mark(as_stranger, number, {"is_read": True, "is_liked": True})
    assert [one.message_id for one in await messages.list(as_stranger, "liked")] == [number]
    assert await messages.list(as_stranger, "new") == []
    (new,) = await messages.list(as_admin, "new")
    assert set(new.to_ids) == {as_stranger.account_id, as_admin.account_id}
    assert [one.message_id for one in await messages.list(as_person, "sent")] == [number]
    assert await messages.list(as_person, "received") == []


async def test_messages_come_page_by_page(messages: Messages, as_person: Principal):
    own = [as_person.account_id or ""]
    sent = [await messages.send(as_person, to=own, subject=str(n), body="") for n in range(3)]
    assert [one.message_id for one in await messages.list(as_person, limit=2)] == [sent[2], sent[1]]
    assert [one.message_id for one in await messages.list(as_person, limit=2, offset=2)] == [sent[0]]


async def test_nobody_floods_the_others(messages: Messages, clock: MovingClock, as_person: Principal):
    own = [as_person.account_id or ""]
    for _ in range(MESSAGES.limit):
        await messages.send(as_person, to=own, subject="", body="")
    with pytest.raises(RateLimited):
        await messages.send(as_person, to=own, subject="", body="")
