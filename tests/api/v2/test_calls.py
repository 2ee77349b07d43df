"""The forms of API v2 over the domain's calls."""

import asyncio

import pytest

pytestmark = pytest.mark.anyio
NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_an_unknown_path_and_a_missing_key_are_errors_with_status_200(v2, browser, as_owner):
    assert (await v2(as_owner.key, "billing/get-plans"))["code"] == "endpoint_unknown"
    assert (await browser.post("/api/v2/projects/get")).json()["code"] == "unauthenticated"
    assert (await v2("sk-wrong", "projects/get"))["code"] == "api_key_invalid"
    assert (await browser.post("/api/v2/customize")).json()["isAuthenticated"] is False


async def test_a_project_lives_and_is_deleted_and_restored(v2, as_owner):
    project_id = (await v2(as_owner.key, "projects/create", title="Homework"))["project_id"]
    for path in ("projects/start", "projects/touch", "projects/stop"):
        assert await v2(as_owner.key, path, project_id=project_id) == {"status": "ok"}
    await v2(as_owner.key, "projects/update", project_id=project_id, title="Homework 2")
    assert (await v2(as_owner.key, "projects/get-one", title="Homework 2"))["project_id"] == project_id
    assert await v2(as_owner.key, "projects/delete", project_id=project_id) == {"status": "ok"}
    assert await v2(as_owner.key, "projects/get") == []
    assert await v2(as_owner.key, "projects/restore", project_id=project_id) == {"status": "ok"}
    assert [one["project_id"] for one in await v2(as_owner.key, "projects/get")] == [project_id]


async def test_files_commands_and_queries_are_those_of_v1(v2, as_owner, project_id):
    given = {"project_id": project_id, "path": "a.txt"}
    assert await v2(as_owner.key, "projects/write-text-file", **given, content="hi") == {"status": "ok"}
    assert await v2(as_owner.key, "projects/read-text-file", **given) == {"content": "hi"}
    answer = await v2(as_owner.key, "exec", project_id=project_id, command="echo", args=["hi"])
    assert (answer["stdout"], answer["exit_code"]) == ("hi\n", 0)
    query = {"accounts": {"first_name": None}}
    assert await v2(as_owner.key, "user-query", query=query) == {"query": {"accounts": {"first_name": "Owner"}}}
    assert (await v2(as_owner.key, "jupyter/kernels", project_id=project_id))["success"] is True


async def test_exec_starts_a_command_and_tells_of_it_later(v2, as_owner, project_id):
    started = await v2(as_owner.key, "exec", project_id=project_id, command="make", args=["all"], async_call=True)
    assert (started["type"], started["status"], started["stdout"]) == ("async", "running", "")
    assert isinstance(started["start"], int)
    job = {"project_id": project_id, "async_get": started["job_id"]}
    told = await v2(as_owner.key, "exec", **job, async_await=True)
    assert (told["status"], told["stdout"], told["exit_code"], told["elapsed_s"]) == ("completed", "made\n", 0, 1.5)


async def test_exec_needs_a_command(v2, as_owner, project_id):
    assert "command must be specified" in (await v2(as_owner.key, "exec", project_id=project_id))["error"]


async def test_a_copy_is_ordered_and_asked_after(v2, as_owner, project_id, other_project_id, run_copies):
    given = {"src_project_id": project_id, "path": "a", "target_project_id": other_project_id}
    ordered = await v2(as_owner.key, "projects/copy-path", **given, wait_until_done=False)
    copy_id = ordered["copy_id"]
    assert "finished" not in await v2(as_owner.key, "projects/copy-path-status", copy_id=copy_id)
    await run_copies()
    assert "finished" in await v2(as_owner.key, "projects/copy-path-status", copy_id=copy_id)


async def test_people_come_change_and_go(v2, as_owner, as_stranger, project_id):
    given = {"project_id": project_id, "account_id": as_stranger.account_id}
    assert await v2(as_owner.key, "projects/collaborators/add", **given) == {"status": "ok"}
    changed = {"project_id": project_id, "target_account_id": as_stranger.account_id, "new_group": "owner"}
    assert (await v2(as_stranger.key, "projects/collaborators/change-user-type", **changed))["code"] == "role_too_low"
    assert await v2(as_owner.key, "projects/collaborators/change-user-type", **changed) == {"status": "ok"}
    people = await v2(as_owner.key, "projects/collaborators/list", project_id=project_id)
    assert {one["account_id"]: one["group"] for one in people} == {
        as_owner.account_id: "owner",
        as_stranger.account_id: "owner",
    }
    given = {"project_id": project_id, "account_id": NOBODY}
    assert await v2(as_owner.key, "projects/collaborators/remove", **given) == {"status": "ok"}


async def test_keys_are_made_listed_changed_and_deleted(v2, as_owner, project_id):
    (made,) = (await v2(as_owner.key, "api-keys", action="create", name="one", project_id=project_id))["response"]
    assert made["secret"].startswith("sk-")
    await v2(as_owner.key, "api-keys", action="edit", id=made["id"], name="two", expire="2040-01-01")
    (found,) = (await v2(as_owner.key, "api-keys", action="get", project_id=project_id))["response"]
    assert (found["name"], found["expire"]) == ("two", "2040-01-01T00:00:00.000Z")
    assert "secret" not in found
    assert await v2(as_owner.key, "api-keys", action="delete", id=made["id"]) == {"response": []}
    assert await v2(as_owner.key, "api-keys", action="get", project_id=project_id) == {"response": []}
    assert (await v2(as_owner.key, "api-keys", action="steal"))["code"] == "invalid_parameters"


async def test_administrators_ban_and_limit(v2, as_admin, as_owner, as_stranger, project_id):
    assert (await v2(as_owner.key, "accounts/ban", account_id=as_stranger.account_id))["code"] == "forbidden"
    assert await v2(as_admin.key, "accounts/ban", account_id=as_stranger.account_id) == {"status": "success"}
    assert (await v2(as_stranger.key, "projects/get"))["code"] == "account_banned"
    await v2(as_admin.key, "accounts/remove-ban", account_id=as_stranger.account_id)
    assert await v2(as_stranger.key, "projects/get") == []
    limits = {"project_id": project_id, "memory": 512, "cores": 0.5, "network": True}
    assert (await v2(as_owner.key, "projects/set-admin-quotas", **limits))["code"] == "forbidden"
    assert await v2(as_admin.key, "projects/set-admin-quotas", **limits) == {"status": "success"}
    too_much = {"project_id": project_id, "memory": 1}
    assert (await v2(as_admin.key, "projects/set-admin-quotas", **too_much))["code"] == "invalid_request"


async def test_an_account_changes_itself(v2, as_owner):
    assert await v2(as_owner.key, "accounts/set-name", first_name="Emmy") == {"status": "success"}
    names = await v2(as_owner.key, "accounts/get-names", account_ids=[as_owner.account_id])
    assert names["names"][as_owner.account_id]["first_name"] == "Emmy"
    changed = {"currentPassword": "owner-password", "newPassword": "another-password"}
    assert await v2(as_owner.key, "accounts/set-password", **changed) == {"status": "success"}
    moved = {"email_address": "emmy@example.edu", "password": "another-password"}
    assert await v2(as_owner.key, "accounts/set-email-address", **moved) == {"status": "success"}
    (found,) = await v2(as_owner.key, "accounts/search", query="emmy@example.edu")
    assert found["account_id"] == as_owner.account_id
    assert await v2(as_owner.key, "accounts/delete") == {"status": "success"}
    assert (await v2(as_owner.key, "projects/get"))["code"] == "api_key_invalid"


async def test_administrators_change_the_accounts_of_others(v2, as_admin, as_owner, as_stranger):
    whose = {"account_id": as_owner.account_id}
    done = {"status": "success"}
    named = {"first_name": "Emmy", "last_name": "Noether"}
    assert await v2(as_admin.key, "accounts/set-name", **whose, **named) == done
    assert await v2(as_admin.key, "accounts/set-password", **whose, newPassword="another-password") == done
    assert await v2(as_admin.key, "accounts/set-email-address", **whose, email_address="emmy@example.edu") == done
    (found,) = await v2(as_admin.key, "accounts/search", query="emmy@example.edu")
    assert (found["account_id"], found["first_name"], found["last_name"]) == (as_owner.account_id, "Emmy", "Noether")
    proof = {"email_address": "noether@example.edu", "password": "another-password"}
    assert await v2(as_owner.key, "accounts/set-email-address", **proof) == done
    nobody = {"account_id": NOBODY}
    assert (await v2(as_admin.key, "accounts/set-name", **nobody, **named))["code"] == "not_found"
    assert (await v2(as_admin.key, "accounts/set-email-address", **nobody, email_address="a@b.de"))[
        "code"
    ] == "not_found"
    for path, change in (
        ("accounts/set-name", named),
        ("accounts/set-password", {"newPassword": "another-password"}),
        ("accounts/set-email-address", {"email_address": "mine@example.edu", "password": "stranger-password"}),
    ):
        assert (await v2(as_stranger.key, path, **whose, **change))["code"] == "forbidden"


async def test_one_does_not_change_ones_own_address_without_the_password(v2, as_admin, as_owner):
    for caller in (as_admin, as_owner):
        answer = await v2(caller.key, "accounts/set-email-address", email_address="mine@example.edu")
        assert answer["error"] == "invalid_password"


async def test_administrators_list_the_projects_of_an_account(v2, as_admin, as_owner, as_stranger, project_id):
    whose = {"account_id": as_owner.account_id}
    listed = await v2(as_admin.key, "projects/get", **whose)
    assert project_id in [one["project_id"] for one in listed]
    assert await v2(as_owner.key, "projects/get", **whose) == listed
    assert (await v2(as_stranger.key, "projects/get", **whose))["code"] == "forbidden"


async def test_a_message_of_a_stranger_is_not_let_into_a_project(v2, as_owner, as_stranger, project_id):
    given = {"project_id": project_id, "mesg": {"event": "ping"}}
    assert (await v2(as_owner.key, "projects/call", **given))["event"] == "pong"
    assert (await v2(as_stranger.key, "projects/call", **given))["code"] == "project_not_found"


async def test_a_projects_own_key_has_no_name_to_change(v2, services, as_owner, project_id):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    assert (await v2(key, "accounts/set-name", first_name="Emmy"))["code"] == "forbidden"


async def test_an_account_is_made_as_the_setting_says(v2, as_admin, as_owner):
    entry = {"email": "new@example.edu", "password": "new-password", "firstName": "New"}
    assert (await v2(as_owner.key, "auth/sign-up", **entry))["code"] == "forbidden"
    assert "account_id" in await v2(as_admin.key, "auth/sign-up", **entry)


async def test_calls_at_once_do_not_meet(v2, as_owner, as_stranger):
    answers = await asyncio.gather(
        *[v2(caller.key, "user-query", query={"accounts": {"first_name": None}}) for caller in (as_owner, as_stranger)]
    )
    assert [one["query"]["accounts"]["first_name"] for one in answers] == ["Owner", "Stranger"]
