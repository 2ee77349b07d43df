"""The header `Idempotency-Key`: what a request makes, it makes once."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from studiolo.core.ids import ProjectId
from studiolo.domain.audit import in_request
from studiolo.domain.idempotency import Idempotency, Made, MadeBefore, note_made
from studiolo.storage import tables
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio
DAY = 24 * 60 * 60


async def send(caller, call: str, key: str | None, /, **parameters: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json", **({} if key is None else {"Idempotency-Key": key})}
    return await caller.post_to(f"/api/v1/{call}", content=json.dumps(parameters), headers=headers)


async def kept(database: Database) -> list[dict[str, Any]]:
    return await database.read(
        lambda tx: [dict(row) for row in tx.execute(tables.idempotency_keys.select()).mappings()]
    )


async def test_the_same_request_makes_one_thing_and_answers_the_same(as_owner, services):
    first = await send(as_owner, "create_project", "k1", title="Homework")
    again = await send(as_owner, "create_project", "k1", title="Homework")
    assert first.json()["project_id"] == again.json()["project_id"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await services.projects.list_for(as_owner.principal)) == 1


async def test_the_id_of_the_message_may_be_new_each_time(as_owner):
    first = await send(as_owner, "create_project", "k1", id="one")
    again = await send(as_owner, "create_project", "k1", id="two")
    assert (first.json()["id"], again.json()["id"]) == ("one", "two")
    assert first.json()["project_id"] == again.json()["project_id"]


async def test_quotation_marks_around_a_key_mean_nothing(as_owner):
    first = await send(as_owner, "create_project", "k1")
    again = await send(as_owner, "create_project", '"k1"')
    assert first.json()["project_id"] == again.json()["project_id"]


async def test_another_request_with_the_same_key_is_refused(as_owner, services):
    await send(as_owner, "create_project", "k1", title="Homework")
    for name, parameters in (
        ("create_project", {"title": "Other"}),
        ("create_api_key", {"name": "Homework"}),
    ):
        refused = await send(as_owner, name, "k1", **parameters)
        assert refused.status_code == 422
        assert sorted(refused.json()) == ["code", "error"]
        assert refused.json()["code"] == "idempotency_key_reused"
    assert len(await services.projects.list_for(as_owner.principal)) == 1


async def test_keys_are_each_callers_own(as_owner, as_stranger):
    mine = await send(as_owner, "create_project", "k1")
    theirs = await send(as_stranger, "create_project", "k1")
    assert mine.json()["project_id"] != theirs.json()["project_id"]


async def test_without_a_key_every_request_makes_its_own(as_owner):
    answers = [(await send(as_owner, "create_project", None)).json()["project_id"] for _ in range(2)]
    assert answers[0] != answers[1]


async def test_a_key_is_good_for_a_day(as_owner, services, clock: MovingClock, database: Database):
    first = (await send(as_owner, "create_project", "k1")).json()["project_id"]
    clock.move(DAY - 1)
    assert (await send(as_owner, "create_project", "k1")).json()["project_id"] == first
    clock.move(1)
    assert (await send(as_owner, "create_project", "k1")).json()["project_id"] != first
    clock.move(DAY)
    await services.idempotency.reap()
    assert await kept(database) == []


async def test_what_failed_may_be_tried_again_with_the_same_key(as_admin, services):
    account = {"email_address": "new@example.edu", "password": "short"}
    assert (await send(as_admin, "create_account", "k1", **account)).json()["event"] == "account_creation_failed"
    made = await send(as_admin, "create_account", "k1", **account | {"password": "long enough"})
    assert made.json()["event"] == "account_created"


async def test_an_account_is_made_once_and_its_key_told_once(as_admin, database: Database):
    account = {"email_address": "new@example.edu", "password": "a-password", "get_api_key": True}
    first = (await send(as_admin, "create_account", "k1", **account)).json()
    again = (await send(as_admin, "create_account", "k1", **account)).json()
    assert first["account_id"] == again["account_id"]
    assert first["api_key"].startswith("sk-")
    assert "api_key" not in again
    assert first["api_key"] not in str(await kept(database))


async def test_an_api_key_is_made_once_and_its_secret_is_not_kept(as_owner, services, database: Database):
    first = (await send(as_owner, "create_api_key", "k1", name="portal")).json()
    again = (await send(as_owner, "create_api_key", "k1", name="portal")).json()
    assert (again["event"], again["code"]) == ("error", "secret_not_kept")
    assert str(first["key"]["api_key_id"]) in again["error"]
    (row,) = await kept(database)
    assert row["made"] == str(first["key"]["api_key_id"])
    assert first["api_key"] not in str(row)
    names = [one.name for one in await services.api_keys.list(as_owner.principal)]
    assert names.count("portal") == 1


async def test_a_copy_is_ordered_once(as_owner, project_id, other_project_id, runner):
    runner.agent(ProjectId(project_id)).files["a.md"] = "text"
    order = {"src_project_id": project_id, "src_path": "a.md", "target_project_id": other_project_id}
    first = (await send(as_owner, "copy_path_between_projects", "k1", **order)).json()
    again = (await send(as_owner, "copy_path_between_projects", "k1", **order)).json()
    assert first["copy_path_id"] == again["copy_path_id"]
    found = await as_owner.call("copy_path_status", target_project_id=other_project_id)
    assert len(found["data"]) == 1


async def test_a_repeated_copy_is_waited_for_like_the_first(
    as_owner, project_id, other_project_id, run_copies, wait_for, runner
):
    runner.agent(ProjectId(project_id)).files["a.md"] = "text"
    order = {
        "src_project_id": project_id,
        "src_path": "a.md",
        "target_project_id": other_project_id,
        "wait_until_done": True,
    }
    ahead = {**order, "wait_until_done": False, "target_path": "ahead.md"}
    await as_owner.call("copy_path_between_projects", **ahead)  # or the hub would carry the next one out at once
    first = asyncio.ensure_future(send(as_owner, "copy_path_between_projects", "k1", **order))
    for _ in range(500):  # until the order is written down
        if len((await as_owner.call("copy_path_status", target_project_id=other_project_id))["data"]) == 2:
            break
    in_use = await send(as_owner, "copy_path_between_projects", "k1", **order)
    assert (in_use.status_code, in_use.json()["code"]) == (409, "idempotency_key_in_use")
    assert in_use.headers["retry-after"] == "1"
    other = await send(as_owner, "copy_path_between_projects", "k1", **order | {"src_path": "b.md"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    await run_copies()
    done = (await wait_for(first)).json()
    again = (await send(as_owner, "copy_path_between_projects", "k1", **order)).json()
    assert done["event"] == again["event"] == "success"
    assert done["copy_path_id"] == again["copy_path_id"]


async def test_many_at_once_make_one_thing(as_owner, services):
    answers = await asyncio.gather(*[send(as_owner, "create_project", "k1") for _ in range(10)])
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(await services.projects.list_for(as_owner.principal)) == 1


async def test_two_hubs_make_one_thing(services, as_owner, database: Database, clock: MovingClock):
    """Both look before either has made it; who is second undoes what it made and finds what the first one made."""
    attempts = [await Idempotency(database, clock).look(as_owner.principal, "k1", Made.PROJECT, "x") for _ in range(2)]

    def make(number: int) -> Any:
        with Idempotency(database, clock).carry_out(attempts[number]):
            return database.write(lambda tx: attempts[number].note(tx, f"p{number}"))

    await make(0)
    with pytest.raises(MadeBefore) as before:
        await make(1)
    assert before.value.made == "p0"


async def test_what_is_killed_in_the_middle_left_nothing_and_is_made_by_the_next(as_owner, services, database):
    """The hub dies while the transaction is open: neither the project nor the note is there."""

    class Killed(Exception):
        pass

    async def make() -> None:
        def insert(tx: Any) -> None:
            note_made(tx, Made.PROJECT, "p1")
            raise Killed

        attempt = await services.idempotency.look(as_owner.principal, "k1", Made.PROJECT, "x")
        with services.idempotency.carry_out(attempt), pytest.raises(Killed):
            await database.write(in_request(insert))

    await make()
    assert await kept(database) == []
    assert (await services.idempotency.look(as_owner.principal, "k1", Made.PROJECT, "x")).made_before is None


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "t\tab"])
async def test_what_is_no_key_is_refused(as_owner, key: str):
    refused = await send(as_owner, "create_project", key)
    assert refused.json()["code"] == "invalid_request"
    assert "Idempotency-Key" in refused.json()["error"]


async def test_a_projects_own_key_has_keys_of_its_own(as_owner, services, project_id, other_project_id, runner):
    _, key = await services.api_keys.create(as_owner.principal, project_id=ProjectId(project_id))
    own = as_owner.with_key(key)
    order = {"src_project_id": project_id, "src_path": "a", "target_project_id": project_id, "target_path": "b"}
    first = (await send(own, "copy_path_between_projects", "k1", **order)).json()
    assert (await send(own, "copy_path_between_projects", "k1", **order)).json()["copy_path_id"] == first[
        "copy_path_id"
    ]
    assert (await send(as_owner, "copy_path_between_projects", "k1", **order)).json()["copy_path_id"] != first[
        "copy_path_id"
    ]


async def test_a_call_that_makes_nothing_passes_the_key_over(as_owner, database: Database):
    for _ in range(2):
        answer = await send(as_owner, "ping", "k1")
        assert answer.json()["event"] == "pong"
        assert "idempotency-replayed" not in answer.headers
    assert await kept(database) == []
