"""The tables of `query` beside projects and accounts, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import AlreadyExists, Forbidden, InvalidRequest, NotFound
from studiolo.core.models import Principal, Role
from studiolo.domain.home_paths import file_id
from studiolo.storage import collaborators
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio

NO_ACCESS = "FATAL: you do not have read access to this project"
UNKNOWN = "11111111-1111-4111-8111-111111111111"


async def ask(hub: FakeHub, principal: Principal, table: str, fields: Any, *options: Any) -> Any:
    answer = await hub.services.queries.run(principal, {table: fields}, list(options) or None)
    return answer.get(table) if isinstance(answer, dict) else answer


async def refused(hub: FakeHub, principal: Principal, table: str, fields: Any, *options: Any) -> str:
    with pytest.raises((InvalidRequest, Forbidden, NotFound, AlreadyExists)) as error:
        await ask(hub, principal, table, fields, *options)
    return error.value.message


@pytest.mark.parametrize(
    "table", ["project_log", "project_log_all", "file_use", "listings", "collaborators_one_project"]
)
async def test_records_of_foreign_projects_are_not_readable(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, as_admin: Principal, table: str
) -> None:
    project = await hub.project(as_person)
    field = "account_id" if table == "collaborators_one_project" else "path"
    field = "event" if table.startswith("project_log") else field
    for other in (as_stranger, as_admin):
        for project_id in (project.project_id, UNKNOWN, "nonsense"):
            assert await refused(hub, other, table, [{"project_id": project_id, field: None}]) == NO_ACCESS


@pytest.mark.parametrize("table", ["project_log", "file_use", "listings", "project_invite_tokens", "public_paths"])
async def test_records_are_written_by_those_who_may_write(
    hub: FakeHub, database: Database, as_person: Principal, as_stranger: Principal, clock: MovingClock, table: str
) -> None:
    project = await hub.project(as_person)
    fields = {"project_log": {"event": {}}, "project_invite_tokens": {"token": "a-token-of-twenty-ch"}}
    given = {"project_id": project.project_id, **fields.get(table, {"path": "a.md"})}
    assert await refused(hub, as_stranger, table, given) == "FATAL: user must be an admin"
    await database.write(
        lambda tx: collaborators.put(
            tx, project.project_id, as_stranger.account_id or UNKNOWN, Role.VIEWER, {}, clock.now()
        )
    )
    assert await refused(hub, as_stranger, table, given) == "FATAL: user must be an admin"
    unknown = {**given, "project_id": UNKNOWN}
    assert await refused(hub, as_person, table, unknown) == f"FATAL: unknown project_id '{UNKNOWN}'"
    assert await ask(hub, as_person, table, given) is None


async def test_the_log_shows_the_newest_of_two_months(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, clock: MovingClock
) -> None:
    project, other = await hub.project(as_person), await hub.project(as_stranger)
    await ask(hub, as_stranger, "project_log", {"project_id": other.project_id, "event": {"event": "not mine"}})
    for number in range(3):
        given = {"project_id": project.project_id, "event": {"event": "open", "n": number}, "account_id": UNKNOWN}
        await ask(hub, as_person, "project_log", given)
        clock.move(40 * 86_400)
    fields: dict[str, Any] = {"event": None, "account_id": None}
    assert await ask(hub, as_person, "project_log", [fields]) == [
        {"event": {"event": "open", "n": 2}, "account_id": as_person.account_id}
    ]
    for named in ({}, {"project_id": project.project_id}):
        everything = await ask(hub, as_person, "project_log_all", [{**fields, **named}])
        assert [row["event"]["n"] for row in everything] == [2, 1, 0]
    assert len(await ask(hub, as_person, "project_log_all", [fields], {"limit": 2})) == 2


async def test_a_log_entry_is_merged_by_its_id(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project, other = await hub.project(as_person), await hub.project(as_person)
    moment = iso_milliseconds(clock.now() - timedelta(days=1))
    first = {"id": UNKNOWN, "project_id": project.project_id, "time": moment, "event": {"a": {"x": 1}}}
    await ask(hub, as_person, "project_log", first)
    await ask(
        hub, as_person, "project_log", {"id": UNKNOWN, "project_id": project.project_id, "event": {"a": {"y": 2}}}
    )
    found = await ask(hub, as_person, "project_log", {"id": UNKNOWN, "event": None, "time": None})
    assert (found["event"], found["time"]) == ({"a": {"x": 1, "y": 2}}, moment)
    moved = {"id": UNKNOWN, "project_id": other.project_id, "event": {}}
    assert "belongs to another project" in await refused(hub, as_person, "project_log", moved)
    wrong = {"id": "x", "project_id": project.project_id, "event": {}}
    assert "must be a uuid" in await refused(hub, as_person, "project_log", wrong)
    wrong = {"project_id": project.project_id, "time": "someday", "event": {}}
    assert "must be a date" in await refused(hub, as_person, "project_log", wrong)


async def test_file_use_is_one_record_a_file_and_ends_after_three_weeks(
    hub: FakeHub, as_person: Principal, clock: MovingClock
) -> None:
    project = await hub.project(as_person)
    key = {"project_id": project.project_id, "path": "a.md"}
    await ask(hub, as_person, "file_use", {**key, "users": {"me": {"edit": 1}}})
    await ask(hub, as_person, "file_use", {**key, "users": {"me": {"read": 2}}})
    rows = await ask(hub, as_person, "file_use", [{"id": None, "path": None, "users": None}])
    assert rows == [
        {
            "id": file_id(project.project_id, "a.md"),
            "path": "a.md",
            "users": {"me": {"edit": 1, "read": 2}},
        }
    ]
    assert "must be the sha1" in await refused(hub, as_person, "file_use", {**key, "id": "0" * 40})
    clock.move(22 * 86_400)
    assert await ask(hub, as_person, "file_use", [{"path": None}]) == []


@pytest.mark.parametrize("table", ["file_use", "listings"])
async def test_what_may_be_deleted(hub: FakeHub, as_person: Principal, as_stranger: Principal, table: str) -> None:
    project = await hub.project(as_person)
    key = {"project_id": project.project_id, "path": "a"}
    await ask(hub, as_person, table, key)
    assert await refused(hub, as_stranger, table, key, {"delete": True}) == "FATAL: user must be an admin"
    assert len(await ask(hub, as_person, table, [{"path": None}])) == 1
    await ask(hub, as_person, table, key, {"delete": True})
    assert await ask(hub, as_person, table, [{"path": None}]) == []


@pytest.mark.parametrize("table", ["projects", "project_log", "public_paths", "accounts"])
async def test_what_may_not_be_deleted(hub: FakeHub, as_person: Principal, table: str) -> None:
    words = f"FATAL: delete from {table} not allowed"
    assert await refused(hub, as_person, table, {"path": "a"}, {"delete": True}) == words


async def test_listings_keep_what_was_seen(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project = await hub.project(as_person)
    key = {"project_id": project.project_id, "path": "week1"}
    now = iso_milliseconds(clock.now())
    await ask(hub, as_person, "listings", {**key, "time": now, "listing": [{"name": "a"}]})
    await ask(hub, as_person, "listings", {**key, "interest": now})
    fields = dict.fromkeys(("listing", "time", "interest", "error"))
    assert await ask(hub, as_person, "listings", {**key, **fields}) == {
        **key,
        "listing": [{"name": "a"}],
        "time": now,
        "interest": now,
        "error": None,
    }
    for path in ("../out", "/etc", 5):
        assert await refused(hub, as_person, "listings", {**key, "path": path})


async def test_the_people_one_works_with(
    hub: FakeHub,
    database: Database,
    as_person: Principal,
    as_stranger: Principal,
    as_admin: Principal,
    clock: MovingClock,
) -> None:
    shared, own = await hub.project(as_person), await hub.project(as_person)
    account_id = as_stranger.account_id or UNKNOWN
    await database.write(
        lambda tx: collaborators.put(tx, shared.project_id, account_id, Role.COLLABORATOR, {}, clock.now())
    )
    for principal, count in ((as_person, 2), (as_stranger, 2), (as_admin, 0)):
        people = await ask(hub, principal, "collaborators", [{"account_id": None, "first_name": None}])
        assert len(people) == count
    one = [{"project_id": own.project_id, "account_id": None}]
    assert await ask(hub, as_person, "collaborators_one_project", one) == [
        {"project_id": own.project_id, "account_id": as_person.account_id}
    ]
    words = "FATAL: must specify project_id"
    assert await refused(hub, as_person, "collaborators_one_project", [{"account_id": None}]) == words
    words = "FATAL: user set queries not allowed for table 'collaborators'"
    assert await refused(hub, as_person, "collaborators", {"account_id": account_id}) == words


async def test_any_project_is_shown_to_administrators_who_name_it(
    hub: FakeHub, as_person: Principal, as_admin: Principal
) -> None:
    project = await hub.project(as_person, "Homework")
    fields = {"project_id": project.project_id, "title": None}
    assert (await ask(hub, as_admin, "projects_admin", fields))["title"] == "Homework"
    assert await refused(hub, as_person, "projects_admin", fields) == "FATAL: user must be an admin"
    assert await refused(hub, as_admin, "projects_admin", {"title": None}) == "FATAL: must specify project_id"
    assert await ask(hub, as_admin, "projects_admin", [{"project_id": UNKNOWN, "title": None}]) == []


async def test_tokens_are_hidden_from_viewers(
    hub: FakeHub, database: Database, as_person: Principal, as_stranger: Principal, clock: MovingClock
) -> None:
    project, other = await hub.project(as_person), await hub.project(as_person)
    token = {"token": "a-token-of-twenty-ch", "project_id": project.project_id}
    await ask(hub, as_person, "project_invite_tokens", token)
    account_id = as_stranger.account_id or UNKNOWN
    await database.write(lambda tx: collaborators.put(tx, project.project_id, account_id, Role.VIEWER, {}, clock.now()))
    asked = [{"project_id": project.project_id, "token": None, "counter": None}]
    assert await ask(hub, as_person, "project_invite_tokens", asked) == [{**token, "counter": 0}]
    assert await ask(hub, as_stranger, "project_invite_tokens", asked) == []
    assert "taken" in await refused(hub, as_person, "project_invite_tokens", {**token, "project_id": other.project_id})
    assert "16 to 64" in await refused(hub, as_person, "project_invite_tokens", {**token, "token": "short"})
    for uses in (2**31, 10**30, -1):
        assert "a number of uses" in await refused(
            hub, as_person, "project_invite_tokens", {**token, "usage_limit": uses}
        )


@pytest.mark.parametrize("table", ["copy_paths", "api_keys", "auth_tokens", "client_error_log"])
async def test_records_that_are_nobodys_to_query(hub: FakeHub, as_admin: Principal, table: str) -> None:
    words = f"FATAL: get queries not allowed for table '{table}'"
    assert await refused(hub, as_admin, table, [{"id": None}]) == words
    words = f"FATAL: user set queries not allowed for table '{table}'"
    assert await refused(hub, as_admin, table, {"id": "x"}) == words


async def test_a_project_key_reads_the_log_of_its_project_only(hub: FakeHub, as_person: Principal) -> None:
    project, other = await hub.project(as_person), await hub.project(as_person)
    for one in (project, other):
        await ask(hub, as_person, "project_log", {"project_id": one.project_id, "event": {"in": one.project_id}})
    key = Principal(key_project_id=project.project_id)
    rows = await ask(hub, key, "project_log", [{"event": None}])
    assert rows == [{"event": {"in": project.project_id}}]
    asked = [{"project_id": other.project_id, "event": None}]
    assert await refused(hub, key, "project_log", asked) == NO_ACCESS


async def test_accounts_have_every_field_that_clients_ask_for(hub: FakeHub, as_person: Principal) -> None:
    fields = dict.fromkeys(("tours", "email_address_problem", "balance", "sign_up_usage_intent", "locked"))
    await ask(hub, as_person, "accounts", {"tours": ["first"]})
    assert await ask(hub, as_person, "accounts", fields) == {**fields, "tours": ["first"]}
