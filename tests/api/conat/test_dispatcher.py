"""Names, arguments, keys and errors at the official client's door."""

import httpx
import pytest

from studiolo.core.models import Role, Scope

pytestmark = pytest.mark.anyio


async def test_the_answer_is_the_bare_result(hub, as_owner, clock):
    assert await hub(as_owner.key, "system.ping", {}) == {"now": int(clock.now().timestamp() * 1000)}
    project_id = await hub(as_owner.key, "projects.createProject", {"title": "Homework"})
    assert isinstance(project_id, str)
    assert await hub(as_owner.key, "projects.stop", {"project_id": project_id}) is None


async def test_an_error_is_an_answer(hub, as_owner):
    answer = await hub(as_owner.key, "projects.state", {"project_id": "nothing"})
    assert answer["code"] == "project_not_found"
    assert "does not have read access" in answer["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "unknown function 'None'"),
        (b'{"name": "system.reboot", "args": []}', "unknown function 'system.reboot'"),
        (b'{"name": "system.ping", "args": {}}', "args must be a list"),
        (b'{"name": "projects.state", "args": [{}]}', "project_id must be specified"),
        (b'{"name": "projects.state", "args": [{"project_id": 5}]}', "parameter 'project_id' must be a string"),
        (b"[]", "The JSON body must be an object."),
        (b"no", "The body is not valid JSON."),
    ],
)
async def test_what_is_not_a_call_is_refused_in_words(door: httpx.AsyncClient, as_owner, body, words):
    response = await door.post("/api/conat/hub", auth=(as_owner.key, ""), content=body)
    assert response.status_code == 200
    assert response.json()["error"] == words


async def test_a_key_is_needed_and_a_cookie_is_none(door: httpx.AsyncClient, services, as_owner, hub):
    _, secret = await services.sign_ins.sign_in("owner@example.edu", "owner-password")
    cookie = {"Cookie": f"__Host-studiolo-sign-in={secret}"}
    response = await door.post("/api/conat/hub", json={"name": "system.ping", "args": [{}]}, headers=cookie)
    assert response.json()["code"] == "unauthenticated"
    assert (await hub("sk-wrong", "system.ping", {}))["code"] == "api_key_invalid"
    assert (await hub("", "system.ping", {}))["code"] == "api_key_invalid"


async def test_arguments_may_be_given_by_position_or_inside_opts(hub, as_owner, as_stranger, project_id):
    names = await hub(as_owner.key, "system.getNames", [as_owner.account_id, "nobody"])
    assert names == {as_owner.account_id: {"first_name": "Owner", "last_name": "Example", "profile": None}}
    given = {"opts": {"project_id": project_id, "account_id": as_stranger.account_id}}
    assert await hub(as_owner.key, "projects.addCollaborator", given) is None
    assert (await hub(as_stranger.key, "projects.state", {"project_id": project_id}))["state"] == "opened"
    assert await hub(as_owner.key, "projects.removeCollaborator", given) is None
    assert "error" in await hub(as_stranger.key, "projects.state", {"project_id": project_id})


async def test_an_empty_object_is_no_argument_by_position(hub, as_owner):
    assert (await hub(as_owner.key, "system.getCustomize", {}))["siteName"] == "Studiolo"
    assert (await hub(as_owner.key, "system.getCustomize", ["siteName"])) == {"siteName": "Studiolo"}


async def test_a_projects_own_key_opens_its_project_and_nothing_else(
    hub, project, services, as_owner, project_id, other_project_id
):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    assert (await hub(key, "system.test", {}))["code"] == "forbidden"
    assert (await project(key, "system.test"))["project_id"] == project_id
    assert (await project(key, "system.exec", {"command": "echo", "args": ["hi"]}))["stdout"] == "hi\n"
    assert "error" in await project(key, "system.test", project_id=other_project_id)


async def test_an_accounts_key_names_the_project(project, as_owner, as_stranger, project_id):
    assert (await project(as_owner.key, "system.ping", {}))["error"] == "project_id must be specified"
    assert "now" in await project(as_owner.key, "system.ping", {}, project_id=project_id)
    assert "error" in await project(as_stranger.key, "system.ping", {}, project_id=project_id)


async def test_an_auth_token_stands_in_for_a_key_but_makes_no_keys_and_no_tokens(hub, services, as_admin):
    token = await services.auth_tokens.mint(as_admin.principal, account_id=as_admin.account_id, password="")
    assert (await hub(token, "system.test", {}))["account_id"] == as_admin.account_id
    assert await hub(token, "messages.get", {}) == []
    for name, given in (
        ("system.manageApiKeys", {"action": "create"}),
        ("org.createToken", {"user": as_admin.account_id}),
        ("org.createUser", {"name": "x", "email": "y@example.edu"}),
        ("system.generateUserAuthToken", {"user_account_id": as_admin.account_id}),
    ):
        assert (await hub(token, name, given))["code"] == "forbidden"


async def test_a_narrowed_auth_token_stays_narrow(hub, services, as_owner, project_id, other_project_id):
    token = await services.auth_tokens.mint(
        as_owner.principal,
        account_id=as_owner.account_id,
        password="owner-password",
        scope=Scope(project_id=project_id, is_read_only=True),
    )
    assert (await hub(token, "projects.state", {"project_id": project_id}))["state"] == "opened"
    assert "error" in await hub(token, "projects.state", {"project_id": other_project_id})
    assert "error" in await hub(token, "projects.stop", {"project_id": project_id})


async def test_limits_come_in_milliseconds_beside_the_arguments(project, runner, as_owner, project_id):
    await project(as_owner.key, "system.exec", {"command": "echo"}, project_id=project_id, timeout=4000)
    await project(
        as_owner.key, "system.exec", {"command": "echo", "env": {"A": 1}, "cwd": "/tmp"}, project_id=project_id
    )
    first, second = runner.agent(project_id).calls_of("exec.run")
    assert first["timeout_seconds"] == 4
    assert (second["environment"], second["path"], second["timeout_seconds"]) == ({"A": "1"}, "/tmp", 10)


async def test_a_project_is_deleted_by_its_owner_only(hub, as_owner, as_stranger, add_person, project_id):
    await add_person(project_id, as_stranger, Role.COLLABORATOR)
    assert (await hub(as_stranger.key, "projects.deleteProject", {"project_id": project_id}))["code"] == "role_too_low"
    assert await hub(as_owner.key, "projects.deleteProject", {"project_id": project_id}) is None
    assert "error" in await hub(as_owner.key, "projects.state", {"project_id": project_id})
    found = await hub(
        as_owner.key, "db.userQuery", {"query": {"projects_all": [{"project_id": project_id, "deleted": None}]}}
    )
    assert found["projects_all"] == [{"project_id": project_id, "deleted": True}]


async def test_an_administrator_hands_out_a_link_that_sets_a_password_once(hub, as_admin, as_owner, as_stranger):
    whose = {"user_account_id": as_owner.account_id}
    assert (await hub(as_stranger.key, "system.adminResetPasswordLink", whose))["code"] == "forbidden"
    nobody = {"user_account_id": "00000000-0000-4000-8000-000000000000"}
    assert (await hub(as_admin.key, "system.adminResetPasswordLink", nobody))["code"] == "not_found"
    link = await hub(as_admin.key, "system.adminResetPasswordLink", whose)
    address, _, code = link.partition("?code=")
    assert address.startswith("http")
    assert address.endswith("/reset-password")
    given = {"reset_code": code, "new_password": "another-password"}
    assert (await as_stranger.call("reset_forgot_password", **given))["error"] is False
    assert (await as_stranger.call("reset_forgot_password", **given))["error"]
    given = {"account_id": as_owner.account_id, "password": "another-password"}
    assert (await as_owner.call("user_auth", **given))["event"] == "user_auth_token"
    await as_admin.call("ban_account", account_id=as_owner.account_id)
    assert (await hub(as_admin.key, "system.adminResetPasswordLink", whose))["code"] == "conflict"


async def test_the_status_of_a_stopped_project_leaves_it_stopped(hub, as_owner, project_id):
    given = {"project_id": project_id}
    assert (await hub(as_owner.key, "projects.status", given))["state"] == "opened"
    assert (await hub(as_owner.key, "projects.state", given))["state"] == "opened"
    await hub(as_owner.key, "projects.start", given)
    status = await hub(as_owner.key, "projects.status", given)
    assert status["state"] == "running"
    assert status["project"] == {"pid": 1}
    assert status["memory"]["rss"] == 1
    assert status["disk_MB"] == 3
