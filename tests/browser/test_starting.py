"""A stopped project starts by itself when a document of it is opened, and the reader sees that."""

import pytest
from playwright.sync_api import Page, expect

from studiolo.testing.chromium import EmbeddedFrame, HeldRequests, host_address
from studiolo.testing.host_pages import HostPages
from studiolo.testing.live import LiveProject, LiveServer, Person, notebook


def test_stopped_project_starts_by_itself_and_runs_a_cell(server: LiveServer, ada: Person, embed):
    project = LiveProject(server, ada)  # never started
    project.write("first.ipynb", notebook("1 + 1"))
    embedded = embed(project.url("first.ipynb"))
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("2")


def test_progress_is_shown_while_the_project_starts(server: LiveServer, ada: Person, page: Page, host: HostPages):
    project = LiveProject(server, ada)
    page.goto(
        host_address(host.origin, studiolo=f"{server.address}/app?auth_token={project.token()}&fullscreen=kiosk"),
        wait_until="domcontentloaded",
    )
    embedded = EmbeddedFrame(page, "studiolo", server.address)
    expect(embedded.inside.locator(".message.ready")).to_be_visible()
    embedded.ask({"action": "subscribe"})
    # remembers every word that a reader is shown
    embedded.frame.evaluate(
        """() => {
          window.shown = [];
          new MutationObserver(() => {
            const words = document.querySelector(".splash[role=status] p")?.textContent;
            if (words && shown.at(-1) !== words) shown.push(words);
          }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }"""
    )
    answer = embedded.ask({"action": "open", "project_id": project.project_id, "path": "not-there.ipynb"})
    assert answer[-1]["code"] == "file_not_found"
    assert "Starting the project\u2026" in embedded.frame.evaluate("shown")
    stages = [one["stage"] for one in embedded.messages() if one.get("event") == "progress"]
    assert stages[0] == "starting_project"


def test_first_open_message_on_a_stopped_project_starts_it(server: LiveServer, ada: Person, app: EmbeddedFrame):
    project = LiveProject(server, ada)
    app.ask({"action": "subscribe"})
    about = {"action": "open", "project_id": project.project_id, "path": "new.ipynb"}
    assert [one["status"] for one in app.ask(about)] == ["ack", "error"]  # there is no such file, and that is known
    stages = [one["stage"] for one in app.messages() if one.get("event") == "progress"]
    assert "starting_project" in stages


def test_address_of_somebody_elses_project_shows_a_clear_failure(server: LiveServer, project, bob: Person, embed):
    foreign = LiveProject(server, bob)
    embedded = embed(foreign.url("x.ipynb", project.token()))
    alert = embedded.inside.get_by_role("alert")
    expect(alert).to_contain_text("There is no such project")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()


def test_address_with_an_id_that_is_none_shows_a_clear_failure(project: LiveProject, embed):
    embedded = embed(project.url("x.ipynb").replace(project.project_id, "nonsense"))
    expect(embedded.inside.get_by_role("alert")).to_contain_text("There is no such project")


def test_address_names_a_place_in_the_document(project: LiveProject, embed):
    project.write("long.ipynb", notebook(*(f"x = {number}" for number in range(60))))
    embedded = embed(project.url("long.ipynb") + "#id=cell-50")
    expect(embedded.cell("cell-50")).to_be_in_viewport()
    project.write("long.txt", "".join(f"this is line {number}\n" for number in range(1, 501)))
    embedded = embed(project.url("long.txt") + "#line=300")
    expect(embedded.inside.get_by_text("this is line 300")).to_be_in_viewport()


@pytest.mark.parametrize(("fullscreen", "has_bar"), [("project", 0), ("default", 1), ("kiosk", 0)])
def test_fullscreen_says_whether_there_is_a_bar(project: LiveProject, embed, fullscreen: str, has_bar: int):
    project.write("bar.md", "text")
    embedded = embed(project.url("bar.md").replace("fullscreen=kiosk", f"fullscreen={fullscreen}"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    expect(embedded.inside.locator(".topbar")).to_have_count(has_bar)


def test_try_again_works_once_the_reason_is_gone(project: LiveProject, embed):
    embedded = embed(project.url("later.md"))
    expect(embedded.inside.get_by_role("alert")).to_contain_text("There is no such file")
    project.write("later.md", "Here it is")
    embedded.inside.get_by_role("button", name="Try again").click()
    expect(embedded.inside.get_by_text("Here it is").first).to_be_visible()
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")


def test_click_and_keys_on_a_cell_before_the_live_code_is_there_are_not_lost(
    project: LiveProject, page: Page, host: HostPages, server: LiveServer
):
    project.write("click.ipynb", notebook("", "second = 2"))
    held = HeldRequests(page, "**/assets/live-*.js")
    page.goto(host_address(host.origin, studiolo=project.url("click.ipynb")), wait_until="domcontentloaded")
    embedded = EmbeddedFrame(page, "studiolo", server.address)
    embedded.cell("cell-0").locator(".source").click()
    page.keyboard.type("7 *")
    held.let_go()
    expect(embedded.cell("cell-0").locator(".cm-content")).to_be_focused()
    page.keyboard.type(" 6")
    expect(embedded.cell("cell-0").locator(".cm-content")).to_have_text("7 * 6")


def test_nothing_moves_when_the_live_page_takes_over(
    project: LiveProject, page: Page, host: HostPages, server: LiveServer
):
    project.write("still.ipynb", notebook("a = 1\nb = 2", "b", title="# A title\n\nWith some text."))
    held = HeldRequests(page, "**/assets/live-*.js")
    page.goto(host_address(host.origin, studiolo=project.url("still.ipynb")), wait_until="domcontentloaded")
    embedded = EmbeddedFrame(page, "studiolo", server.address)
    places = "[...document.querySelectorAll('.cell .source')].map((one) => Math.round(one.getBoundingClientRect().top))"
    expect(embedded.cell("cell-1")).to_be_visible()
    before = embedded.frame.evaluate(places)
    held.let_go()
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    assert embedded.frame.evaluate(places) == before
