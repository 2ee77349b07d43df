"""Keys with scopes, and cookies of frames, at API v2."""

import pytest

from studiolo.domain.scopes import Needs
from studiolo.web.call_scopes import need_of
from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio


async def test_a_call_is_refused_to_a_key_without_its_scope_before_its_parameters_are_read(v2, as_admin, services):
    _, key = await services.api_keys.create(as_admin.principal, scopes=["admin"])
    for name, one in every_call().at("v2").items():
        answer = await v2(key, name)
        is_missing = isinstance(answer, dict) and answer.get("code") == "scope_missing"
        assert is_missing == (need_of(one.call.name) not in (Needs.NOTHING, Needs.INSIDE)), name


async def test_the_form_for_keys_makes_none_that_is_stronger(v2, as_owner, services):
    _, key = await services.api_keys.create(as_owner.principal, scopes=["keys", "files:read"])
    made = (await v2(key, "api-keys", action="create", name="x"))["response"][0]
    answer = await v2(made["secret"], "exec", project_id="x", command="ls")
    assert answer["code"] == "scope_missing"
    assert len((await v2(key, "api-keys", action="get"))["response"]) == 2


async def test_the_form_for_keys_gives_and_changes_scopes(v2, as_owner):
    given = {"action": "create", "scopes": ["files:read", "exec"], "expire": "2040-01-01"}
    made = (await v2(as_owner.key, "api-keys", **given))["response"][0]
    assert made["scopes"] == ["files:read", "exec"]
    change = {"action": "edit", "id": made["id"], "scopes": ["copies"], "expire": ""}
    assert await v2(as_owner.key, "api-keys", **change) == {"response": []}
    (row,) = [one for one in (await v2(as_owner.key, "api-keys", action="get"))["response"] if one["id"] == made["id"]]
    assert (row["scopes"], row["expire"]) == (["copies"], None)


async def test_the_cookie_of_a_frame_is_no_sign_in_of_a_browser(browser, as_owner, services):
    token = (await as_owner.call("mint_auth_token"))["auth_token"]
    _, secret = await services.sign_ins.sign_in_frame(token, None)
    headers = {
        "cookie": f"__Host-studiolo-sign-in={secret}",
        "origin": "https://studiolo.test",
        "x-studiolo-request": "1",
    }
    answer = await browser.post("/api/v2/projects/get", json={}, headers=headers)
    assert answer.json()["code"] == "sign_in_expired"
