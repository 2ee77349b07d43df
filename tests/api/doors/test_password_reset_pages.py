"""The pages for a forgotten password."""

import re
from pathlib import Path

import httpx
import pytest

from studiolo.testing.doors import SAME_ORIGIN, Doors
from studiolo.testing.factories import PASSWORD

pytestmark = pytest.mark.anyio
SENT = "If there is an account with this address, a mail with a code is on its way."


def _mails(doors: Doors) -> list[str]:
    directory = Path(doors.settings.data) / "mail"
    return [mail.read_text() for mail in sorted(directory.glob("*"))] if directory.exists() else []


async def _ask(browser: httpx.AsyncClient, email_address: str | None, **headers: str) -> httpx.Response:
    return await browser.post("/forgot-password", data={"email_address": email_address}, headers=headers)


async def _code(doors: Doors, browser: httpx.AsyncClient, email_address: str | None) -> str:
    assert SENT in (await _ask(browser, email_address, **SAME_ORIGIN)).text
    found = re.search(r"^    (\w{24})", _mails(doors)[-1], re.MULTILINE)
    assert found is not None
    return found[1]


async def test_a_code_from_the_mail_sets_a_new_password_once(doors: Doors):
    person = await doors.account()
    async with doors.browser(**SAME_ORIGIN) as browser:
        assert 'href="/forgot-password"' in (await browser.get("/sign-in")).text
        code = await _code(doors, browser, person.email_address)
        page = await browser.get(f"/reset-password?code={code}")
        assert f'name="code" value="{code}"' in page.text
        given = {"code": f" {code} ", "new_password": "a-new-password"}
        assert "Your new password is set." in (await browser.post("/reset-password", data=given)).text
        again = await browser.post("/reset-password", data=given)
        assert again.status_code == 400
        assert "Password reset request is no longer valid." in again.text
    await doors.services.sign_ins.sign_in(person.email_address or "", "a-new-password")


async def test_looking_at_the_link_of_the_mail_uses_nothing_up(doors: Doors):
    person = await doors.account()
    async with doors.browser(**SAME_ORIGIN) as browser:
        code = await _code(doors, browser, person.email_address)
        for _ in range(3):
            page = await browser.get(f"/reset-password?code={code}")
            assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-store", "DENY")
            assert page.headers["referrer-policy"] == "same-origin"
        given = {"code": code, "new_password": "a-new-password"}
        assert (await browser.post("/reset-password", data=given)).status_code == 200


async def test_who_asks_is_never_told_whether_there_is_an_account(doors: Doors):
    person, banned = await doors.account(), await doors.account()
    await doors.ban(await doors.account(is_admin=True), banned)
    async with doors.browser(**SAME_ORIGIN) as browser:
        addresses = (person.email_address, banned.email_address, "nobody@example.edu", "no address", "")
        answers = {(await _ask(browser, one)).text for one in addresses}
    assert len(answers) == 1
    assert len(_mails(doors)) == 1


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}])
async def test_forms_of_other_pages_do_nothing(doors: Doors, headers: dict[str, str]):
    person = await doors.account()
    async with doors.browser() as browser:
        assert (await _ask(browser, person.email_address, **headers)).status_code == 403
        assert _mails(doors) == []
        code = await _code(doors, browser, person.email_address)
        given = {"code": code, "new_password": "a-new-password"}
        assert (await browser.post("/reset-password", data=given, headers=headers)).status_code == 403
    await doors.services.sign_ins.sign_in(person.email_address or "", PASSWORD)


async def test_a_password_that_cannot_be_one_leaves_the_code_good(doors: Doors):
    person = await doors.account()
    async with doors.browser(**SAME_ORIGIN) as browser:
        code = await _code(doors, browser, person.email_address)
        short = await browser.post("/reset-password", data={"code": code, "new_password": "short"})
        assert short.status_code == 400
        assert "between 6 and 64 characters" in short.text
        assert "short" not in short.text.replace("short_", "")
        given = {"code": code, "new_password": "a-new-password"}
        assert (await browser.post("/reset-password", data=given)).status_code == 200


async def test_a_code_after_its_hour_is_refused(doors: Doors):
    person = await doors.account()
    async with doors.browser(**SAME_ORIGIN) as browser:
        code = await _code(doors, browser, person.email_address)
        doors.clock.move(3601)
        late = await browser.post("/reset-password", data={"code": code, "new_password": "a-new-password"})
        assert "no longer valid" in late.text


async def test_what_a_code_says_is_text_and_no_markup(doors: Doors):
    async with doors.browser(**SAME_ORIGIN) as browser:
        page = await browser.get("/reset-password", params={"code": '"><script>alert(1)</script>'})
        assert "<script>" not in page.text
