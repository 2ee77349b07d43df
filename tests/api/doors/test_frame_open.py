"""POST /frame/open: who gets in, what it tells, what it refuses."""

from typing import Any

import httpx
import pytest

from studiolo.core.errors import AgentUnavailable
from studiolo.core.models import Role, Scope
from studiolo.testing.doors import FRAME_HEADERS, SAME_ORIGIN, Doors, events_of, frame_key_of
from studiolo.testing.factories import PASSWORD
from studiolo.web.cookies import FRAME_PREFIX, SIGN_IN_NAME

pytestmark = pytest.mark.anyio


async def _open(browser: httpx.AsyncClient, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return await browser.post("/frame/open", json=body, headers=FRAME_HEADERS if headers is None else headers)


def _error(response: httpx.Response) -> dict[str, Any]:
    last = events_of(response)[-1]
    assert last["event"] == "error", last
    return last


async def test_a_token_opens_a_document_and_tells_every_step(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"notes.md": "# Hello"})
    token = await doors.token(person)
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=token, project_id=project_id, path="notes.md")
    events = events_of(answer)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    assert events[0]["event"] == "signed_in"
    assert events[0]["frame"] == frame_key_of(token)
    assert events[0]["account"] == {"account_id": person.account_id, "name": "Sofia Kovalevskaya"}
    assert 0 < events[0]["expires_in_seconds"] <= doors.settings.bearer_lifetime_seconds
    assert "starting_project" in [event.get("stage") for event in events if event["event"] == "progress"]
    opened = events[-1]
    assert {name: opened[name] for name in ("event", "path", "kind", "can_write", "title")} == {
        "event": "opened",
        "path": "notes.md",
        "kind": "markdown",
        "can_write": True,
        "title": "notes.md",
    }
    assert "Hello" in opened["html"]


async def test_the_frames_cookie_is_its_own_and_partitioned(doors: Doors):
    token = await doors.token(await doors.account())
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=token)
    (line,) = answer.headers.get_list("set-cookie")
    assert line.startswith(f"{FRAME_PREFIX}{frame_key_of(token)}=")
    assert line.endswith("; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=None; Partitioned")
    assert [event["event"] for event in events_of(answer)] == ["signed_in"]


async def test_a_reload_gets_in_by_the_frames_cookie(doors: Doors):
    person = await doors.account()
    token = await doors.token(person, is_single_use=True)
    async with doors.browser() as browser:
        first = events_of(await _open(browser, auth_token=token))[0]
        again = events_of(await _open(browser, frame=first["frame"]))[0]
    assert again["event"] == "signed_in"
    assert again["account"]["account_id"] == person.account_id
    assert again["bearer"] != first["bearer"]


async def test_a_reload_with_a_used_up_token_and_its_cookie_gets_in_again(doors: Doors):
    token = await doors.token(await doors.account(), is_single_use=True)
    async with doors.browser() as browser:
        await _open(browser, auth_token=token)
        assert (await _open(browser, auth_token=token)).status_code == 200


async def test_a_replayed_single_use_token_is_refused(doors: Doors):
    token = await doors.token(await doors.account(), is_single_use=True)
    async with doors.browser() as browser:
        await _open(browser, auth_token=token)
    async with doors.browser() as thief:
        answer = await _open(thief, auth_token=token)
    assert answer.status_code == 401
    assert _error(answer)["code"] == "auth_token_used"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "missing auth_token."),
        ("short", "auth_token must be exactly 24 characters long"),
        ("x" * 25, "auth_token must be exactly 24 characters long"),
        ("x" * 24, "auth_token is not valid"),
        ("ü" * 24, "auth_token is not valid"),
    ],
)
async def test_wrong_tokens_are_refused_in_the_historical_words(doors: Doors, token: str, words: str):
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=token)
    assert answer.status_code == 401
    assert _error(answer) == {"event": "error", "code": "auth_token_invalid", "message": words}


async def test_an_expired_token_is_refused(doors: Doors):
    token = await doors.token(await doors.account())
    doors.clock.move(doors.settings.auth_token_lifetime_seconds + 1)
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=token)
    assert _error(answer) == {"event": "error", "code": "auth_token_expired", "message": "auth_token is not valid"}


async def test_an_expired_bearer_is_refused(doors: Doors):
    bearer = await doors.bearer(await doors.account())
    doors.clock.move(doors.settings.bearer_lifetime_seconds + 1)
    async with doors.browser(authorization=f"Bearer {bearer}") as browser:
        answer = await _open(browser)
    assert answer.status_code == 401
    assert _error(answer)["code"] == "sign_in_expired"


async def test_a_good_bearer_gets_the_next_one(doors: Doors):
    bearer = await doors.bearer(await doors.account())
    async with doors.browser(authorization=f"Bearer {bearer}") as browser:
        (event,) = events_of(await _open(browser, {}))
    assert event["event"] == "signed_in"
    assert event["frame"] is None
    assert event["bearer"] != bearer


async def test_an_api_key_is_not_a_bearer(doors: Doors):
    async with doors.browser(authorization="Bearer sk-0000000000000000000001") as browser:
        assert (await _open(browser)).status_code == 401


async def test_the_visitors_own_sign_in_opens_too_and_is_left_alone(doors: Doors):
    person = await doors.account()
    assert person.email_address is not None
    _, secret = await doors.services.sign_ins.sign_in(person.email_address, PASSWORD)
    async with doors.browser() as browser:
        browser.cookies.set(SIGN_IN_NAME, secret)
        answer = await _open(browser)
        other = await _open(browser, auth_token=await doors.token(await doors.account()))
    assert events_of(answer)[0]["account"]["account_id"] == person.account_id
    assert "set-cookie" not in answer.headers
    assert SIGN_IN_NAME not in other.headers["set-cookie"]


async def test_nobody_is_told_that_a_token_is_missing(doors: Doors):
    async with doors.browser() as browser:
        answer = await _open(browser)
    assert answer.status_code == 401
    assert _error(answer)["message"] == "missing auth_token."


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-studiolo-frame": "1"},
        {"x-studiolo-frame": "1", "sec-fetch-site": "cross-site"},
        {"x-studiolo-frame": "1", "sec-fetch-site": "same-site", "origin": "https://hub.test"},
        {"x-studiolo-frame": "1", "origin": "https://hub.test"},
        {"x-studiolo-frame": "1", "sec-fetch-site": "same-origin", "origin": "https://evil.test"},
        {"sec-fetch-site": "same-origin", "origin": "https://hub.test"},
        {"x-studiolo-frame": "0", "sec-fetch-site": "same-origin", "origin": "https://hub.test"},
    ],
)
async def test_a_cookie_alone_opens_nothing(doors: Doors, headers: dict[str, str]):
    person = await doors.account()
    assert person.email_address is not None
    _, secret = await doors.services.sign_ins.sign_in(person.email_address, PASSWORD)
    token = await doors.token(person)
    async with doors.browser() as browser:
        await _open(browser, auth_token=token)
        browser.cookies.set(SIGN_IN_NAME, secret)
        for body in ({}, {"frame": frame_key_of(token)}):
            answer = await browser.post("/frame/open", json=body, headers=headers)
            assert answer.status_code == 403
            assert _error(answer)["code"] == "forbidden"


async def test_another_sites_page_cannot_use_a_token_here(doors: Doors):
    token = await doors.token(await doors.account())
    headers = {"origin": "https://lms.example.edu", "sec-fetch-site": "cross-site"}
    async with doors.browser() as browser:
        assert (await _open(browser, headers, auth_token=token)).status_code == 403


async def test_a_form_is_not_json(doors: Doors):
    async with doors.browser() as browser:
        answer = await browser.post("/frame/open", data={"auth_token": "x" * 24}, headers=SAME_ORIGIN)
        plain = await browser.post("/frame/open", content='{"auth_token": ""}', headers={"content-type": "text/plain"})
    assert (answer.status_code, plain.status_code) == (400, 400)
    assert _error(plain)["code"] == "invalid_request"


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"auth_token": 5}', b"[" * 5000, b'{"path": null}'])
async def test_odd_bodies_are_refused_in_words(doors: Doors, body: bytes):
    async with doors.browser() as browser:
        headers = FRAME_HEADERS | {"content-type": "application/json"}
        answer = await browser.post("/frame/open", content=body, headers=headers)
    assert answer.status_code == 400
    assert _error(answer)["code"] == "invalid_request"


async def test_a_large_body_is_refused(doors: Doors):
    async with doors.browser() as browser:
        answer = await _open(browser, path="x" * 70_000)
    assert answer.status_code == 413
    assert _error(answer)["code"] == "too_large"


async def test_only_eight_frames_are_kept_and_the_oldest_goes(doors: Doors):
    person = await doors.account()
    tokens = [await doors.token(person) for _ in range(9)]
    async with doors.browser() as browser:
        for token in tokens:
            last = await _open(browser, auth_token=token)
            doors.clock.move(1)
        keys = {name.removeprefix(FRAME_PREFIX) for name in browser.cookies}
    kept, gone = last.headers.get_list("set-cookie")
    assert kept.startswith(FRAME_PREFIX + frame_key_of(tokens[8]))
    assert gone.startswith(f"{FRAME_PREFIX}{frame_key_of(tokens[0])}=; Path=/; Max-Age=0;")
    assert keys == {frame_key_of(token) for token in tokens[1:]}


async def test_two_frames_with_two_people_do_not_clobber_each_other(doors: Doors):
    people = [await doors.account(), await doors.account()]
    tokens = [await doors.token(person) for person in people]
    async with doors.browser() as browser:
        for token in tokens:
            await _open(browser, auth_token=token)
        seen = [events_of(await _open(browser, frame=frame_key_of(token)))[0] for token in tokens]
    assert [event["account"]["account_id"] for event in seen] == [person.account_id for person in people]


async def test_a_frame_without_its_cookie_is_not_signed_in(doors: Doors):
    async with doors.browser() as browser:
        for key in ("0" * 16, "../x", ""):
            assert (await _open(browser, frame=key)).status_code == 401


@pytest.mark.parametrize("project", ["foreign", "unknown", "nonsense"])
async def test_a_project_that_is_not_yours_looks_like_none(doors: Doors, project: str):
    owner, stranger = await doors.account(), await doors.account()
    foreign = await doors.project(owner, {"a.md": "secret"})
    project_id = {"foreign": foreign, "unknown": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "nonsense": "'; --"}[project]
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(stranger), project_id=project_id, path="a.md")
    assert _error(answer)["code"] == "project_not_found"
    assert "secret" not in answer.text
    assert doors.runner.started == []


async def test_a_reader_is_told_that_it_may_not_write(doors: Doors):
    owner, reader = await doors.account(), await doors.account()
    project_id = await doors.project(owner, {"a.md": "text"})
    await doors.share(project_id, reader, Role.VIEWER)
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(reader), project_id=project_id, path="a.md")
    assert events_of(answer)[-1]["can_write"] is False


async def test_a_narrowed_token_opens_nothing_else(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person, {"in/a.md": "text", "out.md": "secret"})
    other_id = await doors.project(person, {"in/a.md": "secret"})
    token = await doors.token(person, Scope(project_id=project_id, path_prefix="in", is_read_only=True))
    async with doors.browser() as browser:
        inside = await _open(browser, auth_token=token, project_id=project_id, path="in/a.md")
        assert events_of(inside)[-1]["can_write"] is False
        for other, path in ((project_id, "out.md"), (project_id, "in/../out.md"), (other_id, "in/a.md")):
            answer = await _open(browser, auth_token=token, project_id=other, path=path)
            assert _error(answer)["code"] in ("file_not_found", "project_not_found")
            assert "secret" not in answer.text


async def test_a_missing_file_is_an_error_event_with_a_code(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(person), project_id=project_id, path="no.md")
    assert answer.status_code == 200
    assert _error(answer)["code"] == "file_not_found"


@pytest.mark.parametrize("path", ["", "/", "sub/"])
async def test_a_directory_is_said_to_be_one(doors: Doors, path: str):
    person = await doors.account()
    project_id = await doors.project(person)
    doors.runner.agent(project_id).answers["files.list"] = {"entries": []}
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(person), project_id=project_id, path=path)
    location = f"/projects/{project_id}/files/{path.lstrip('/')}"
    assert events_of(answer)[-1] == {"event": "directory", "location": location}


@pytest.mark.parametrize("path", ["../", "sub/../../", "/../x/"])
async def test_a_directory_out_of_the_project_is_refused(doors: Doors, path: str):
    person = await doors.account()
    project_id = await doors.project(person)
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(person), project_id=project_id, path=path)
    assert _error(answer)["code"] == "path_outside_project"


async def test_a_directory_of_a_project_that_is_not_yours_is_none(doors: Doors):
    owner, stranger = await doors.account(), await doors.account()
    foreign = await doors.project(owner)
    token = await doors.token(stranger)
    async with doors.browser() as browser:
        for project_id in (foreign, "0" * 8 + "-0000-4000-8000-" + "0" * 12):
            answer = await _open(browser, auth_token=token, project_id=project_id, path="sub/")
            assert _error(answer)["code"] == "project_not_found"
    assert doors.runner.started == []


@pytest.mark.parametrize(
    ("field", "code"),
    [("auth_token", "auth_token_invalid"), ("frame", "unauthenticated"), ("project_id", "project_not_found")],
)
async def test_what_is_far_too_long_is_refused_as_wrong(doors: Doors, field: str, code: str):
    person = await doors.account()
    given = {"auth_token": await doors.token(person)} if field == "project_id" else {}
    async with doors.browser() as browser:
        answer = await _open(browser, **given, **{field: "x" * 5000})
    assert _error(answer)["code"] == code


async def test_what_an_agent_says_is_never_markup(doors: Doors):
    person = await doors.account()
    path = "<script>alert(1)</script>.md"
    project_id = await doors.project(person, {path: "<script>alert(2)</script><img src=x onerror=alert(3)>"})
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(person), project_id=project_id, path=path)
    html = events_of(answer)[-1]["html"]
    assert "<script" not in html
    assert "<img" not in html


async def test_nonsense_from_an_agent_is_an_error(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    doors.runner.agent(project_id).answers["documents.open"] = {"path": 5}
    async with doors.browser() as browser:
        answer = await _open(browser, auth_token=await doors.token(person), project_id=project_id, path="a.md")
    assert _error(answer)["code"] == AgentUnavailable.code


async def test_a_banned_accounts_token_is_refused(doors: Doors):
    person, admin = await doors.account(), await doors.account(is_admin=True)
    token = await doors.token(person)
    await doors.ban(admin, person)
    async with doors.browser() as browser:
        assert (await _open(browser, auth_token=token)).status_code == 401
