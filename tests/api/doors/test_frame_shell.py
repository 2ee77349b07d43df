"""The shell page and the other pages of the frame."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from studiolo.testing.doors import Doors
from studiolo.web.frame import rendering

pytestmark = pytest.mark.anyio

PROJECT = "11111111-2222-4333-8444-555555555555"


def _config(page: httpx.Response) -> dict[str, Any]:
    found = re.search(r'id="studiolo-config">(.*?)</script>', page.text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def _policy(page: httpx.Response) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))


async def _get(doors: Doors, address: str, **headers: str) -> httpx.Response:
    async with doors.browser(**headers) as browser:
        return await browser.get(address)


async def test_the_shell_lets_exactly_its_own_script_run(doors: Doors):
    page = await _get(doors, f"/projects/{PROJECT}/files/a.ipynb?auth_token=T&fullscreen=kiosk&session=")
    script = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert len(script) == 1
    assert _policy(page)["script-src"] == f"'sha256-{digest}' https://hub.test/assets/"
    nonce = re.search(r'<style nonce="([^"]+)">', page.text)
    assert nonce is not None
    assert _policy(page)["style-src"] == f"'self' 'nonce-{nonce[1]}'"
    assert _config(page)["nonce"] == nonce[1]


async def test_the_first_shell_has_loaded_what_an_opening_needs(doors: Doors, monkeypatch: pytest.MonkeyPatch):
    loaded: list[str] = []

    async def load() -> None:
        loaded.append("renderer")

    monkeypatch.setattr(rendering, "load", load)
    for _ in range(2):
        await _get(doors, f"/projects/{PROJECT}/files/a.ipynb?fullscreen=kiosk")
    assert loaded == ["renderer"]


async def test_the_shell_may_be_framed_by_the_allowed_origins_only(doors: Doors):
    page = await _get(doors, f"/projects/{PROJECT}/files/a.ipynb?fullscreen=kiosk")
    assert _policy(page)["frame-ancestors"] == "'self' https://lms.example.edu"
    assert "x-frame-options" not in page.headers
    assert page.headers["referrer-policy"] == "no-referrer"
    assert _config(page)["origins"] == ["https://lms.example.edu"]


async def test_a_page_with_a_token_is_not_kept(doors: Doors):
    page = await _get(doors, f"/projects/{PROJECT}/files/a.ipynb?auth_token=SECRETSECRETSECRETSECRET")
    assert page.headers["cache-control"] == "no-store"
    assert "SECRET" not in page.text


async def test_the_nonce_is_new_each_time(doors: Doors):
    pages = [await _get(doors, "/app?fullscreen=kiosk") for _ in range(2)]
    assert _config(pages[0])["nonce"] != _config(pages[1])["nonce"]


@pytest.mark.parametrize(
    "path",
    [
        "a b.ipynb",
        'it\'s "quoted".md',
        "naïve/日本語.ipynb",
        "two\nlines.md",
        "\nfirst.md",
        "last.md\n",
        "a%2Fb.md",
        "100%.md",
        "</script><script>alert(1)</script>.md",
        "question?.md",
        "hash#.md",
        "a&b;c.md",
        "\u2028.md",
    ],
)
async def test_a_path_is_decoded_exactly_once(doors: Doors, path: str):
    page = await _get(doors, f"/projects/{PROJECT}/files/{quote(path)}?fullscreen=kiosk")
    assert page.status_code == 200
    assert _config(page)["path"] == path
    assert _config(page)["project_id"] == PROJECT
    assert page.text.count("<script>") == 1


async def test_the_shell_says_the_same_of_every_project(doors: Doors):
    person = await doors.account()
    mine = await doors.project(person, {"a.md": ""})
    pages = [await _get(doors, f"/projects/{one}/files/a.md?fullscreen=kiosk") for one in (mine, PROJECT, "nonsense")]
    assert {page.status_code for page in pages} == {200}
    assert {_config(page)["page"] for page in pages} == {"file"}


@pytest.mark.parametrize("view", ["", "/", "/files/", "/files/sub/", "/settings", "/log", "/new/x", "/search/"])
async def test_in_a_kiosk_every_other_view_is_the_banner(doors: Doors, view: str):
    page = await _get(doors, f"/projects/{PROJECT}{view}?fullscreen=kiosk")
    assert page.status_code == 200
    assert _config(page)["page"] == "banner"
    assert 'data-kiosk="true"' in page.text


async def test_a_frame_is_never_sent_to_a_page_that_refuses_to_be_framed(doors: Doors):
    views = ("/", "/projects", "/app", "/settings", "/settings/account", "/notifications", "/admin")
    for address in (*views, f"/projects/{PROJECT}/files/", f"/projects/{PROJECT}/settings"):
        page = await _get(doors, address, **{"sec-fetch-dest": "iframe"})
        assert page.status_code == 200
        assert "'self'" in _policy(page)["frame-ancestors"]


@pytest.mark.parametrize("view", ["/", "/projects", "/settings", "/notifications", "/admin/users"])
@pytest.mark.parametrize("query", ["auth_token=SECRETSECRETSECRETSECRET", "fullscreen=kiosk"])
async def test_a_view_outside_of_projects_is_the_banner_too(doors: Doors, view: str, query: str):
    page = await _get(doors, f"{view}?{query}")
    assert page.status_code == 200
    assert _config(page)["page"] == "banner"
    assert "SECRET" not in page.text


async def test_a_view_that_we_do_not_have_is_not_found_on_its_own(doors: Doors):
    for view in ("/settings", "/notifications", "/admin"):
        assert (await _get(doors, view)).status_code == 404


async def test_app_in_a_kiosk_is_the_loading_screen(doors: Doors):
    page = await _get(doors, "/app?auth_token=T&fullscreen=kiosk&session=")
    assert _config(page)["page"] == "app"
    assert _config(page)["is_kiosk"] is True


async def test_app_on_its_own_leads_to_the_projects(doors: Doors):
    page = await _get(doors, "/app")
    assert (page.status_code, page.headers["location"]) == (303, "/")


async def test_only_kiosk_is_a_kiosk(doors: Doors):
    page = await _get(doors, f"/projects/{PROJECT}/files/a.md?fullscreen=project")
    assert _config(page)["is_kiosk"] is False
    assert 'data-kiosk="false"' in page.text


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/projects/1/files/a%20b.ipynb?fullscreen=kiosk", "/projects/1/files/a%20b.ipynb?fullscreen=kiosk"),
        (None, "/app"),
        ("https://evil.test/", "/app"),
        ("//evil.test", "/app"),
        ("/\\evil.test", "/app"),
        ("/\n/evil.test", "/app"),
        ("javascript:alert(1)", "/app"),
    ],
)
async def test_impersonate_leads_only_to_paths_of_ours(doors: Doors, target: str | None, expected: str):
    params = {"auth_token": "x" * 24} | ({"target": target} if target is not None else {})
    async with doors.browser() as browser:
        page = await browser.get("/auth/impersonate", params=params)
    assert _config(page)["page"] == "impersonate"
    assert _config(page)["target"] == expected
    assert page.headers["cache-control"] == "no-store"
    assert "xxxx" not in page.text


@pytest.mark.parametrize(
    ("query", "is_kiosk"),
    [
        ("target=%2Fapp%3Ffullscreen%3Dkiosk", True),
        ("target=https%3A%2F%2Fhub.test%2Fapp%3Ffullscreen%3Dkiosk", True),
        ("fullscreen=kiosk", True),
        ("target=%2Fapp", False),
        ("target=https%3A%2F%2F%5B", False),
    ],
)
async def test_impersonate_is_a_kiosk_when_it_or_its_target_says_so(doors: Doors, query: str, is_kiosk: bool):
    page = await _get(doors, f"/auth/impersonate?auth_token={'x' * 24}&{query}")
    assert _config(page)["is_kiosk"] is is_kiosk


async def test_impersonate_without_a_token_answers_in_the_historical_words(doors: Doors):
    for address in ("/auth/impersonate", "/auth/impersonate?auth_token="):
        page = await _get(doors, address)
        assert page.status_code == 200
        assert page.text == "ERROR: impersonate error -- Error: invalid empty token"
        assert page.headers["content-type"].startswith("text/plain")
        assert _policy(page)["frame-ancestors"] == "'self' https://lms.example.edu"  # the host page shows the words


async def test_the_output_frame_has_an_origin_of_its_own(doors: Doors):
    page = await _get(doors, "/frame/output")
    assert page.status_code == 200
    assert _policy(page)["sandbox"] == "allow-scripts allow-popups"
    assert _policy(page)["frame-ancestors"] == "'self' https://lms.example.edu"


async def test_rendering_needs_a_bearer(doors: Doors):
    items = {"items": [{"kind": "markdown", "text": "*a*"}]}
    async with doors.browser() as browser:
        assert (await browser.post("/frame/render", json=items)).status_code == 401
        wrong = await browser.post("/frame/render", json=items, headers={"authorization": "Bearer nobody"})
    assert wrong.status_code == 401
    assert wrong.json()["code"] == "sign_in_expired"


async def test_rendering_answers_clean_html_in_order(doors: Doors):
    bearer = await doors.bearer(await doors.account())
    items = [{"kind": "markdown", "text": "*a*"}, {"kind": "html", "text": "<b onclick=x()>b</b><script>c</script>"}]
    async with doors.browser(authorization=f"Bearer {bearer}") as browser:
        answer = await browser.post("/frame/render", json={"items": items})
    one, two = answer.json()["html"]
    assert "<em>a</em>" in one
    assert "<b>b</b>" in two
    assert "script" not in two


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"items": [{"kind": "python", "text": ""}]}, 400),
        ({"items": "x"}, 400),
        ({"items": [{"kind": "html", "text": ""}] * 201}, 400),
        ({"items": [{"kind": "html", "text": "x" * (2 * 1024 * 1024)}]}, 413),
    ],
)
async def test_rendering_refuses_what_it_does_not_know(doors: Doors, body: dict[str, Any], status: int):
    bearer = await doors.bearer(await doors.account())
    async with doors.browser(authorization=f"Bearer {bearer}") as browser:
        answer = await browser.post("/frame/render", json=body)
    assert answer.status_code == status


async def test_rendering_refuses_another_sites_page(doors: Doors):
    bearer = await doors.bearer(await doors.account())
    async with doors.browser(authorization=f"Bearer {bearer}", origin="https://evil.test") as browser:
        answer = await browser.post("/frame/render", json={"items": []})
    assert answer.status_code == 403


async def test_a_picture_needs_a_bearer_and_our_own_page(doors: Doors):
    asked = {"project_id": PROJECT, "path": "a.png"}
    bearer = await doors.bearer(await doors.account())
    async with doors.browser() as browser:
        answers = [
            await browser.post("/frame/picture", json=asked),
            await browser.get("/frame/picture"),
            await browser.post("/frame/picture", json=asked, headers={"authorization": f"Bearer {bearer}"}),
            await browser.post(
                "/frame/picture",
                json=asked,
                headers={"authorization": f"Bearer {bearer}", "origin": "https://evil.test"},
            ),
        ]
    assert [answer.status_code for answer in answers] == [401, 405, 404, 403]
    assert answers[2].json()["code"] == "project_not_found"
    assert answers[2].headers["cache-control"] == "no-store"
