"""`user_auth`."""

import pytest

pytestmark = pytest.mark.anyio


async def test_token_signs_its_account_in(as_stranger, as_owner, services):
    answer = await as_stranger.call("user_auth", account_id=as_owner.account_id, password="owner-password", id="x")
    assert (answer["event"], answer["id"]) == ("user_auth_token", "x")
    assert (await services.auth_tokens.redeem(answer["auth_token"])).account_id == as_owner.account_id


async def test_administrator_needs_no_password_but_must_say_so(as_admin, as_owner):
    answer = await as_admin.form("user_auth", {"account_id": as_owner.account_id, "password": ""})
    assert len(answer["auth_token"]) == 24
    assert (await as_admin.refused("user_auth", account_id=as_owner.account_id))["code"] == "invalid_parameters"


async def test_others_are_refused_without_the_password(as_stranger, as_owner):
    error = await as_stranger.fails("user_auth", account_id=as_owner.account_id, password="")
    assert error == "incorrect password"


async def test_wrong_password_locks_for_a_minute(as_stranger, as_owner, clock):
    wrong = {"account_id": as_owner.account_id, "password": "wrong"}
    right = {"account_id": as_owner.account_id, "password": "owner-password"}
    assert await as_stranger.fails("user_auth", **wrong) == "incorrect password"
    banned = "banned -- please wait at least 60s before trying again"
    assert await as_stranger.fails("user_auth", **right) == banned
    clock.move(61)
    assert (await as_stranger.call("user_auth", **right))["event"] == "user_auth_token"


@pytest.mark.parametrize("account_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
async def test_unknown_account_looks_like_a_wrong_password(as_stranger, account_id):
    assert await as_stranger.fails("user_auth", account_id=account_id, password="x") == "incorrect password"
