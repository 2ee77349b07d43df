"""The ordinary pages: signing in and out, API keys, projects, files, errors."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from studiolo.core.models import Account
from studiolo.testing.doors import ORIGIN, SAME_ORIGIN, Doors
from studiolo.testing.factories import PASSWORD
from studiolo.web.cookies import SIGN_IN_NAME

pytestmark = pytest.mark.anyio

KEYS = "/settings/api-keys"
EVERYTHING = {"scope everything": "on"}


async def _sign_in(browser: httpx.AsyncClient, email_address: str | None, password: str = PASSWORD, next_: str = "/"):
    fields = {"email_address": email_address, "password": password, "next": next_}
    return await browser.post("/sign-in", data=fields, headers=SAME_ORIGIN)


@asynccontextmanager
async def _signed_in(doors: Doors, person: Account) -> AsyncIterator[httpx.AsyncClient]:
    async with doors.browser(**SAME_ORIGIN) as browser:
        assert (await _sign_in(browser, person.email_address)).status_code == 303
        yield browser


async def _post(browser: httpx.AsyncClient, address: str, page: str = "/", **fields: str) -> httpx.Response:
    """Send a form with the token that the page gives."""
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', (await browser.get(page)).text)
    assert found is not None
    return await browser.post(address, data={"form_token": found[1], **fields})


async def test_signing_in_leads_where_the_visitor_wanted_to_go(doors: Doors):
    person = await doors.account()
    async with doors.browser() as browser:
        sent = await browser.get("/settings/api-keys?a=1")
        assert sent.status_code == 303
        form = await browser.get(sent.headers["location"])
        target = re.search(r'name="next" value="([^"]+)"', form.text)
        assert target is not None
        assert unescape(target[1]) == "/settings/api-keys?a=1"
        answer = await _sign_in(browser, person.email_address, next_=unescape(target[1]))
        assert (answer.status_code, answer.headers["location"]) == (303, "/settings/api-keys?a=1")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{SIGN_IN_NAME}=")
        assert cookie.endswith("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure")
        assert (await browser.get("/settings/api-keys")).status_code == 200
        assert (await browser.get("/sign-in?next=/app")).headers["location"] == "/app"


@pytest.mark.parametrize("target", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"])
async def test_signing_in_never_leads_elsewhere(doors: Doors, target: str):
    person = await doors.account()
    async with doors.browser() as browser:
        form = await browser.get("/sign-in", params={"next": target})
        assert 'name="next" value="/"' in form.text
        assert (await _sign_in(browser, person.email_address, next_=target)).headers["location"] == "/"


async def test_a_wrong_password_and_an_unknown_address_look_the_same(doors: Doors):
    person = await doors.account(email_address="known@example.edu")
    async with doors.browser() as browser:
        wrong = await _sign_in(browser, person.email_address, "wrong")
        unknown = await _sign_in(browser, "other@example.edu", "wrong")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text.replace("known@example.edu", "") == unknown.text.replace("other@example.edu", "")
    assert "set-cookie" not in wrong.headers
    assert "wrong" in wrong.text


async def test_too_many_attempts_are_told_to_wait(doors: Doors):
    person = await doors.account()
    async with doors.browser() as browser:
        for _ in range(doors.settings.sign_in_attempts):
            await _sign_in(browser, person.email_address, "wrong")
        answer = await _sign_in(browser, person.email_address)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert "Too many attempts" in answer.text
        doors.clock.move(301)
        assert (await _sign_in(browser, person.email_address)).status_code == 303


async def test_a_banned_person_is_told_so_only_with_the_right_password(doors: Doors):
    person, admin = await doors.account(), await doors.account(is_admin=True)
    await doors.ban(admin, person)
    async with doors.browser() as browser:
        assert "BANNED" not in (await _sign_in(browser, person.email_address, "wrong")).text
        answer = await _sign_in(browser, person.email_address)
    assert answer.status_code == 403
    assert "BANNED" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.test", "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
    ],
)
async def test_another_site_cannot_sign_anybody_in(doors: Doors, headers: dict[str, str]):
    person = await doors.account()
    fields = {"email_address": person.email_address, "password": PASSWORD}
    async with doors.browser() as browser:
        answer = await browser.post("/sign-in", data=fields, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_sign_in_itself(doors: Doors):
    person = await doors.account()
    async with _signed_in(doors, person) as browser:
        secret = browser.cookies[SIGN_IN_NAME]
        answer = await _post(browser, "/sign-out")
        assert answer.status_code == 303
        assert f"{SIGN_IN_NAME}=; Path=/; Max-Age=0" in answer.headers["set-cookie"]
        browser.cookies.set(SIGN_IN_NAME, secret)
        assert (await browser.get("/")).headers["location"].startswith("/sign-in")


async def test_forms_need_the_token_of_their_sign_in(doors: Doors):
    one, other = await doors.account(), await doors.account()
    async with _signed_in(doors, one) as theirs:
        page = (await theirs.get("/")).text
    foreign = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert foreign is not None
    async with _signed_in(doors, other) as browser:
        for address in ("/sign-out", KEYS, f"{KEYS}/1/revoke", "/projects", "/app/api-key"):
            for fields in ({"x": "1"}, {"form_token": ""}, {"form_token": foreign[1]}):
                assert (await browser.post(address, data=fields)).status_code == 403, address
            elsewhere = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}
            assert (await browser.post(address, data={"form_token": ""}, headers=elsewhere)).status_code == 403
        assert (await browser.get("/")).status_code == 200


async def test_nobody_can_use_the_forms_without_signing_in(doors: Doors):
    async with doors.browser(**SAME_ORIGIN) as browser:
        for address in ("/sign-out", KEYS, f"{KEYS}/1/name", "/projects", "/app/api-key"):
            answer = await browser.post(address, data={"form_token": "x"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_pages_carry_strict_headers(doors: Doors):
    async with _signed_in(doors, await doors.account()) as browser:
        for address in ("/", KEYS, "/sign-in?x", "/nowhere-project", "/app?get_api_key=X"):
            page = await browser.get(address)
            if page.status_code == 303 or "text/html" not in page.headers["content-type"]:
                continue
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["x-frame-options"] == "DENY"
            assert page.headers["referrer-policy"] == "same-origin"
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
            assert "script-src" not in page.headers["content-security-policy"]
            assert "<script" not in page.text
            assert '<link rel="stylesheet" href="/assets/pages-1.css">' in page.text


async def test_a_frames_sign_in_opens_no_page(doors: Doors):
    person = await doors.account()
    bearer = await doors.bearer(person)
    async with doors.browser(authorization=f"Bearer {bearer}") as browser:
        await browser.post("/frame/open", json={"auth_token": await doors.token(person)})
        assert (await browser.get("/")).headers["location"].startswith("/sign-in")


async def test_an_api_key_is_made_shown_once_and_works(doors: Doors):
    person = await doors.account()
    async with _signed_in(doors, person) as browser:
        page = await _post(browser, KEYS, KEYS, name="grader <b>", expires_on="2026-03-01", **EVERYTHING)
        secret = re.search(r'value="(sk-[A-Za-z0-9]+)"', page.text)
        assert secret is not None
        assert "grader &lt;b&gt;" in page.text
        assert "2026-03-01" in page.text
        again = await browser.get(KEYS)
        assert secret[1] not in again.text
        assert (await doors.services.api_keys.resolve(secret[1], "")).account_id == person.account_id
        doors.clock.move(60 * 24 * 3600)
        with pytest.raises(Exception, match="No account found"):
            await doors.services.api_keys.resolve(secret[1], "")


async def test_an_api_key_is_renamed_given_an_end_and_revoked(doors: Doors):
    person = await doors.account()
    async with _signed_in(doors, person) as browser:
        page = await _post(browser, KEYS, KEYS, name="one", **EVERYTHING)
        number = re.search(rf'action="{KEYS}/(\d+)/name"', page.text)
        assert number is not None
        one = f"{KEYS}/{number[1]}"
        assert (await _post(browser, f"{one}/name", KEYS, name="two")).headers["location"] == KEYS
        assert (await _post(browser, f"{one}/expiry", KEYS, expires_on="2026-02-03")).headers["location"] == KEYS
        page = await browser.get(KEYS)
        assert "two" in page.text
        assert "2026-02-03" in page.text
        await _post(browser, f"{one}/expiry", KEYS, expires_on="")
        assert "2026-02-03" not in (await browser.get(KEYS)).text
        await _post(browser, f"{one}/revoke", KEYS)
        assert "There are no keys yet" in (await browser.get(KEYS)).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "x" * 129}, "128"),
        ({"expires_on": "tomorrow"}, "2027-01-31"),
        ({"expires_on": "2020-01-01"}, "in the past"),
        ({"expires_on": "9999-99-99"}, "2027-01-31"),
        ({"scope root": "on"}, "There is no scope"),
        ({"project_id": "11111111-2222-4333-8444-555555555555"}, "does not have write access"),
    ],
)
async def test_an_odd_key_is_refused_in_words(doors: Doors, fields: dict[str, str], words: str):
    async with _signed_in(doors, await doors.account()) as browser:
        page = await _post(browser, KEYS, KEYS, **({} if "scope root" in fields else EVERYTHING), **fields)
        assert page.status_code in (400, 404)
        assert words in page.text
        assert "There are no keys yet" in page.text


async def test_a_key_is_made_for_one_project_and_some_scopes_and_changed_later(doors: Doors):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _signed_in(doors, person) as browser:
        ticked = {"scope files:read": "on", "scope exec": "on"}
        page = await _post(browser, KEYS, KEYS, project_id=project_id, **EVERYTHING, **ticked)
        secret = re.search(r'value="(sk-[A-Za-z0-9]+)"', page.text)
        number = re.search(rf'action="{KEYS}/(\d+)/scopes"', page.text)
        assert secret is not None
        assert number is not None
        assert "<dd>files:read, exec</dd>" in page.text
        principal = await doors.services.api_keys.resolve(secret[1])
        assert (principal.key_project_id, principal.key_scopes) == (project_id, {"files:read", "exec"})
        assert 'name="scope exec" checked' in page.text
        await _post(browser, f"{KEYS}/{number[1]}/scopes", KEYS, **{"scope copies": "on"})
        assert (await doors.services.api_keys.resolve(secret[1])).key_scopes == {"copies"}
        nothing = await _post(browser, f"{KEYS}/{number[1]}/scopes", KEYS)
        assert nothing.status_code == 400
        assert "A key needs at least one scope." in unescape(nothing.text)
        assert (await doors.services.api_keys.resolve(secret[1])).key_scopes == {"copies"}


async def test_the_keys_of_others_cannot_be_touched(doors: Doors):
    owner, other = await doors.account(), await doors.account()
    async with _signed_in(doors, owner) as browser:
        page = await _post(browser, KEYS, KEYS, name="mine", **EVERYTHING)
        number = re.search(rf'action="{KEYS}/(\d+)/name"', page.text)
        assert number is not None
    async with _signed_in(doors, other) as browser:
        for action in ("name", "expiry", "scopes", "revoke"):
            for key in (number[1], "999999", "99999999999999999999"):
                answer = await _post(browser, f"{KEYS}/{key}/{action}", KEYS, name="stolen", **EVERYTHING)
                assert answer.status_code == 404
        assert "mine" not in (await browser.get(KEYS)).text
    async with _signed_in(doors, owner) as browser:
        assert "mine" in (await browser.get(KEYS)).text


async def test_a_program_gets_a_key_only_after_a_yes(doors: Doors):
    person = await doors.account()
    async with doors.browser(**SAME_ORIGIN) as browser:
        sent = await browser.get("/app?get_api_key=My%20App")
        form = await browser.get(sent.headers["location"])
        assert "My App" in form.text
        await _sign_in(browser, person.email_address)
        asking = "/app?get_api_key=My%20App"
        page = await browser.get(asking)
        assert "My App" in page.text
        assert "form-action 'self' https://authenticated" in page.headers["content-security-policy"]
        assert "There are no keys yet" in (await browser.get(KEYS)).text
        answer = await _post(browser, "/app/api-key", asking, app_name="My App")
        location = urlsplit(answer.headers["location"])
        assert (answer.status_code, location.scheme, location.netloc, location.path) == (
            303,
            "https",
            "authenticated",
            "/",
        )
        (key,) = parse_qs(location.query)["api_key"]
        assert (await doors.services.api_keys.resolve(key, "")).account_id == person.account_id
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "My App" in (await browser.get(KEYS)).text


async def test_a_program_without_a_name_gets_nothing(doors: Doors):
    async with _signed_in(doors, await doors.account()) as browser:
        assert (await browser.get("/app?get_api_key=%20%00")).status_code == 400


async def test_projects_are_listed_and_made(doors: Doors):
    person, stranger = await doors.account(), await doors.account()
    await doors.project(stranger)
    async with _signed_in(doors, person) as browser:
        assert "no projects yet" in (await browser.get("/")).text
        made = await _post(browser, "/projects", title="<i>Course</i>", description="About it")
        assert made.status_code == 303
        page = await browser.get("/")
        assert "&lt;i&gt;Course&lt;/i&gt;" in page.text
        assert page.text.count("<li>") == 1
        assert "There is nothing in this directory" in (await browser.get(made.headers["location"])).text
        assert (await _post(browser, "/projects", title=" ")).status_code == 400


async def test_files_are_listed_and_lead_to_documents(doors: Doors):
    person = await doors.account()
    names = ["a b.md", "<b>.md", 'q"uote.md', "ü#?%.ipynb"]
    project_id = await doors.project(person, dict.fromkeys(names, "x"))
    async with _signed_in(doors, person) as browser:
        page = await browser.get(f"/projects/{project_id}/files/")
        links = [unescape(link) for link in re.findall(r'<td><a href="([^"]+)"', page.text)]
        assert "&lt;b&gt;.md" in page.text
        assert "<b>.md" not in page.text
        assert f"/projects/{project_id}/files/a%20b.md" in links
        for link in links:
            assert (await browser.get(link)).status_code == 200


@pytest.mark.parametrize("view", ["", "/", "/files"])
async def test_a_project_is_its_files(doors: Doors, view: str):
    person = await doors.account()
    project_id = await doors.project(person)
    async with _signed_in(doors, person) as browser:
        answer = await browser.get(f"/projects/{project_id}{view}")
    assert answer.headers["location"] == f"/projects/{project_id}/files/"


async def test_what_is_not_yours_is_not_there(doors: Doors):
    owner, stranger = await doors.account(), await doors.account()
    foreign = await doors.project(owner)
    async with _signed_in(doors, stranger) as browser:
        for address in (f"/projects/{foreign}/files/", "/projects/nonsense/files/", f"/projects/{foreign}/settings"):
            page = await browser.get(address)
            assert page.status_code == 404
            assert "<h1>Not found</h1>" in page.text
    assert doors.runner.started == []


async def test_nothing_is_listed_for_nobody(doors: Doors):
    project_id = await doors.project(await doors.account())
    async with doors.browser() as browser:
        for address in ("/", KEYS, f"/projects/{project_id}/files/"):
            assert (await browser.get(address)).headers["location"].startswith("/sign-in?next=")


async def test_an_auth_token_does_not_go_on_to_the_sign_in_page(doors: Doors):
    async with doors.browser() as browser:
        sent = await browser.get(f"{KEYS}?a=1&auth_token=SECRETSECRETSECRETSECRET&b=%26")
    assert sent.headers["location"] == "/sign-in?next=%2Fsettings%2Fapi-keys%3Fa%3D1%26b%3D%2526"


async def test_a_form_that_is_no_form_is_refused(doors: Doors):
    async with _signed_in(doors, await doors.account()) as browser:
        assert (await browser.post("/projects", json={"title": "x"})).status_code == 400
        assert (await browser.post("/projects", data={"title": "x" * 20_000})).status_code == 413


async def test_over_plain_http_the_sign_in_page_says_why_it_cannot_work(doors: Doors):
    transport = httpx.ASGITransport(doors.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as browser:
        page = await browser.get("/sign-in")
    assert "plain http" in page.text
