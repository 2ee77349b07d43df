"""The frame works where third-party cookies are blocked; a control run shows that they really are."""

import pytest
from playwright.sync_api import BrowserContext, Playwright, expect

from studiolo.testing.chromium import EmbeddedFrame, chromium, host_address
from studiolo.testing.host_pages import HostPages
from studiolo.testing.live import LiveProject, LiveServer, notebook


def cookies_in_the_frame(context: BrowserContext, host: HostPages, server: LiveServer, url: str) -> str:
    """Set a plain cookie first-party, for the server's own site; return what a frame of that site sees of it."""
    page = context.new_page()
    page.goto(f"https://localhost:{host.port}/cookie")
    assert page.evaluate("document.cookie") == "plain=1"
    page.goto(host_address(host.origin, studiolo=url))
    embedded = EmbeddedFrame(page, "studiolo", server.address)
    expect(embedded.cell("cell-0")).to_be_visible()
    seen = embedded.frame.evaluate("document.cookie")
    page.close()
    return seen


def test_notebook_runs_with_third_party_cookies_blocked(project: LiveProject, embed, browser, host, server):
    project.write("blocked.ipynb", notebook("6 * 7"))
    assert cookies_in_the_frame(browser, host, server, project.url("blocked.ipynb")) == ""
    embedded = embed(project.url("blocked.ipynb"))
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("42")


def test_control_run_without_blocking_sees_the_plain_cookie(
    playwright: Playwright, project: LiveProject, host: HostPages, server: LiveServer
):
    project.write("control.ipynb", notebook("1"))
    with chromium(playwright, blocks_third_party_cookies=False) as context:
        assert "plain=1" in cookies_in_the_frame(context, host, server, project.url("control.ipynb"))


@pytest.mark.parametrize("page_of", ["files", "app", "impersonate"])
def test_no_document_of_a_frame_sees_a_secret_in_script(project: LiveProject, embed, page_of: str):
    project.write("secret.ipynb", notebook("1"))
    token = project.token()
    server = project.server.address
    addresses = {
        "files": project.url("secret.ipynb", token),
        "app": f"{server}/app?auth_token={token}&fullscreen=kiosk&session=",
        "impersonate": f"{server}/auth/impersonate?auth_token={token}",
    }
    embedded = embed(addresses[page_of])
    expect(embedded.inside.locator(".cell, .message.ready, .banner").first).to_be_visible()
    inside = embedded.frame.evaluate("[location.href, document.cookie, name, JSON.stringify(history.state)].join(' ')")
    assert token not in inside
