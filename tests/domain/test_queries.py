import itertools
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, RoleTooLow, RunnerUnavailable, TooLarge
from studiolo.core.models import ANONYMOUS, Account, Collaborator, Principal, ProjectState, Role, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.core.settings_sources import load_settings
from studiolo.domain.query_language import deep_merge, is_like
from studiolo.storage import collaborators
from studiolo.storage import projects as rows
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FailsToStartRunner, FakeRunner

pytestmark = pytest.mark.anyio

UNKNOWN = "11111111-1111-4111-8111-111111111111"


async def ask(hub: FakeHub, principal: Principal, query: Any, *options: Any) -> Any:
    return await hub.services.queries.run(principal, query, list(options) or None)


async def refused(hub: FakeHub, principal: Principal, query: Any, *options: Any) -> str:
    with pytest.raises((InvalidRequest, Forbidden, NotFound, Conflict, TooLarge)) as error:
        await ask(hub, principal, query, *options)
    return error.value.message


async def test_one_project_is_asked_for(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project = await hub.services.projects.create(as_person, "Homework", "Curves")
    fields = {
        "project_id": project.project_id,
        "title": None,
        "users": None,
        "created": None,
        "deleted": None,
        "name": None,
    }
    assert await ask(hub, as_person, {"projects": fields}) == {
        "projects": {
            "project_id": project.project_id,
            "title": "Homework",
            "users": {as_person.account_id: {"group": "owner"}},
            "created": iso_milliseconds(clock.now()),
            "deleted": None,
            "name": None,
        }
    }


async def test_a_list_leaves_nulls_out_and_shows_the_newest_first(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, clock: MovingClock
) -> None:
    for title in ("one", "two"):
        await hub.project(as_person, title)
        clock.move(1)
    await hub.project(as_stranger, "another's")
    answer = await ask(hub, as_person, {"projects": [{"title": None, "deleted": None}]})
    assert answer == {"projects": [{"title": "two"}, {"title": "one"}]}


async def test_no_match_is_an_empty_answer(hub: FakeHub, as_person: Principal) -> None:
    assert await ask(hub, as_person, {"projects": {"title": None}}) == {}
    assert await ask(hub, as_person, {"projects": [{"title": None}]}) == {"projects": []}


async def test_state_and_quotas_have_the_historical_shape(
    hub: FakeHub, database: Database, as_person: Principal
) -> None:
    project = await hub.project(as_person)
    await database.write(lambda tx: rows.change(tx, project.project_id, {"limits": {"memory_mb": 99}}))
    answer = await ask(
        hub, as_person, {"projects": {"project_id": project.project_id, "state": None, "settings": None}}
    )
    assert answer["projects"]["state"]["state"] == "opened"
    assert answer["projects"]["settings"]["memory"] == 99
    assert answer["projects"]["settings"]["disk_quota"] == load_settings().disk_mb


@pytest.mark.parametrize(
    ("condition", "titles"),
    [
        ({"=": "beta"}, ["beta"]),
        ({"==": "beta"}, ["beta"]),
        ({"!=": "beta"}, ["alpha", "Gamma 100%"]),
        ({"<>": "beta"}, ["alpha", "Gamma 100%"]),
        ({">=": "alpha", "<": "beta"}, ["alpha"]),
        ({"<=": "Z"}, ["Gamma 100%"]),
        ({">": "alpha"}, ["beta"]),
        ({"LIKE": "%a"}, ["alpha", "beta"]),
        ({"like": "_eta"}, ["beta"]),
        ({"LIKE": "g%"}, []),
        ({"ILIKE": "g%"}, ["Gamma 100%"]),
        ({"LIKE": "%100\\%"}, ["Gamma 100%"]),
        ({"NOT LIKE": "%a"}, ["Gamma 100%"]),
        ({"NOT ILIKE": "G%"}, ["alpha", "beta"]),
        ({"IS": "beta"}, ["beta"]),
        ({"IS NOT": None}, ["alpha", "beta", "Gamma 100%"]),
        ({"=": 5}, []),
        ({"<": 5}, []),
        ({"LIKE": 5}, []),
    ],
)
async def test_operators(
    hub: FakeHub, as_person: Principal, clock: MovingClock, condition: dict[str, Any], titles: list[str]
) -> None:
    for title in ("alpha", "beta", "Gamma 100%"):
        await hub.project(as_person, title)
        clock.move(1)
    answer = await ask(hub, as_person, {"projects_all": [{"title": condition, "state": None}]}, {"order_by": "created"})
    assert [row["title"] for row in answer["projects_all"]] == titles


async def test_moments_are_compared_as_moments(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    await hub.project(as_person, "old")
    clock.move(3 * 86400)
    await hub.project(as_person, "new")
    for since in ({"relative_time": 2, "unit": "days"}, iso_milliseconds(clock.now() - timedelta(days=2))):
        answer = await ask(hub, as_person, {"projects": [{"title": None, "created": {">": since}}]})
        assert [row["title"] for row in answer["projects"]] == ["new"]
    exact = await ask(hub, as_person, {"projects": [{"title": None, "created": "{now}"}]})
    assert [row["title"] for row in exact["projects"]] == ["new"]


async def test_options(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    for title, description in (("a", "2"), ("b", "1"), ("c", "1")):
        await hub.services.projects.create(as_person, title, description)
        clock.move(1)

    async def titles(*options: Any) -> list[str]:
        answer = await ask(hub, as_person, {"projects": [{"title": None}]}, *options)
        return [row["title"] for row in answer["projects"]]

    assert await titles({"order_by": "title"}) == ["a", "b", "c"]
    assert await titles({"order_by": "-title"}, {"limit": 2}) == ["c", "b"]
    assert await titles({"order_by": "description"}, {"order_by": "-title"}) == ["c", "b", "a"]
    assert await titles({"order_by": "created"}, {"limit": "1"}) == ["a"]
    assert await titles({"limit": 0}) == []
    assert await titles({"only_changes": True}) == ["c", "b", "a"]
    single = await ask(hub, as_person, {"projects": {"title": None}}, {"order_by": "-title"})
    assert single == {"projects": {"title": "c"}}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"slice": [1]}, "slice not implemented"),
        ({"x": 1}, "unknown option 'x'"),
        ({"limit": "many"}, "invalid limit 'many'"),
        ({"limit": -1}, "invalid limit '-1'"),
        ({"order_by": 5}, "order_by must be the name of a field"),
        ({"order_by": "secret"}, "FATAL: user get query not allowed for projects.secret"),
        ({"order_by": "state"}, "FATAL: cannot order by 'state'"),
        ("limit", "options must be an array of objects"),
    ],
)
async def test_wrong_options(hub: FakeHub, as_person: Principal, clock: MovingClock, option: Any, message: str) -> None:
    for _ in range(2):
        await hub.project(as_person)
        clock.move(1)
    assert await refused(hub, as_person, {"projects": [{"title": None}]}, option) == message


async def test_options_must_be_a_list(hub: FakeHub, as_person: Principal) -> None:
    with pytest.raises(InvalidRequest, match="options must be an array of objects"):
        await hub.services.queries.run(as_person, {"projects": [{"title": None}]}, {"limit": 1})


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "FATAL: must specify exactly one key in the query"),
        ("projects", "FATAL: must specify exactly one key in the query"),
        ({"projects": {}, "accounts": {}}, "FATAL: must specify exactly one key in the query"),
        ({"projects": [{}, {}]}, "FATAL: array of length > 1 not yet implemented"),
        ({"projects": []}, "FATAL: invalid user_query of 'projects' -- query must be an object"),
        ({"projects": 5}, "FATAL: invalid user_query of 'projects' -- query must be an object"),
        ({"projects": [None]}, "FATAL: invalid user_query of 'projects' -- query must be an object"),
        ({"nothing": {"a": None}}, "FATAL: get queries not allowed for table 'nothing'"),
        ({"nothing": {"a": 1}}, "FATAL: table 'nothing' does not exist"),
        ({"projects": {"uid": None}}, "FATAL: user get query not allowed for projects.uid"),
        ({"accounts": {"password_hash": None}}, "FATAL: user get query not allowed for accounts.password_hash"),
        ({"projects": {"title": {"~": "x"}, "name": None}}, "FATAL: unknown operator '~'"),
        ({"accounts": {"created": {">": "soon"}, "first_name": None}}, "FATAL: 'soon' is not a date"),
        ({"projects": {"title": {"=": {}}, "name": None}}, "FATAL: a value to compare with must not be an object"),
        (
            {"projects": {"created": {">": {"relative_time": 1e300, "unit": "years"}}, "name": None}},
            "FATAL: relative_time is out of range",
        ),
        ({"projects": {"title": "x"}}, "FATAL: query must specify project_id"),
        ({"projects": {"project_id": UNKNOWN, "title": None}}, "FATAL: you do not have read access to this project"),
        ({"projects": {"project_id": [1], "title": None}}, "FATAL: you do not have read access to this project"),
        ({"projects": {"project_id": UNKNOWN, "title": "x"}}, f"FATAL: unknown project_id '{UNKNOWN}'"),
        ({"projects": {"project_id": "x", "title": "x"}}, "FATAL: unknown project_id 'x'"),
        ({"projects": {"project_id": UNKNOWN, "uid": 1}}, "FATAL: changing projects.uid not allowed"),
        ({"accounts": {"email_address": "a@b.c"}}, "FATAL: changing accounts.email_address not allowed"),
        ({"accounts": {"first_name": 5}}, "FATAL: invalid value for accounts.first_name -- must be str"),
        ({"accounts": {"autosave": True}}, "FATAL: invalid value for accounts.autosave -- must be int or float"),
        (
            {"accounts": {"first_name": "www.example.com"}},
            "FATAL: first_name not valid: URLs are not allowed. Found www.example.com",
        ),
    ],
)
async def test_wrong_queries(hub: FakeHub, as_person: Principal, query: Any, message: str) -> None:
    assert await refused(hub, as_person, query) == message


async def test_others_projects_stay_unseen_by_strangers_and_admins(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, as_admin: Principal
) -> None:
    project = await hub.project(as_person, "mine")
    query = {"projects": {"project_id": project.project_id, "title": None}}
    for other in (as_stranger, as_admin, ANONYMOUS):
        assert await refused(hub, other, query) == "FATAL: you do not have read access to this project"
        assert await ask(hub, other, {"projects_all": [{"title": None}]}) == {"projects_all": []}
    narrowed = replace(as_person, scope=Scope(project_id=UNKNOWN))
    assert await refused(hub, narrowed, query) == "FATAL: you do not have read access to this project"


async def test_a_projects_own_key_sees_that_project_only(hub: FakeHub, as_person: Principal) -> None:
    project, other = await hub.project(as_person, "mine"), await hub.project(as_person, "other")
    key = Principal(key_project_id=project.project_id)
    assert await ask(hub, key, {"projects": [{"title": None}]}) == {"projects": [{"title": "mine"}]}
    assert await ask(hub, key, {"projects": {"project_id": "{project_id}", "title": "new"}}) == {}
    assert await ask(hub, key, {"projects": {"title": None}}) == {"projects": {"title": "new"}}
    assert await ask(hub, key, {"accounts": {"first_name": None}}) == {}
    assert "no" in await refused(hub, key, {"projects": {"project_id": other.project_id, "title": None}})
    assert await refused(hub, key, {"accounts": {"first_name": "x"}}) == (
        "FATAL: only an account may change its own settings"
    )


async def test_several_queries_stop_at_the_first_error(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person, "old")
    change = {"projects": {"project_id": project.project_id, "title": "new"}}
    get = {"projects": {"project_id": project.project_id, "title": None}}
    both = await ask(hub, as_person, [change, get])
    assert both == [{}, {"projects": {"project_id": project.project_id, "title": "new"}}]
    later = {"projects": {"project_id": project.project_id, "title": "never"}}
    await refused(hub, as_person, [{"nothing": {"a": None}}, later])
    assert (await ask(hub, as_person, get))["projects"]["title"] == "new"


async def test_setting_merges_deeply_and_checks_types(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project = await hub.project(as_person)
    clock.move(10)

    async def change(**values: Any) -> None:
        assert await ask(hub, as_person, {"projects": {"project_id": project.project_id, **values}}) == {}

    await change(env={"A": "1", "B": {"x": 1}}, name="curves")
    await change(env={"B": {"y": 2}}, title="T", description="D", deleted=False)
    fields = {"project_id": project.project_id, "env": None, "name": None, "title": None, "last_edited": None}
    assert (await ask(hub, as_person, {"projects": fields}))["projects"] == {
        "project_id": project.project_id,
        "env": {"A": "1", "B": {"x": 1, "y": 2}},
        "name": "curves",
        "title": "T",
        "last_edited": iso_milliseconds(clock.now()),
    }
    for field, value in (
        ("title", 5),
        ("title", "a\0"),
        ("env", "x"),
        ("env", {"A": "\0"}),
        ("env", {"A": "x" * 10**6}),
    ):
        assert await refused(hub, as_person, {"projects": {"project_id": project.project_id, field: value}})


async def test_only_writers_set_and_nothing_is_deleted(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, as_admin: Principal
) -> None:
    project = await hub.project(as_person)
    change = {"projects": {"project_id": project.project_id, "title": "x"}}
    assert await refused(hub, as_stranger, change) == "FATAL: user must be an admin"
    assert await refused(hub, as_person, change, {"delete": True}) == "FATAL: delete from projects not allowed"
    reader = replace(as_person, scope=Scope(is_read_only=True))
    assert await refused(hub, reader, change) == "FATAL: this sign-in may only read"
    assert await ask(hub, as_admin, change) == {}


async def test_set_and_get_can_be_forced(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person, "kept")
    fields = {"project_id": project.project_id, "title": "kept"}
    assert await ask(hub, as_person, {"projects": fields}, {"set": False}) == {"projects": fields}


async def test_deleting_a_project_stops_it_and_it_can_come_back(
    hub: FakeHub, database: Database, as_person: Principal
) -> None:
    project = await hub.project(as_person)
    await hub.services.projects.start(as_person, project.project_id)
    await ask(hub, as_person, {"projects": {"project_id": project.project_id, "deleted": True}})
    assert hub.runner.alive == set()
    with pytest.raises(NotFound):
        await hub.services.files.read_text(as_person, project.project_id, "x")
    shown = await ask(hub, as_person, {"projects": {"project_id": project.project_id, "deleted": None}})
    assert shown["projects"]["deleted"] is True
    await ask(hub, as_person, {"projects": {"project_id": project.project_id, "deleted": False}})
    await hub.services.projects.start(as_person, project.project_id)


async def test_actions_are_carried_out(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project = await hub.project(as_person)

    async def act(action: str) -> tuple[str, dict[str, Any]]:
        request = {"action": action, "time": iso_milliseconds(clock.now())}
        await ask(hub, as_person, {"projects": {"project_id": project.project_id, "action_request": request}})
        fields = {"project_id": project.project_id, "state": None, "action_request": None}
        found = (await ask(hub, as_person, {"projects": fields}))["projects"]
        return found["state"]["state"], found["action_request"]

    now = iso_milliseconds(clock.now())
    assert await act("start") == ("running", {"action": "start", "started": now, "finished": now})
    assert (await act("restart"))[0] == "running"
    assert len(hub.runner.started) == 2
    assert (await act("stop"))[0] == "opened"
    close = {"projects": {"project_id": project.project_id, "action_request": {"action": "close"}}}
    assert await refused(hub, as_person, close) == "FATAL: action 'close' not implemented"


async def test_an_action_that_fails_says_so(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with fake_hub(settings, database, clock, secret_source, runner=FailsToStartRunner) as hub:
        project = await hub.project(as_person)
        start = {"projects": {"project_id": project.project_id, "action_request": {"action": "start"}}}
        with pytest.raises(RunnerUnavailable):
            await ask(hub, as_person, start)
        fields = {"project_id": project.project_id, "action_request": None}
        found = (await ask(hub, as_person, {"projects": fields}))["projects"]["action_request"]
        assert found["err"] == "There is no room for another project."


async def test_an_owner_shares_changes_and_takes_back(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, stranger: Account
) -> None:
    project = await hub.project(as_person)
    other = stranger.account_id

    async def share(value: Any, *options: Any) -> list[Collaborator]:
        change = {"projects": {"project_id": project.project_id, "users": {other: value}}}
        await ask(hub, as_person, change, *options)
        found = await hub.services.projects.get(as_person, project.project_id)
        return [one for one in found.collaborators if one.account_id == other]

    [added] = await share({"group": "collaborator"})
    assert (added.account_id, added.role) == (other, Role.COLLABORATOR)
    [hidden] = await share({"hide": True})
    assert (hidden.role, hidden.details) == (Role.COLLABORATOR, {"hide": True})
    assert await share(None, {"set": True}) == []


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ({"x": {"group": "owner"}}, "FATAL: invalid account_id 'x'"),
        ({UNKNOWN: {"group": "owner"}}, f"FATAL: unknown account_id '{UNKNOWN}'"),
        ({UNKNOWN: {"group": "king"}}, "FATAL: invalid value for field 'group'"),
        ({UNKNOWN: {"hide": True}}, "FATAL: invalid value for field 'group'"),
        ({UNKNOWN: {"hide": "yes"}}, "FATAL: invalid value for field 'hide'"),
        ({UNKNOWN: {"power": 1}}, "FATAL: unknown field 'power'"),
        ({UNKNOWN: 5}, "FATAL: invalid value for field 'users'"),
    ],
)
async def test_wrong_users(hub: FakeHub, as_person: Principal, users: Any, message: str) -> None:
    project = await hub.project(as_person)
    change = {"projects": {"project_id": project.project_id, "users": users}}
    assert await refused(hub, as_person, change) == message


async def test_a_collaborator_cannot_take_the_project_over(
    hub: FakeHub,
    database: Database,
    clock: MovingClock,
    as_person: Principal,
    as_stranger: Principal,
    stranger: Account,
    person: Account,
    admin: Account,
) -> None:
    project, me, owner = await hub.project(as_person), stranger.account_id, person.account_id
    now = clock.now()
    await database.write(lambda tx: collaborators.put(tx, project.project_id, me, Role.COLLABORATOR, {}, now))
    for users in ({me: {"group": "owner"}}, {owner: {"group": "viewer"}}, {admin.account_id: {"group": "owner"}}):
        with pytest.raises(RoleTooLow):
            await ask(hub, as_stranger, {"projects": {"project_id": project.project_id, "users": users}})
    remove = {"projects": {"project_id": project.project_id, "users": {owner: None}}}
    with pytest.raises(RoleTooLow):
        await ask(hub, as_stranger, remove, {"set": True})
    upgrades = {"projects": {"project_id": project.project_id, "users": {owner: {"upgrades": {"cores": 9}}}}}
    assert await refused(hub, as_stranger, upgrades) == (
        f"FATAL: user '{me}' tried to change user '{owner}' allocation toward a project"
    )
    leave = {"projects": {"project_id": project.project_id, "users": {me: None}}}
    await ask(hub, as_stranger, leave, {"set": True})
    assert (await hub.services.projects.get(as_person, project.project_id)).role_of(me) is None


async def test_a_project_keeps_an_owner(hub: FakeHub, as_person: Principal, as_admin: Principal) -> None:
    project = await hub.project(as_person)
    for value in (None, {"group": "viewer"}):
        change = {"projects": {"project_id": project.project_id, "users": {as_person.account_id: value}}}
        for who in (as_person, as_admin):
            assert await refused(hub, who, change, {"set": True}) == "FATAL: a project must keep an owner"


async def test_ones_own_account_is_read_and_changed(
    hub: FakeHub, as_person: Principal, person: Account, stranger: Account
) -> None:
    settings = {"editor_settings": {"theme": "dark", "extra": {"a": 1}}, "first_name": "Ada"}
    assert await ask(hub, as_person, {"accounts": {"account_id": stranger.account_id, **settings}}) == {}
    await ask(hub, as_person, {"accounts": {"editor_settings": {"extra": {"b": 2}}}})
    fields = [
        "account_id",
        "email_address",
        "first_name",
        "editor_settings",
        "autosave",
        "groups",
        "passports",
        "profile",
    ]
    found = (await ask(hub, as_person, {"accounts": dict.fromkeys(fields)}))["accounts"]
    assert found.pop("editor_settings")["extra"] == {"a": 1, "b": 2}
    assert found == {
        "account_id": person.account_id,
        "email_address": person.email_address,
        "first_name": "Ada",
        "autosave": 45,
        "groups": [],
        "passports": {},
        "profile": {},
    }


async def test_a_foreign_account_is_not_found(hub: FakeHub, as_person: Principal, stranger: Account) -> None:
    query = {"accounts": {"account_id": stranger.account_id, "first_name": None}}
    assert await ask(hub, as_person, query) == {}
    own = await ask(hub, as_person, {"accounts": {"account_id": "{account_id}", "first_name": None}})
    assert own["accounts"]["account_id"] == as_person.account_id


@pytest.mark.parametrize("scope", [Scope(path_prefix="a"), Scope(may_start=False)])
async def test_a_narrowed_sign_in_changes_no_account(hub: FakeHub, as_person: Principal, scope: Scope) -> None:
    narrowed = replace(as_person, scope=scope)
    words = "This sign-in is good for documents only."
    assert await refused(hub, narrowed, {"accounts": {"first_name": "x"}}) == words
    assert await refused(hub, narrowed, {"accounts": {"first_name": None}}) == words


async def test_the_rule_of_21_days_is_off_unless_it_is_set(
    database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    for days, shown in ((0, ["old"]), (21, [])):
        settings = load_settings(projects_query_days=days)
        async with fake_hub(settings, database, clock, secret_source, runner=FakeRunner) as hub:
            if days == 0:
                await hub.project(as_person, "old")
                clock.move(22 * 86400)
            answer = await ask(hub, as_person, {"projects": [{"title": None}]})
            assert [row["title"] for row in answer["projects"]] == shown
            whole = await ask(hub, as_person, {"projects_all": [{"title": None}]})
            assert len(whole["projects_all"]) == 1


async def test_projects_lists_a_hundred_and_projects_all_every_one(hub: FakeHub, as_person: Principal) -> None:
    for number in range(102):
        await hub.project(as_person, str(number))
    assert len((await ask(hub, as_person, {"projects": [{"title": None}]}))["projects"]) == 100
    assert len((await ask(hub, as_person, {"projects_all": [{"title": None}]}))["projects_all"]) == 102


async def test_a_pattern_of_many_stars_is_quick() -> None:
    assert not is_like("a" * 5_000, "%a" * 500 + "b", ignore_case=True)
    assert is_like("a" * 5_000, "%a" * 500 + "%", ignore_case=False)


async def test_looking_for_a_pattern_in_a_long_text_holds_nobody_up(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.services.projects.create(as_person, "Homework", "a" * 100_000)
    for pattern, said in (
        ("%" + "a" * 990 + "b%", None),
        ("%" + "_a" * 490 + "b%", "a pattern with _ after % is too long"),
        ("%" + "a" * 50_000 + "b%", "a pattern has at most 1000 characters"),
    ):
        query = {"projects": {"project_id": project.project_id, "description": {"like": pattern}}}
        began = time.process_time()
        if said is None:
            assert await ask(hub, as_person, query, {"set": False}) == {}
        else:
            assert said in await refused(hub, as_person, query, {"set": False})
        assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "pattern", "is_fit"),
    [
        ("a.c+d\ne", "%c_d_e", True),
        ("a.c+d\ne", "%.c%d%", True),
        ("abc", "%.c", False),
        ("abc", "%_._%", False),
        ("aXbYb", "a%_b%_b", True),
        ("ab", "%_%_%_%", False),
    ],
)
def test_a_pattern_means_its_characters_and_nothing_more(text: str, pattern: str, is_fit: bool) -> None:
    assert is_like(text, pattern, ignore_case=False) is is_fit


async def test_a_query_has_so_many_options_and_conditions_and_no_more(hub: FakeHub, as_person: Principal) -> None:
    query = {"projects": [{"title": None}]}
    assert await ask(hub, as_person, query, *[{"order_by": "title"}] * 100) == {"projects": []}
    assert "at most 100 objects" in await refused(hub, as_person, query, *[{"order_by": "title"}] * 101)
    spellings = ["".join(letters) for letters in itertools.product("nN", "oO", "tT", [" "], "lL", "iI", "kK", "eE")]
    many = {"projects": [{"title": dict.fromkeys(spellings, "%"), "state": None}]}
    assert "at most 100 conditions" in await refused(hub, as_person, many)


async def test_merging_keeps_what_is_not_named() -> None:
    assert deep_merge({"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}, "d": 3}) == {"a": {"b": 1, "c": [2]}, "d": 3}


async def test_the_state_is_told_while_it_changes(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    await hub.services.projects.start(as_person, project.project_id)
    await hub.runner.kill(project.project_id)
    await hub.services.projects.adopt_all()
    found = await hub.services.projects.get(as_person, project.project_id)
    assert found.state is ProjectState.OPENED
    answer = await ask(hub, as_person, {"projects": {"project_id": project.project_id, "state": None}})
    assert answer["projects"]["state"]["error"] == "The project ended by itself."


@pytest.mark.parametrize("is_nested", [True, False])
async def test_one_call_holds_a_hundred_queries_and_no_more(
    hub: FakeHub, as_person: Principal, is_nested: bool
) -> None:
    many = [{"accounts": {"account_id": None}}] * 101
    words = await refused(hub, as_person, [many[:60], [many[:41]]] if is_nested else many)
    assert words == "FATAL: at most 100 queries fit into one call"
    assert len(await ask(hub, as_person, many[:100])) == 100
