"""Lists of projects and accounts, page by page."""

from typing import Any

import pytest

from studiolo.core.ids import ProjectId

pytestmark = pytest.mark.anyio


async def every(caller, call: str, name: str, **given: Any) -> list[dict[str, Any]]:
    """Read all pages."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await caller.call(call, **given, **({} if cursor is None else {"cursor": cursor}))
        found += page[name]
        cursor = page.get("next_cursor")
        if cursor is None:
            return found


async def test_projects_are_listed_page_by_page_while_others_are_made(as_owner):
    made = [(await as_owner.call("create_project", title=f"{n}"))["project_id"] for n in range(5)]
    first = await as_owner.call("list_projects", limit=2)
    await as_owner.call("create_project", title="in between")
    second = await as_owner.call("list_projects", limit=2, cursor=first["next_cursor"])
    third = await as_owner.call("list_projects", limit=2, cursor=second["next_cursor"])
    listed = [one["project_id"] for page in (first, second, third) for one in page["projects"]]
    assert listed == made[::-1]
    assert "next_cursor" not in third
    assert third["projects"][0] | {"created": 0, "last_edited": 0, "last_active": 0} == {
        "project_id": made[0],
        "title": "0",
        "description": "",
        "state": "opened",
        "is_deleted": False,
        "created": 0,
        "last_edited": 0,
        "last_active": 0,
        "people": {as_owner.account_id: "owner"},
    }


async def test_a_page_that_is_just_full_is_the_last_one(as_owner):
    for _ in range(2):
        await as_owner.call("create_project")
    assert "next_cursor" not in await as_owner.call("list_projects", limit=2)


async def test_everybody_lists_their_own_and_what_is_shared(as_owner, as_stranger, project_id, add_person):
    await as_stranger.call("create_project", title="theirs")
    assert [one["title"] for one in await every(as_stranger, "list_projects", "projects")] == ["theirs"]
    await add_person(project_id, as_stranger, "viewer")
    assert len(await every(as_stranger, "list_projects", "projects", limit=1)) == 2


async def test_deleted_projects_are_listed_if_asked_for(as_owner, services, project_id):
    await services.projects.delete(as_owner.principal, ProjectId(project_id))
    assert await every(as_owner, "list_projects", "projects") == []
    (one,) = await every(as_owner, "list_projects", "projects", deleted=True)
    assert one["is_deleted"]


async def test_administrators_list_what_others_have_and_all(as_owner, as_stranger, as_admin, project_id):
    await as_stranger.call("create_project", title="theirs")
    of_one = await every(as_admin, "list_projects", "projects", account_id=as_owner.account_id)
    assert [one["project_id"] for one in of_one] == [project_id]
    assert len(await every(as_admin, "list_projects", "projects", all=True, limit=1)) == 2
    assert await every(as_admin, "list_projects", "projects") == []


@pytest.mark.parametrize("given", [{"all": True}, {"account_id": "99ebde5c-58f8-4e29-b6e4-b55b8fd71a1b"}])
async def test_others_may_not_list_what_is_not_theirs(as_owner, as_stranger, given: dict[str, Any], project_id):
    assert (await as_stranger.call("list_projects", **given))["code"] == "forbidden"


async def test_a_projects_own_key_lists_that_project_only(as_owner, services, project_id, other_project_id):
    _, key = await services.api_keys.create(as_owner.principal, project_id=ProjectId(project_id))
    found = await every(as_owner.with_key(key), "list_projects", "projects")
    assert [one["project_id"] for one in found] == [project_id]
    assert (await as_owner.with_key(key).call("list_projects", all=True))["code"] == "forbidden"


async def test_accounts_are_listed_page_by_page(as_admin, caller):
    for number in range(4):
        await caller(f"student{number}")
    found = await every(as_admin, "list_accounts", "accounts", limit=2)
    assert len(found) == 5
    assert [one["account_id"] for one in found] == sorted(one["account_id"] for one in found)
    assert not any("password" in name for name in found[0])


async def test_accounts_are_found_by_part_of_name_or_address(as_admin, caller):
    await caller("sofia")
    await (await caller("emmy")).call("query", query={"accounts": {"last_name": "Ängström"}})
    cases = (("SOFIA", 1), ("emmy@", 1), ("example", 3), ("Emmy Ä", 1), ("ÄNGSTRÖM", 1), ("%", 0), ("_", 0))
    for text, count in (*cases, ("x" * 70_000, 0)):
        assert len(await every(as_admin, "list_accounts", "accounts", search=text)) == count, text


async def test_accounts_are_told_apart(as_admin, caller):
    banned, deleted = await caller("banned"), await caller("deleted")
    await as_admin.call("ban_account", account_id=banned.account_id)
    await as_admin.call("delete_account", account_id=deleted.account_id)
    ids = {
        name: {one["account_id"] for one in await every(as_admin, "list_accounts", "accounts", **given)}
        for name, given in {
            "usual": {},
            "banned": {"banned": True},
            "not banned": {"banned": False},
            "admins": {"admin": True},
            "all": {"deleted": True},
        }.items()
    }
    assert ids == {
        "usual": {as_admin.account_id, banned.account_id},
        "banned": {banned.account_id},
        "not banned": {as_admin.account_id},
        "admins": {as_admin.account_id},
        "all": {as_admin.account_id, banned.account_id, deleted.account_id},
    }


async def test_a_banned_account_is_refused_until_it_is_let_in_again(as_admin, as_owner):
    await as_admin.call("ban_account", account_id=as_owner.account_id)
    assert (await as_owner.refused("ping"))["code"] == "account_banned"
    await as_admin.call("unban_account", account_id=as_owner.account_id)
    await as_owner.call("ping")


@pytest.mark.parametrize("call", ["list_projects", "list_accounts"])
@pytest.mark.parametrize("given", [{"limit": 0}, {"limit": 1001}, {"cursor": "x"}, {"cursor": "W251bGxd"}])
async def test_what_is_no_page_is_refused(as_admin, call: str, given: dict[str, Any]):
    assert (await as_admin.call(call, **given))["code"] == "invalid_request"
