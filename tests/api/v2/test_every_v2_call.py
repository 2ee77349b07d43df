"""What holds for every call of API v2."""

import pytest

from studiolo.web.calls import every_call

pytestmark = pytest.mark.anyio
CALLS = every_call().at("v2")
OPEN = {"auth/ephemeral", "auth/requires-token", "auth/sign-in", "auth/sign-up", "customize"}
JUNK = (
    {},
    {"project_id": "x", "account_id": "x", "path": "\x00", "query": 5, "args": {}, "email": "x", "password": ""},
    {"project_id": "00000000-0000-4000-8000-000000000000", "account_id": "\ud800", "copy_id": "'", "limit": -1},
    {
        "project_id": None,
        "account_ids": [None],
        "to_ids": [{}],
        "subject": "",
        "body": "",
        "offset": 1e300,
        "id": 2**70,
    },
)


def test_what_needs_no_key_is_known():
    assert {path for path, one in CALLS.items() if not one.needs_key} == OPEN


@pytest.mark.parametrize("path", sorted(path for path, one in CALLS.items() if one.needs_key))
async def test_nobody_is_refused(browser, path):
    response = await browser.post(f"/api/v2/{path}", json={})
    assert (response.status_code, response.json()["code"]) == (200, "unauthenticated")


@pytest.mark.parametrize("path", sorted(CALLS))
async def test_junk_is_answered_with_words(v2, as_owner, path):
    for given in JUNK:
        answer = await v2(as_owner.key, path, **given)
        if isinstance(answer, dict) and "error" in answer:
            assert answer["code"] != "internal_error"
            assert answer["error"]
