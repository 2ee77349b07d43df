"""Finding people, inviting them, new passwords, kept results: on both databases."""

from datetime import timedelta

import pytest

from studiolo.core.errors import Forbidden, InvalidRequest, RateLimited
from studiolo.core.ids import AccountId
from studiolo.core.models import Account, Principal, Scope
from studiolo.domain.accounts import Accounts
from studiolo.domain.invitations import InvitationText
from studiolo.domain.jupyter import ExecuteRequest
from studiolo.testing.clock import MovingClock
from studiolo.testing.factories import PASSWORD, make_account
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio
HELLO = InvitationText("Hello")


async def test_search_knows_settings_and_wildcards_are_letters(
    hub: FakeHub, accounts: Accounts, as_person: Principal, as_stranger: Principal
) -> None:
    account_id = as_stranger.account_id or AccountId("")

    async def found(query: str) -> list[AccountId]:
        return [one.account.account_id for one in await hub.services.account_search.search(as_person, query)]

    assert await found("emm noeth") == [account_id]
    assert await found("e_my") == []
    await hub.services.queries.run(as_stranger, {"accounts": {"name": "Emmy"}})
    assert await found("@emmy") == [account_id]
    await hub.services.queries.run(as_stranger, {"accounts": {"unlisted": True}})
    assert await found("emm noeth") == await found("@emmy") == []
    await accounts.set_banned(Principal(AccountId("a"), is_admin=True), account_id, True)
    assert await found(account_id) == []


async def test_those_active_last_come_first(
    hub: FakeHub, accounts: Accounts, as_person: Principal, clock: MovingClock
) -> None:
    made: list[Account] = []
    for _ in range(3):
        made.append(await make_account(accounts, first_name="Ada", last_name="Lovelace"))
    clock.move(10)
    await hub.services.sign_ins.sign_in(made[1].email_address or "", PASSWORD)
    found = await hub.services.account_search.search(as_person, "ada")
    assert len(found) == 3
    assert found[0].account.account_id == made[1].account_id
    assert len(await hub.services.account_search.search(as_person, "ada", limit=2)) == 2


async def test_names_of_very_many_accounts(hub: FakeHub, as_person: Principal) -> None:
    many = [f"00000000-0000-4000-8000-{number:012x}" for number in range(9_999)]
    found = await hub.services.account_search.names(as_person, [*many, as_person.account_id or ""])
    assert sum(one is not None for one in found.values()) == 1
    with pytest.raises(InvalidRequest):
        await hub.services.account_search.names(as_person, many * 2)


async def test_a_narrowed_sign_in_invites_and_removes_nobody(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    narrowed = Principal(as_person.account_id, scope=Scope(project_id=project.project_id))
    with pytest.raises(Forbidden):
        await hub.services.invitations.invite_by_mail(narrowed, project.project_id, "x@example.edu", HELLO)
    with pytest.raises(Forbidden):
        await hub.services.collaborators.add(narrowed, [as_person.account_id or ""], [project.project_id], [])
    with pytest.raises(Forbidden):
        await hub.services.collaborators.remove(narrowed, project.project_id, "x")


async def test_nobody_mails_a_whole_town(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    for block in range(4):
        to = ",".join(f"p{number}@e.edu" for number in range(block * 30, block * 30 + 30))
        if block < 3:
            await hub.services.invitations.invite_by_mail(as_person, project.project_id, to, HELLO)
        else:
            with pytest.raises(RateLimited):
                await hub.services.invitations.invite_by_mail(as_person, project.project_id, to, HELLO)
    assert len(hub.mailer.sent) == 100


async def test_what_is_over_is_reaped(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project = await hub.project(as_person)
    await hub.services.invitations.invite_by_mail(as_person, project.project_id, "x@example.edu", HELLO)
    await hub.services.jupyter.execute(
        as_person, ExecuteRequest(kernel="python3", code="1", project_id=project.project_id)
    )
    assert await hub.services.invitations.reap() == await hub.services.jupyter.reap() == 0
    clock.move(timedelta(days=15).total_seconds())
    assert await hub.services.invitations.reap() == 2
    assert await hub.services.jupyter.reap() == 1


async def test_a_new_password_signs_everybody_out(hub: FakeHub, person: Account, as_person: Principal) -> None:
    _, secret = await hub.services.sign_ins.sign_in(person.email_address or "", PASSWORD)
    await hub.services.password_resets.request(person.email_address or "", "192.0.2.1")
    code = next(line.strip() for line in hub.mailer.sent[0].body.splitlines() if line.startswith("    "))
    await hub.services.password_resets.redeem(code, "another one")
    assert await hub.services.accounts.verify_password(person.account_id, "another one")
    with pytest.raises(Exception, match="signed out"):
        await hub.services.sign_ins.resolve(secret)
