"""Organizations and messages through the official client's door."""

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
async def school(hub, as_admin) -> str:
    """Give the name of an organization without members."""
    await hub(as_admin.key, "org.create", {"name": "school"})
    return "school"


async def test_only_administrators_make_and_list_organizations(hub, as_admin, as_owner, school):
    assert (await hub(as_owner.key, "org.create", {"name": "mine"}))["code"] == "forbidden"
    assert (await hub(as_owner.key, "org.getAll", {}))["code"] == "forbidden"
    assert [one["name"] for one in await hub(as_admin.key, "org.getAll", {})] == [school]
    assert (await hub(as_admin.key, "org.create", {"name": school}))["code"] == "already_exists"
    for name in ("", "a b", "x" * 40, "-a"):
        assert (await hub(as_admin.key, "org.create", {"name": name}))["code"] == "invalid_request"


async def test_an_organization_says_what_it_was_told(hub, as_admin, school):
    texts = {"title": "School", "description": "of Athens", "email_address": "a@b.example", "link": "https://b.example"}
    assert await hub(as_admin.key, "org.set", {"name": school, **texts}) is None
    found = await hub(as_admin.key, "org.get", {"name": school})
    assert {name: found[name] for name in texts} == texts
    assert found["admin_account_ids"] == []


async def test_an_admin_of_an_organization_looks_after_its_members_only(hub, as_admin, as_owner, as_stranger, school):
    await hub(as_admin.key, "org.addUser", {"name": school, "user": "owner@example.edu"})
    await hub(as_admin.key, "org.addAdmin", {"name": school, "user": as_owner.account_id})
    made = await hub(as_owner.key, "org.createUser", {"name": school, "email": "emmy@example.edu", "firstName": "Emmy"})
    users = await hub(as_owner.key, "org.getUsers", {"name": school})
    assert {one["email_address"] for one in users} == {"owner@example.edu", "emmy@example.edu"}
    token = await hub(as_owner.key, "org.createToken", {"user": made})
    assert token["url"] == f"https://example.edu/portal/auth/impersonate?auth_token={token['token']}"
    assert (await hub(token["token"], "system.test", {}))["account_id"] == made
    for name, given in (
        ("org.createToken", {"user": as_stranger.account_id}),
        ("org.createToken", {"user": as_admin.account_id}),
        ("org.addUser", {"name": school, "user": as_stranger.account_id}),
        ("org.addAdmin", {"name": school, "user": as_stranger.account_id}),
    ):
        assert (await hub(as_owner.key, name, given))["code"] == "forbidden"


async def test_an_admin_of_an_organization_never_becomes_an_administrator_of_the_server(
    hub, as_admin, as_owner, school
):
    await hub(as_admin.key, "org.addAdmin", {"name": school, "user": as_owner.account_id})
    await hub(as_admin.key, "org.addUser", {"name": school, "user": as_admin.account_id})
    assert (await hub(as_owner.key, "org.createToken", {"user": as_admin.account_id}))["code"] == "forbidden"


async def test_an_expired_token_is_good_for_nothing(hub, as_admin, as_owner, school):
    token = (await hub(as_admin.key, "org.createToken", {"user": as_owner.account_id}))["token"]
    assert await hub(as_admin.key, "org.expireToken", {"token": token}) is None
    assert (await hub(token, "system.test", {}))["code"] == "auth_token_invalid"


async def test_members_and_strangers_cannot_look_after_an_organization(hub, as_admin, as_owner, as_stranger, school):
    await hub(as_admin.key, "org.addUser", {"name": school, "user": as_owner.account_id})
    assert (await hub(as_owner.key, "org.get", {"name": school}))["name"] == school
    assert (await hub(as_stranger.key, "org.get", {"name": school}))["code"] == "not_found"
    for name, given in (
        ("org.set", {"title": "Mine"}),
        ("org.getUsers", {}),
        ("org.createUser", {"email": "x@example.edu"}),
        ("org.removeUser", {"user": as_owner.account_id}),
        ("org.removeAdmin", {"user": as_owner.account_id}),
        ("org.message", {"subject": "Hi", "body": "you"}),
    ):
        assert (await hub(as_owner.key, name, {"name": school, **given}))["code"] == "forbidden"
        assert (await hub(as_stranger.key, name, {"name": school, **given}))["code"] == "not_found"


async def test_an_account_is_in_one_organization(hub, as_admin, as_owner, school):
    await hub(as_admin.key, "org.create", {"name": "other"})
    await hub(as_admin.key, "org.addUser", {"name": "other", "user": as_owner.account_id})
    refused = await hub(as_admin.key, "org.addAdmin", {"name": school, "user": as_owner.account_id})
    assert "already member of another organization" in refused["error"]
    await hub(as_admin.key, "org.addUser", {"name": school, "user": as_owner.account_id})
    assert await hub(as_admin.key, "org.getUsers", {"name": "other"}) == []
    await hub(as_admin.key, "org.removeUser", {"name": school, "user": as_owner.account_id})
    assert await hub(as_admin.key, "org.getUsers", {"name": school}) == []


async def test_all_members_get_a_message(hub, as_admin, as_owner, as_stranger, school):
    assert await hub(as_admin.key, "org.message", {"name": school, "subject": "Hi", "body": "nobody"}) is None
    await hub(as_admin.key, "org.addUser", {"name": school, "user": as_owner.account_id})
    assert await hub(as_admin.key, "org.message", {"name": school, "subject": "Hi", "body": "all"}) is None
    (message,) = await hub(as_owner.key, "messages.get", {"type": "received"})
    assert (message["subject"], message["body"], message["from_id"]) == ("Hi", "all", as_admin.account_id)
    assert await hub(as_stranger.key, "messages.get", {}) == []


async def test_messages_are_sent_answered_and_marked(hub, as_owner, as_stranger):
    given = {"subject": "Question", "body": "Why?", "to_ids": ["stranger@example.edu"]}
    first = await hub(as_owner.key, "messages.send", given)
    assert isinstance(first, int)
    given = {"subject": "Re: Question", "body": "So.", "to_ids": [as_owner.account_id], "reply_id": first}
    second = await hub(as_stranger.key, "messages.send", given)
    (answer,) = await hub(as_owner.key, "messages.get", {"type": "new"})
    assert (answer["id"], answer["thread_id"], answer["read"]) == (second, first, False)
    assert await hub(as_owner.key, "messages.mark", {"id": second, "read": True, "starred": True}) is None
    assert await hub(as_owner.key, "messages.get", {"type": "new"}) == []
    assert [one["id"] for one in await hub(as_owner.key, "messages.get", {"type": "starred"})] == [second]
    assert [one["id"] for one in await hub(as_owner.key, "messages.get", {"type": "sent", "limit": 5})] == [first]


async def test_a_message_to_nobody_or_about_anothers_message_is_refused(hub, as_admin, as_owner, as_stranger):
    given = {"subject": "s", "body": "b"}
    assert (await hub(as_owner.key, "messages.send", {**given, "to_ids": ["no@example.edu"]}))["code"] == "not_found"
    assert (await hub(as_owner.key, "messages.send", {**given, "to_ids": []}))["code"] == "invalid_request"
    secret = await hub(as_owner.key, "messages.send", {**given, "to_ids": [as_admin.account_id]})
    reply = {**given, "to_ids": [as_owner.account_id], "reply_id": secret}
    assert (await hub(as_stranger.key, "messages.send", reply))["code"] == "not_found"
    assert (await hub(as_stranger.key, "messages.mark", {"id": secret, "read": True}))["code"] == "not_found"
