"""Finding accounts."""

import pytest

pytestmark = pytest.mark.anyio
UNKNOWN = "11111111-1111-4111-8111-111111111111"


async def test_no_ids_give_no_names(as_owner):
    assert (await as_owner.call("get_usernames", account_ids=[]))["usernames"] == {}


async def test_names_are_given_by_id_and_false_for_nobody(as_owner, as_stranger):
    answer = await as_owner.call("get_usernames", id="x", account_ids=[as_stranger.account_id, UNKNOWN, "who"])
    assert answer == {
        "event": "usernames",
        "id": "x",
        "usernames": {
            as_stranger.account_id: {"first_name": "Stranger", "last_name": "Example"},
            UNKNOWN: False,
            "who": False,
        },
    }


async def found(caller, query, **more):
    return [one["account_id"] for one in (await caller.call("user_search", query=query, **more))["results"]]


async def test_accounts_are_found_by_id_address_and_names(as_owner, as_stranger):
    for query in (as_stranger.account_id, "Stranger@Example.edu", "strang", "exam STRANG", "<stranger@example.edu>"):
        assert await found(as_owner, query) == [as_stranger.account_id]
    for query in (UNKNOWN, "nobody@example.edu", "strang nobody", "%", "_"):
        assert await found(as_owner, query) == []


async def test_names_are_found_whatever_their_letters_and_case(as_owner, as_stranger):
    named = {"first_name": "Ögmundur", "last_name": "Ásgeirsson"}
    await as_stranger.call("query", query={"accounts": named})
    for query in ("Ögmundur", "ögmund", "ÖGMUNDUR", "ásgeir ögm", "geirsson"):
        assert await found(as_owner, query) == [as_stranger.account_id], query


async def test_a_term_too_long_for_a_name_finds_nobody(as_owner):
    assert await found(as_owner, "x" * 70_000) == []


async def test_who_is_found_twice_is_there_twice(as_owner, as_stranger):
    assert await found(as_owner, "exam strang,stranger@example.edu") == [as_stranger.account_id] * 2


async def test_an_address_is_shown_only_to_who_knew_it_and_administrators(as_owner, as_stranger, as_admin):
    by_name = await as_owner.call("user_search", query="stranger")
    assert "email_address" not in by_name["results"][0]
    assert isinstance(by_name["results"][0]["created"], int)
    by_address = await as_owner.call("user_search", query="stranger@example.edu")
    assert by_address["results"][0]["email_address"] == "stranger@example.edu"
    by_admin = await as_admin.call("user_search", query="stranger", admin=True)
    assert by_admin["results"][0]["email_address"] == "stranger@example.edu"
    words = "must be logged in and a member of the admin group"
    assert await as_owner.fails("user_search", query="stranger", admin=True) == words


async def test_unlisted_accounts_are_not_found_by_name(as_owner, as_stranger, as_admin):
    await as_stranger.call("query", query={"accounts": {"unlisted": True, "name": "Emmy"}})
    assert await found(as_owner, "strang") == []
    assert await found(as_owner, "@emmy") == []
    assert await found(as_owner, "stranger@example.edu") == [as_stranger.account_id]
    assert await found(as_admin, "strang", admin=True) == [as_stranger.account_id]
    await as_stranger.call("query", query={"accounts": {"unlisted": False}})
    assert await found(as_owner, "@emmy") == [as_stranger.account_id]


async def test_limit_and_activity(as_owner, as_stranger, clock):
    assert len(await found(as_owner, "example", limit=1)) == 1
    clock.move(40 * 86_400)
    await as_owner.call("ping")
    await as_owner.call("get_usernames", account_ids=[])
    assert await found(as_owner, "example", active="1 month") == [as_owner.account_id]
    assert "is not an interval" in await as_owner.fails("user_search", query="example", active="soon")


async def test_banned_and_deleted_accounts_are_not_found(as_owner, as_stranger, as_admin):
    await as_admin.call("delete_account", account_id=as_stranger.account_id)
    assert await found(as_owner, "strang") == []
    assert await found(as_owner, as_stranger.account_id) == []
