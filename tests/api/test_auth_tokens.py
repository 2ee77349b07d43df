"""`user_auth`, and the calls that mint, list and end narrowed tokens."""

from dataclasses import replace
from datetime import timedelta

import pytest

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import AuthTokenInvalid, AuthTokenUsed, SignInExpired
from studiolo.core.models import Scope

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


@pytest.fixture
def with_scopes(services):
    """Return a function that gives a caller a key with scopes."""

    async def give(caller, *scopes: str, **given):
        _, key = await services.api_keys.create(caller.principal, scopes=scopes, **given)
        return caller.with_key(key)

    return give


async def test_a_token_is_minted_without_a_password_and_says_what_it_is_narrowed_to(
    as_owner, project_id, services, clock
):
    answer = await as_owner.call(
        "mint_auth_token",
        project_id=project_id,
        path="week1//./sheet.ipynb",
        read_only=True,
        may_start=False,
        single_use=True,
        lifetime=60,
    )
    token, secret = answer["token"], answer["auth_token"]
    assert answer["address"] == (f"/projects/{project_id}/files/week1/sheet.ipynb?auth_token={secret}&fullscreen=kiosk")
    assert token == {
        "auth_token_id": token["auth_token_id"],
        "account_id": as_owner.account_id,
        "created_by": as_owner.account_id,
        "created_at": iso_milliseconds(clock.now()),
        "expires_at": iso_milliseconds(clock.now() + timedelta(seconds=60)),
        "project_id": project_id,
        "path": "week1/sheet.ipynb",
        "read_only": True,
        "may_start": False,
        "single_use": True,
    }
    redeemed = await services.auth_tokens.redeem(secret)
    assert redeemed.scope == Scope(project_id, "week1/sheet.ipynb", is_read_only=True, may_start=False)
    with pytest.raises(AuthTokenUsed):
        await services.auth_tokens.redeem(secret)


async def test_a_token_that_is_not_narrowed_leads_to_the_app(as_owner, services):
    answer = await as_owner.call("mint_auth_token")
    assert answer["address"] == f"/auth/impersonate?auth_token={answer['auth_token']}"
    assert (await services.auth_tokens.redeem(answer["auth_token"])).scope == Scope()


@pytest.mark.parametrize(
    "given",
    [
        {"path": "a"},
        {"project_id": True, "path": "../a"},
        {"project_id": True, "path": "a/../../b"},
        {"project_id": True, "path": "/etc"},
        {"project_id": True, "path": "a" * 4097},
        {"lifetime": 0},
        {"lifetime": 43201},
        {"sign_in_lifetime": -1},
    ],
)
async def test_a_narrowing_that_cannot_be_is_refused(as_owner, project_id, given):
    given = {**given, "project_id": project_id} if "project_id" in given else given
    assert (await as_owner.call("mint_auth_token", **given))["code"] == "invalid_request"


async def test_a_token_is_narrowed_to_a_project_of_the_account_only(as_stranger, project_id):
    assert (await as_stranger.call("mint_auth_token", project_id=project_id))["code"] == "project_not_found"


async def test_who_made_an_account_signs_it_in(services, clock, caller, as_stranger, as_admin):
    portal = await caller("portal")
    maker = replace(portal.principal, is_admin=True)  # as the setting `any_key` would allow
    made = await services.accounts.create(maker, email_address="made@example.edu", password=None)
    token = (await portal.call("mint_auth_token", account_id=made.account_id))["token"]
    assert (token["account_id"], token["created_by"]) == (made.account_id, portal.account_id)
    words = f"There is no account '{made.account_id}' that you may sign in."
    assert await as_stranger.fails("mint_auth_token", account_id=made.account_id) == words
    assert (await as_admin.call("mint_auth_token", account_id=made.account_id))["event"] == "auth_token_minted"


async def test_who_made_an_administrator_cannot_sign_it_in(services, caller, as_admin):
    portal = await caller("portal")
    maker = replace(portal.principal, is_admin=True)
    boss = await services.accounts.create(maker, email_address="boss@example.edu", password=None, is_admin=True)
    assert (await portal.call("mint_auth_token", account_id=boss.account_id))["code"] == "not_found"
    for nobody in ("nonsense", "00000000-0000-4000-8000-000000000000"):
        assert (await as_admin.call("mint_auth_token", account_id=nobody))["code"] == "not_found"


async def test_an_administrators_key_signs_others_in_only_with_the_scope_admin(as_admin, as_owner, with_scopes):
    plain = await with_scopes(as_admin, "tokens:mint")
    assert (await plain.call("mint_auth_token", account_id=as_owner.account_id))["code"] == "not_found"
    assert await plain.fails("user_auth", account_id=as_owner.account_id, password="") == "incorrect password"
    full = await with_scopes(as_admin, "tokens:mint", "admin")
    assert (await full.call("mint_auth_token", account_id=as_owner.account_id))["event"] == "auth_token_minted"


async def test_the_browser_of_an_administrators_plain_key_is_no_administrators(as_admin, with_scopes, services):
    plain = await with_scopes(as_admin, "tokens:mint")
    token = (await plain.call("mint_auth_token"))["auth_token"]
    _, secret = await services.sign_ins.sign_in_frame(token, None)
    assert not (await services.sign_ins.resolve(secret)).is_admin


async def test_a_projects_key_mints_nothing(as_owner, project_id, services):
    _, key = await services.api_keys.create(as_owner.principal, project_id=project_id)
    assert (await as_owner.with_key(key).call("mint_auth_token"))["code"] == "forbidden"


async def test_what_a_passing_key_signs_in_ends_with_it(as_owner, with_scopes, services, clock):
    end = clock.now() + timedelta(minutes=10)
    passing = await with_scopes(as_owner, "tokens:mint", expires_at=end)
    answer = await passing.call("mint_auth_token")
    assert answer["token"]["expires_at"] == iso_milliseconds(end)
    sign_in, _ = await services.sign_ins.sign_in_frame(answer["auth_token"], None)
    assert sign_in.expires_at == end


async def test_a_browser_stays_signed_in_as_long_as_the_token_says(as_owner, services, clock):
    answer = await as_owner.call("mint_auth_token", lifetime=60, sign_in_lifetime=3600)
    sign_in, secret = await services.sign_ins.sign_in_frame(answer["auth_token"], None)
    assert sign_in.expires_at == clock.now() + timedelta(hours=1)
    clock.move(3601)
    with pytest.raises(SignInExpired):
        await services.sign_ins.resolve(secret)


async def test_living_tokens_are_listed_for_whom_they_sign_in_and_who_made_them(as_owner, as_admin, as_stranger, clock):
    given = (await as_admin.call("mint_auth_token", account_id=as_owner.account_id, lifetime=60))["token"]
    own = (await as_owner.call("mint_auth_token"))["token"]
    ids = {given["auth_token_id"], own["auth_token_id"]}
    assert {one["auth_token_id"] for one in (await as_owner.call("list_auth_tokens"))["tokens"]} == ids
    assert (await as_admin.call("list_auth_tokens"))["tokens"] == [given]
    of_owner = await as_admin.call("list_auth_tokens", account_id=as_owner.account_id)
    assert {one["auth_token_id"] for one in of_owner["tokens"]} == ids
    assert (await as_stranger.call("list_auth_tokens", account_id=as_owner.account_id))["tokens"] == []
    assert "auth_token" not in own
    clock.move(61)
    assert (await as_owner.call("list_auth_tokens"))["tokens"] == [own]


async def test_a_token_is_ended_by_its_id_by_those_who_may(as_owner, as_admin, as_stranger, services):
    answer = await as_admin.call("mint_auth_token", account_id=as_owner.account_id)
    which = {"auth_token_id": answer["token"]["auth_token_id"]}
    assert (await as_stranger.call("revoke_auth_token", **which))["code"] == "auth_token_invalid"
    assert (await as_owner.call("revoke_auth_token", **which))["event"] == "success"
    assert (await as_owner.call("revoke_auth_token", **which))["code"] == "auth_token_invalid"
    with pytest.raises(AuthTokenInvalid):
        await services.auth_tokens.redeem(answer["auth_token"])


@pytest.mark.parametrize("given", [{}, {"auth_token": "x" * 24, "auth_token_id": "y"}])
async def test_the_token_to_end_is_named_in_one_way(as_owner, given):
    answer = await as_owner.refused("revoke_auth_token", **given)
    assert answer["error"] == "one of auth_token and auth_token_id must be given"
