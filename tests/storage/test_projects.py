import asyncio
from datetime import timedelta

import pytest

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Account, ProjectState, Role
from studiolo.core.secrets import SystemSecretSource
from studiolo.storage import accounts, collaborators, projects
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio

SECRETS = SystemSecretSource()


async def make_project(database: Database, clock: MovingClock, title: str = "") -> ProjectId:
    project_id, now = ProjectId(SECRETS.uuid()), clock.now()
    await database.write(lambda tx: projects.insert(tx, project_id, title=title, description="", now=now))
    return project_id


async def make_account(database: Database, clock: MovingClock) -> AccountId:
    account = Account(AccountId(SECRETS.uuid()), None, None, "", "", False, False, False, clock.now(), None)
    await database.write(lambda tx: accounts.insert(tx, account))
    return account.account_id


async def test_uids_count_up_even_for_rivals(database: Database, clock: MovingClock) -> None:
    other = Database(database._url.render_as_string(hide_password=False))
    made = await asyncio.gather(*[make_project(one, clock) for one in (database, other) * 8])
    await other.close()
    found = [await database.read(lambda tx, one=one: projects.get(tx, one)) for one in made]
    assert sorted(one.uid for one in found if one is not None) == list(range(1, 17))


async def test_a_project_is_visible_to_those_who_have_a_place(database: Database, clock: MovingClock) -> None:
    mine, other = await make_account(database, clock), await make_account(database, clock)
    project_id = await make_project(database, clock)
    now = clock.now()
    await database.write(lambda tx: collaborators.put(tx, project_id, mine, Role.VIEWER, {"hide": True}, now))
    [found] = await database.read(lambda tx: projects.list_for(tx, mine))
    assert (found.project_id, found.role_of(mine), found.collaborators[0].details) == (
        project_id,
        Role.VIEWER,
        {"hide": True},
    )
    assert await database.read(lambda tx: projects.list_for(tx, other)) == []
    await database.write(lambda tx: collaborators.remove(tx, project_id, mine))
    assert await database.read(lambda tx: projects.list_for(tx, mine)) == []


async def test_only_one_of_many_claims_a_start(database: Database, clock: MovingClock) -> None:
    project_id, now = await make_project(database, clock), clock.now()
    claims = [
        database.write(lambda tx: projects.claim_start(tx, project_id, now=now, stale_before=now)) for _ in "abcde"
    ]
    assert sorted(await asyncio.gather(*claims)) == [False] * 4 + [True]


async def test_who_lost_its_claim_changes_nothing(database: Database, clock: MovingClock) -> None:
    project_id, first = await make_project(database, clock), clock.now()
    await database.write(lambda tx: projects.claim_start(tx, project_id, now=first, stale_before=first))
    clock.move(10)
    second = clock.now()
    stale = second - timedelta(seconds=5)
    assert await database.write(lambda tx: projects.claim_start(tx, project_id, now=second, stale_before=stale))
    lost = {"seen": first, "now": second}
    started = {"runner": "r", "runner_state": {"pid": 1}}
    assert not await database.write(lambda tx: projects.renew_claim(tx, project_id, ProjectState.STARTING, **lost))
    assert not await database.write(lambda tx: projects.mark_running(tx, project_id, **lost, **started))
    kept = {"seen": second, "now": second}
    assert await database.write(lambda tx: projects.mark_running(tx, project_id, **kept, **started))
    found = await database.read(lambda tx: projects.get(tx, project_id))
    assert found is not None
    assert (found.state, found.runner, found.runner_state) == (ProjectState.RUNNING, "r", {"pid": 1})


async def test_unused_projects_are_those_that_run_and_were_not_touched(database: Database, clock: MovingClock) -> None:
    old, new, stopped = [await make_project(database, clock) for _ in range(3)]
    for project_id in (old, new):
        await database.write(lambda tx, one=project_id: projects.change(tx, one, {"state": ProjectState.RUNNING}))
    clock.move(100)
    await database.write(lambda tx: projects.touch(tx, new, clock.now()))
    since = clock.now() - timedelta(seconds=50)
    assert [one.project_id for one in await database.read(lambda tx: projects.list_unused(tx, since))] == [old]
    active = await database.read(projects.list_active)
    assert {one.project_id for one in active} == {old, new}
    assert stopped not in {one.project_id for one in active}
