"""Signing in inside somebody else's page: reloads, two accounts on one page, the visitor's own sign-in."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from studiolo.testing.chromium import EmbeddedFrame, chromium, host_address
from studiolo.testing.host_pages import HostPages
from studiolo.testing.live import LiveProject, LiveServer, Person, notebook


def account_of(embedded: EmbeddedFrame) -> str:
    """Ask the frame's own origin who it is, the way the frame does after a reload: by its cookie alone."""
    return embedded.frame.evaluate(
        """async () => {
          const response = await fetch("/frame/open", {
            method: "POST",
            headers: { "Content-Type": "application/json", "X-Studiolo-Frame": "1" },
            body: JSON.stringify({ frame: history.state.frame }),
          });
          return JSON.parse((await response.text()).split("\\n")[0]).account.account_id;
        }"""
    )


def reload_frame(embedded: EmbeddedFrame) -> None:
    """Reload the frame alone, and see that it is a new document."""
    embedded.frame.evaluate("document.documentElement.id = 'before'; location.reload()")
    expect(embedded.inside.locator("html#before")).to_have_count(0)


def test_token_leaves_the_address_bar_at_once(project: LiveProject, embed):
    project.write("address.ipynb", notebook("1"))
    embedded = embed(project.url("address.ipynb"))
    expect(embedded.cell("cell-0")).to_be_visible()
    href = embedded.frame.evaluate("location.href")
    assert href == f"{project.server.address}/projects/{project.project_id}/files/address.ipynb?fullscreen=kiosk"


def test_reloaded_frame_is_still_signed_in(project: LiveProject, embed):
    project.write("reload.ipynb", notebook("'kept after ' + 'reload'"))
    embedded = embed(project.url("reload.ipynb"))
    expect(embedded.cell("cell-0")).to_be_visible()
    reload_frame(embedded)
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("kept after reload")


def test_reloaded_host_page_is_still_signed_in_when_its_token_was_for_one_use(
    server: LiveServer, project: LiveProject, ada: Person, embed, page: Page
):
    project.write("once.ipynb", notebook("1"))
    embedded = embed(project.url("once.ipynb", server.mint_token(ada.account_id, is_single_use=True)))
    expect(embedded.cell("cell-0")).to_be_visible()
    page.reload()
    expect(embedded.cell("cell-0")).to_be_visible()


def test_token_for_one_use_does_not_sign_in_another_browser(
    server: LiveServer, project: LiveProject, ada: Person, embed, playwright: Playwright
):
    project.write("once.ipynb", notebook("1"))
    url = project.url("once.ipynb", server.mint_token(ada.account_id, is_single_use=True))
    expect(embed(url).cell("cell-0")).to_be_visible()
    with chromium(playwright) as another:
        second = embed(url, page=another.new_page())
        expect(second.inside.get_by_role("alert")).to_contain_text("expired")
        expect(second.cell("cell-0")).to_have_count(0)


def test_two_accounts_in_two_frames_of_one_page_stay_apart(
    server: LiveServer, project: LiveProject, ada: Person, bob: Person, page: Page, host: HostPages
):
    bobs = LiveProject(server, bob, start=True)
    for one in (project, bobs):
        one.write("mine.ipynb", notebook("import os; os.environ['HOME']"))
    page.goto(host_address(host.origin, ada=project.url("mine.ipynb"), bob=bobs.url("mine.ipynb")))
    frames = {name: EmbeddedFrame(page, name, server.address) for name in ("ada", "bob")}

    def see_each_as_itself() -> None:
        for name, person in (("ada", ada), ("bob", bob)):
            expect(frames[name].cell("cell-0")).to_be_visible()
            assert account_of(frames[name]) == person.account_id

    see_each_as_itself()
    for embedded in frames.values():
        reload_frame(embedded)
    see_each_as_itself()
    page.reload()
    see_each_as_itself()
    frames["bob"].run("cell-0")
    expect(frames["bob"].outputs("cell-0")).to_contain_text(bobs.project_id)
    frames["ada"].run("cell-0")
    expect(frames["ada"].outputs("cell-0")).to_contain_text(project.project_id)


def sign_in(page: Page, server: LiveServer, person: Person) -> None:
    page.goto(f"{server.address}/sign-in")
    page.get_by_label("E-mail address").fill(person.email_address)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def own_sign_in(context: BrowserContext, server: LiveServer) -> list[str]:
    return [one["value"] for one in context.cookies(server.address) if one["name"] == "__Host-studiolo-sign-in"]


def test_visitors_own_sign_in_is_untouched_by_a_frame_of_another_account(
    server: LiveServer, project: LiveProject, bob: Person, embed, playwright: Playwright
):
    project.write("other.ipynb", notebook("1"))
    # even where the frame could write cookies of its site
    for is_blocking in (True, False):
        with chromium(playwright, blocks_third_party_cookies=is_blocking) as context:
            page = context.new_page()
            sign_in(page, server, bob)
            before = own_sign_in(context, server)
            assert len(before) == 1
            embedded = embed(project.url("other.ipynb"), page=page)
            expect(embedded.cell("cell-0")).to_be_visible()
            assert account_of(embedded) == project.owner.account_id
            assert own_sign_in(context, server) == before
            page.goto(f"{server.address}/projects")
            expect(page.get_by_role("button", name="Sign out")).to_have_attribute("title", f"Signed in as {bob.name}")


def test_first_party_visitor_opens_a_document_by_their_own_sign_in(
    server: LiveServer, project: LiveProject, ada: Person, playwright: Playwright
):
    project.write("own.ipynb", notebook("1"))
    with chromium(playwright) as context:
        page = context.new_page()
        sign_in(page, server, ada)
        page.goto(f"{server.address}/projects/{project.project_id}/files/own.ipynb")
        expect(page.locator('.cell[data-id="cell-0"]')).to_be_visible()


def test_impersonate_leads_to_its_target_in_kiosk(project: LiveProject, embed):
    project.write("target.ipynb", notebook("1"))
    target = f"/projects/{project.project_id}/files/target.ipynb?fullscreen=kiosk"
    address = f"{project.server.address}/auth/impersonate?auth_token={project.token()}"
    embedded = embed(f"{address}&target={target.replace('?', '%3F').replace('=', '%3D')}")
    expect(embedded.cell("cell-0")).to_be_visible()
    assert embedded.frame.evaluate("location.pathname + location.search") == target
    expect(embedded.inside.locator(".topbar")).to_have_count(0)
    reload_frame(embedded)
    expect(embedded.cell("cell-0")).to_be_visible()


def test_impersonate_stays_a_kiosk_after_a_reload_whoever_said_kiosk(project: LiveProject, embed):
    project.write("target.ipynb", notebook("1"))
    target = f"/projects/{project.project_id}/files/target.ipynb"
    address = f"{project.server.address}/auth/impersonate?auth_token={project.token()}"
    embedded = embed(f"{address}&target={target}&fullscreen=kiosk")
    expect(embedded.cell("cell-0")).to_be_visible()
    reload_frame(embedded)
    expect(embedded.cell("cell-0")).to_be_visible()
    expect(embedded.inside.locator(".topbar")).to_have_count(0)


@pytest.mark.parametrize("page_of", ["/", "/projects", "/settings", "/auth/impersonate?target=/projects"])
def test_page_that_is_no_document_is_the_banner_and_keeps_no_token(project: LiveProject, embed, page_of: str):
    joined = "&" if "?" in page_of else "?"
    token = project.token()
    embedded = embed(f"{project.server.address}{page_of}{joined}auth_token={token}&fullscreen=kiosk")
    expect(embedded.inside.locator(".message.ready")).to_be_visible()
    assert "auth_token" not in embedded.frame.evaluate("location.href")
    assert embedded.ask({"action": "status"})[-1]["connection"]["status"] == "connected"


def test_stranger_on_a_page_of_its_own_is_led_to_the_sign_in_and_back(
    server: LiveServer, project: LiveProject, ada: Person, playwright: Playwright
):
    project.write("led.ipynb", notebook("1"))
    with chromium(playwright) as context:
        page = context.new_page()
        page.goto(f"{server.address}/projects/{project.project_id}/files/led.ipynb")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("E-mail address").fill(ada.email_address)
        page.get_by_label("Password").fill(ada.password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator('.cell[data-id="cell-0"]')).to_be_visible()


def test_impersonate_does_not_lead_to_another_site(project: LiveProject, embed, stranger_host: HostPages):
    address = f"{project.server.address}/auth/impersonate?auth_token={project.token()}"
    embedded = embed(f"{address}&target={stranger_host.origin}/")
    expect(embedded.inside.locator(".banner")).to_be_visible()
    assert embedded.frame.evaluate("location.origin") == project.server.address


def test_unknown_token_shows_a_clear_page_and_tells_the_host_page_that_asks(project: LiveProject, embed):
    embedded = embed(project.url("x.ipynb", "ThisTokenWasNeverGivenOut"[:24]))
    expect(embedded.inside.get_by_role("alert")).to_contain_text("expired")
    asked = embedded.ask({"action": "open", "project_id": project.project_id, "path": "x.ipynb"})
    assert [one["status"] for one in asked] == ["ack", "error"]
    assert asked[-1]["path"] == "x.ipynb"
    assert asked[-1]["project_id"] == project.project_id
    assert asked[-1]["mesg"]
    status = embedded.ask({"action": "status"})[-1]
    assert status["open_files"] == {}
    assert status["connection"]["status"] != "connected"


def test_unknown_token_does_not_fall_back_to_the_visitors_own_sign_in(
    server: LiveServer, project: LiveProject, ada: Person, playwright: Playwright
):
    project.write("own.ipynb", notebook("1"))
    with chromium(playwright) as context:
        page = context.new_page()
        sign_in(page, server, ada)
        page.goto(project.url("own.ipynb", "ThisTokenWasNeverGivenOut"[:24]))
        expect(page.get_by_role("alert")).to_contain_text("expired")
        expect(page.locator(".cell")).to_have_count(0)


def test_nothing_about_a_token_is_in_the_log(project: LiveProject, embed):
    project.write("log.ipynb", notebook("1"))
    token = project.token()
    expect(embed(project.url("log.ipynb", token)).cell("cell-0")).to_be_visible()
    log = project.server.log.read_text(encoding="utf-8")
    assert token not in log
    assert re.search(r"path=/projects/\S+/files/log.ipynb", log)
