"""Keys with scopes, and tokens, at the official client's door."""

import pytest

from studiolo.core.models import Scope
from studiolo.domain.scopes import Needs
from studiolo.web.call_scopes import need_of
from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio
FREE = (Needs.NOTHING, Needs.INSIDE)
DOCUMENTS_ONLY = "This sign-in is good for documents only."


@pytest.fixture
def door_of(hub, project):
    return {"hub": hub, "project": project}


@pytest.mark.parametrize("form", ["hub", "project"])
async def test_a_call_is_refused_to_a_key_without_its_scope_before_its_parameters_are_read(
    form, door_of, as_admin, services
):
    _, key = await services.api_keys.create(as_admin.principal, scopes=["admin"])
    for name, one in every_call().at(form).items():
        answer = await door_of[form](key, name, {}, project_id="x")
        is_missing = isinstance(answer, dict) and answer.get("code") == "scope_missing"
        assert is_missing == (need_of(one.call.name) not in FREE), name


async def test_a_query_is_asked_for_the_scope_of_its_table(hub, as_owner, services):
    _, key = await services.api_keys.create(as_owner.principal, scopes=["projects:read"])
    asked = {"query": {"accounts": {"email_address": None}}}
    assert (await hub(key, "db.userQuery", asked))["code"] == "scope_missing"


async def test_a_token_is_good_at_the_api_for_no_more_than_the_key_that_made_it(hub, project, as_owner, services):
    _, key = await services.api_keys.create(as_owner.principal, scopes=["tokens:mint", "projects:read"])
    minter = as_owner.with_key(key)
    project_id = (await as_owner.call("create_project"))["project_id"]
    token = (await minter.call("mint_auth_token"))["auth_token"]
    assert (await hub(token, "projects.state", {"project_id": project_id}))["state"] == "opened"
    assert (await hub(token, "projects.start", {"project_id": project_id}))["code"] == "scope_missing"
    ran = await project(token, "system.exec", {"command": "ls"}, project_id=project_id)
    assert ran["code"] == "scope_missing"


async def test_a_token_narrowed_to_a_project_reaches_its_project_only(hub, project, as_owner, services, runner):
    project_id = (await as_owner.call("create_project"))["project_id"]
    other_id = (await as_owner.call("create_project"))["project_id"]
    runner.agent(project_id).files["a"] = "text"
    token = (await as_owner.call("mint_auth_token", project_id=project_id))["auth_token"]
    read = await project(token, "system.readTextFileFromProject", {"path": "a"}, project_id=project_id)
    assert read == "text"
    for name in ("projects.state", "projects.start", "projects.stop", "projects.touch"):
        assert (await hub(token, name, {"project_id": other_id}))["code"] in ("project_not_found", "not_found"), name
    for name, given in (
        ("projects.createProject", {}),
        ("system.userSearch", {"query": "owner"}),
        ("system.getNames", {"account_ids": [as_owner.account_id]}),
        ("messages.get", {}),
        ("db.userQuery", {"query": {"accounts": {"email_address": None}}}),
        ("db.userQuery", {"query": {"project_invite_tokens": {"project_id": project_id, "token": "t" * 20}}}),
        ("db.userQuery", {"query": {"project_invite_tokens": [{"project_id": project_id, "token": None}]}}),
        ("db.userQuery", {"query": {"public_paths": {"project_id": project_id, "path": "a"}}}),
        ("projects.addCollaborator", {"opts": {"project_id": project_id, "account_id": as_owner.account_id}}),
        ("system.revokeUserAuthToken", {"authToken": token}),
        ("org.expireToken", {"token": token}),
    ):
        assert (await hub(token, name, given)).get("code") == "forbidden", name
    deleted = {"query": {"projects": {"project_id": project_id, "deleted": True}}}
    assert (await hub(token, "db.userQuery", deleted))["code"] == "forbidden"


async def test_a_token_narrowed_to_a_path_reads_and_writes_there_only(hub, project, as_owner, services, runner):
    project_id = (await as_owner.call("create_project"))["project_id"]
    runner.agent(project_id).files.update({"in/a": "text", "out": "secret"})
    await as_owner.call("query", query={"public_paths": {"project_id": project_id, "path": "out"}})
    token = (await as_owner.call("mint_auth_token", project_id=project_id, path="in"))["auth_token"]

    async def read(path: str):
        return await project(token, "system.readTextFileFromProject", {"path": path}, project_id=project_id)

    assert await read("in/a") == "text"
    for path in ("out", "in/../out", "/etc/passwd", f"/projects/{project_id}/out", "inside", "in/./../out", ""):
        assert (await read(path))["code"] == "file_not_found", path
    for name, given in (
        ("system.exec", {"command": "ls"}),
        ("system.jupyterExecute", {"kernel": "python3", "input": "1"}),
        ("system.ping", {}),
    ):
        assert (await project(token, name, given, project_id=project_id))["code"] == "forbidden", name
    for name, given in (
        ("projects.stop", {"project_id": project_id}),
        ("jupyter.kernels", {"project_id": project_id}),
        ("projects.copyPathBetweenProjects", {"src_project_id": project_id, "src_path": "in", "target_path": "in/b"}),
        ("db.userQuery", {"query": {"projects": {"project_id": project_id, "title": None}}}),
    ):
        assert (await hub(token, name, given)).get("code") == "forbidden", name


async def test_a_token_that_may_only_read_writes_runs_and_stops_nothing(hub, project, as_owner, services, runner):
    project_id = (await as_owner.call("create_project"))["project_id"]
    runner.agent(project_id).files["a"] = "text"
    token = (await as_owner.call("mint_auth_token", project_id=project_id, read_only=True))["auth_token"]
    for name, given in (
        ("system.writeTextFileToProject", {"path": "a", "content": "x"}),
        ("system.exec", {"command": "ls"}),
        ("system.jupyterExecute", {"kernel": "python3", "input": "1"}),
        ("system.stopJupyterKernel", {"pid": 1}),
    ):
        answer = await project(token, name, given, project_id=project_id)
        assert answer["code"] in ("role_too_low", "forbidden"), name
    for name in ("projects.stop", "projects.start", "projects.touch"):
        assert (await hub(token, name, {"project_id": project_id}))["code"] == "role_too_low", name
    title = {"query": {"projects": {"project_id": project_id, "title": "x"}}}
    assert (await hub(token, "db.userQuery", title))["code"] == "forbidden"
    copy = {"src_project_id": project_id, "src_path": "a", "target_path": "b"}
    assert (await hub(token, "projects.copyPathBetweenProjects", copy))["code"] == "role_too_low"
    assert runner.agent(project_id).files == {"a": "text"}


async def test_a_token_that_may_not_start_finds_a_stopped_project_stopped(hub, project, as_owner, services, runner):
    project_id = (await as_owner.call("create_project"))["project_id"]
    runner.agent(project_id).files["a"] = "text"
    await as_owner.call("query", query={"public_paths": {"project_id": project_id, "path": "a"}})
    token = (await as_owner.call("mint_auth_token", project_id=project_id, may_start=False))["auth_token"]
    for name, given in (
        ("system.readTextFileFromProject", {"path": "a"}),
        ("system.exec", {"command": "ls"}),
        ("system.ping", {}),
        ("system.listJupyterKernels", {}),
    ):
        answer = await project(token, name, given, project_id=project_id)
        assert answer["code"] == "project_not_running", name
    for name, given in (
        ("projects.start", {"project_id": project_id}),
        ("jupyter.kernels", {"project_id": project_id}),
        ("db.userQuery", {"query": {"projects": {"project_id": project_id, "action_request": {"action": "start"}}}}),
        ("db.userQuery", {"query": {"projects": {"project_id": project_id, "action_request": {"action": "restart"}}}}),
    ):
        assert (await hub(token, name, given))["code"] == "project_not_running", name
    await hub(token, "projects.touch", {"project_id": project_id})
    assert runner.started == []


async def test_a_token_narrowed_elsewhere_reads_nothing_public(as_owner, as_stranger, services, project_id, runner):
    runner.agent(project_id).files["a"] = "text"
    await as_owner.call("query", query={"public_paths": {"project_id": project_id, "path": "a"}})
    for scope in (Scope(project_id="00000000-0000-4000-8000-000000000000"), Scope(project_id, "b")):
        principal = await services.auth_tokens.resolve(await _token(services, as_owner, scope))
        with pytest.raises(Exception, match=r"not public|not_public"):
            await services.public_paths.read_text(principal, project_id, "a")


async def _token(services, caller, scope: Scope) -> str:
    return await services.auth_tokens.mint(
        caller.principal, account_id=caller.account_id, password="owner-password", scope=scope
    )
