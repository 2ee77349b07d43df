"""The messages between host page and frame: every documented request, and the exact shape of each reply."""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from studiolo.testing.chromium import EmbeddedFrame, HeldRequests, host_address, wait_in
from studiolo.testing.host_pages import HostPages
from studiolo.testing.live import LiveProject, LiveServer, Person, notebook


def open_request(project: LiveProject, path: str) -> dict[str, str]:
    return {"action": "open", "project_id": project.project_id, "path": path}


def replies(app: EmbeddedFrame, message: object, count: int) -> list[Any]:
    """Send a message as it is and return the next replies."""
    before = len(app.messages())
    app.send(message)
    app.wait_for_message(before + count)
    return app.messages()[before:]


def status(app: EmbeddedFrame) -> dict[str, Any]:
    return replies(app, {"action": "status"}, 1)[0]


def test_app_says_that_it_loads_and_then_shows_the_green_banner(project: LiveProject, page: Page, host: HostPages):
    held = HeldRequests(page, "**/frame/open")
    url = f"{project.server.address}/app?auth_token={project.token()}&fullscreen=kiosk&session="
    page.goto(host_address(host.origin, studiolo=url), wait_until="domcontentloaded")
    app = EmbeddedFrame(page, "studiolo", project.server.address)
    expect(app.inside.get_by_role("status").filter(has_text="Signing in")).to_be_visible()
    held.let_go()
    banner = app.inside.get_by_role("status").filter(has_text="ready")
    expect(banner).to_be_visible()
    red, green, blue = (
        int(part) for part in re.findall(r"\d+", banner.evaluate("e => getComputedStyle(e).backgroundColor"))[:3]
    )
    assert green > red
    assert green > blue


def test_status_with_nothing_open(app: EmbeddedFrame):
    reply = status(app)
    connection = reply.pop("connection")
    assert reply == {"status": "done", "open_files": {}}
    assert connection["quality"] in ("good", "flaky", "bad")
    assert connection["status"] == "connected"
    assert isinstance(connection["status_time"], int)
    assert connection.keys() - {"ping"} == {"quality", "status", "status_time"}
    assert isinstance(connection.get("ping", 0), int | float)


def test_open_answers_ack_then_done_and_the_content_is_on_the_screen(project: LiveProject, app: EmbeddedFrame):
    project.write("open.ipynb", notebook("print('on the screen')"))
    about = open_request(project, "open.ipynb")
    # whether the content is there is asked in the very moment in which `done` arrives
    app.page.evaluate(
        "addEventListener('message', ({data}) => { if (data.status === 'done') window.doneAt = Date.now() })"
    )
    assert replies(app, about, 2) == [{"status": "ack", **about}, {"status": "done", **about}]
    expect(app.cell("cell-0")).to_be_visible()
    assert status(app)["open_files"] == {project.project_id: ["open.ipynb"]}


def test_closeall_closes_and_shows_the_banner_again(project: LiveProject, app: EmbeddedFrame):
    project.write("close.ipynb", notebook("1"))
    replies(app, open_request(project, "close.ipynb"), 2)
    assert replies(app, {"action": "closeall"}, 1) == [{"status": "done", "mesg": "all files are closed"}]
    expect(app.inside.locator(".message.ready")).to_be_visible()
    expect(app.cell("cell-0")).to_have_count(0)
    assert status(app)["open_files"] == {}


def test_open_again_after_closeall_and_another_file(project: LiveProject, app: EmbeddedFrame):
    project.write("first.ipynb", notebook("1"))
    project.write("second.md", "# The second\n")
    for path in ("first.ipynb", "second.md", "first.ipynb", "first.ipynb"):
        assert replies(app, open_request(project, path), 2)[-1]["status"] == "done"
        assert status(app)["open_files"] == {project.project_id: [path]}
    replies(app, {"action": "closeall"}, 1)
    assert replies(app, open_request(project, "second.md"), 2)[-1]["status"] == "done"
    expect(app.inside.get_by_text("The second").first).to_be_visible()


def test_opens_sent_together_are_answered_each_and_the_last_stays(project: LiveProject, app: EmbeddedFrame):
    names = ["one.md", "two.md", "three.md"]
    for name in names:
        project.write(name, name)
    before = len(app.messages())
    app.page.evaluate(
        "([messages, origin]) => messages.forEach((message) => send('studiolo', message, origin))",
        [[open_request(project, name) for name in names], project.server.address],
    )
    app.wait_for_message(before + 6)
    got = app.messages()[before:]
    assert [one["path"] for one in got if one["status"] == "done"] == names
    assert status(app)["open_files"] == {project.project_id: ["three.md"]}


@pytest.mark.parametrize(
    ("message", "mesg"),
    [
        (None, 'There is no payload "data"'),
        ("open", 'The payload "data" must be an object'),
        (7, 'The payload "data" must be an object'),
        (True, 'The payload "data" must be an object'),
        ({}, "Unknown action 'undefined'"),
        ({"action": "explode"}, "Unknown action 'explode'"),
        ({"action": "toString"}, "Unknown action 'toString'"),
        ({"action": None}, "Unknown action 'null'"),
        ([], "Unknown action 'undefined'"),
        ({"action": "open", "path": "a.ipynb"}, "invalid project_id='undefined'"),
        ({"action": "open", "project_id": "nonsense", "path": "a.ipynb"}, "invalid project_id='nonsense'"),
        ({"action": "open", "project_id": str(uuid.UUID(int=1)), "path": 5}, "invalid path, it must be a string"),
        ({"action": "open", "project_id": str(uuid.UUID(int=1))}, "invalid path, it must be a string"),
    ],
)
def test_message_that_cannot_be_understood_is_answered_in_the_promised_words(app: EmbeddedFrame, message, mesg: str):
    assert replies(app, message, 1) == [{"status": "error", "mesg": mesg}]


def test_undefined_is_answered_as_no_payload(app: EmbeddedFrame, project: LiveProject):
    before = len(app.messages())
    app.page.evaluate("(origin) => send('studiolo', undefined, origin)", project.server.address)
    app.wait_for_message(before + 1)
    assert app.messages()[before:] == [{"status": "error", "mesg": 'There is no payload "data"'}]


def test_id_is_echoed_in_every_reply(project: LiveProject, app: EmbeddedFrame):
    project.write("id.md", "text")
    assert replies(app, {"action": "nothing", "id": "a"}, 1)[0]["id"] == "a"
    assert replies(app, {"action": "status", "id": 7}, 1)[0]["id"] == 7
    assert [one["id"] for one in replies(app, {**open_request(project, "id.md"), "id": "b"}, 2)] == ["b", "b"]
    assert "id" not in status(app)


def refused_open(app: EmbeddedFrame, project_id: str, path: str) -> dict[str, Any]:
    about = {"action": "open", "project_id": project_id, "path": path}
    ack, error = replies(app, about, 2)
    assert ack == {"status": "ack", **about}
    assert error.items() >= {"status": "error", **about}.items()
    assert error.keys() - {"code"} == {"status", "action", "project_id", "path", "mesg"}
    expect(app.inside.get_by_role("alert")).to_be_visible()
    return error


def test_open_in_a_project_of_somebody_else_is_an_error_and_a_clear_page(
    server: LiveServer, bob: Person, app: EmbeddedFrame
):
    foreign = LiveProject(server, bob).project_id
    assert refused_open(app, foreign, "x.ipynb")["mesg"] == f"problem opening project {foreign}"
    expect(app.inside.get_by_role("heading", name="There is no such project")).to_be_visible()


def test_open_in_a_project_that_is_not_there_reads_the_same(app: EmbeddedFrame):
    unknown = str(uuid.uuid4())
    assert refused_open(app, unknown, "x.ipynb")["mesg"] == f"problem opening project {unknown}"
    expect(app.inside.get_by_role("heading", name="There is no such project")).to_be_visible()


def test_open_of_a_path_out_of_the_project_is_an_error(project: LiveProject, app: EmbeddedFrame):
    project.run("ln -sfn /etc/passwd leak.txt")
    for path in ("../secret.ipynb", "a/../../secret.ipynb"):
        assert refused_open(app, project.project_id, path)["code"] == "path_outside_project"
    refused_open(app, project.project_id, "/etc/shadow")
    expect(app.inside.get_by_text("root:")).to_have_count(0)


def test_open_of_a_file_that_is_not_there_is_an_error(project: LiveProject, app: EmbeddedFrame):
    assert refused_open(app, project.project_id, "missing.ipynb")["code"] == "file_not_found"
    assert project.run("ls missing.ipynb 2>&1 || true").startswith("ls: cannot access")


def test_open_of_a_directory_shows_the_banner_and_answers_done(project: LiveProject, app: EmbeddedFrame):
    project.run("mkdir -p directory")
    assert replies(app, open_request(project, "directory/"), 2)[-1]["status"] == "done"
    expect(app.inside.locator(".message.ready")).to_be_visible()
    assert status(app)["open_files"] == {}


@pytest.mark.parametrize("path", ["missing/", "file.md/", "../"])
def test_open_of_a_directory_that_is_not_there_is_an_error(project: LiveProject, app: EmbeddedFrame, path: str):
    project.write("file.md", "text")
    assert "ENO" not in refused_open(app, project.project_id, path)["mesg"]


def test_open_of_a_directory_of_a_project_that_is_not_there_is_an_error(app: EmbeddedFrame):
    unknown = str(uuid.uuid4())
    assert refused_open(app, unknown, "directory/")["mesg"] == f"problem opening project {unknown}"


def test_closeall_sent_after_open_has_the_last_word(project: LiveProject, app: EmbeddedFrame):
    project.write("brief.md", "text")
    said: list[ConsoleMessage] = []
    app.page.on("console", lambda message: said.append(message))
    before = len(app.messages())
    app.page.evaluate(
        "([messages, origin]) => messages.forEach((message) => send('studiolo', message, origin))",
        [[open_request(project, "brief.md"), {"action": "closeall"}], project.server.address],
    )
    app.wait_for_message(before + 3)
    assert [one["status"] for one in app.messages()[before:]] == ["ack", "done", "done"]
    assert app.messages()[-1]["mesg"] == "all files are closed"
    assert status(app)["open_files"] == {}
    expect(app.inside.locator(".message.ready")).to_be_visible()
    assert [one.text for one in said] == []


def test_frame_works_again_after_an_error(project: LiveProject, app: EmbeddedFrame):
    project.write("after.md", "It is here")
    refused_open(app, project.project_id, "missing.md")
    assert replies(app, open_request(project, "after.md"), 2)[-1]["status"] == "done"
    expect(app.inside.get_by_text("It is here").first).to_be_visible()
    expect(app.inside.get_by_role("alert")).to_have_count(0)


def test_no_event_comes_that_was_not_asked_for(project: LiveProject, app: EmbeddedFrame):
    project.write("quiet.md", "text")
    replies(app, open_request(project, "quiet.md"), 2)
    replies(app, {"action": "closeall"}, 1)
    assert len(app.messages()) == 3


def test_subscribed_host_page_is_told_what_happens(project: LiveProject, app: EmbeddedFrame):
    project.write("events.md", "text")
    replies(app, {"action": "subscribe"}, 2)
    app.ask(open_request(project, "events.md"))
    app.ask({"action": "closeall"})
    events = [one["event"] for one in app.messages() if one["status"] == "event"]
    assert [one for one in events if one in ("ready", "opened", "closed")] == ["ready", "opened", "closed"]


def test_message_sent_before_the_live_code_is_there_is_answered(project: LiveProject, page: Page, host: HostPages):
    project.write("early.md", "It came early")
    held = HeldRequests(page, "**/assets/live-*.js")
    url = f"{project.server.address}/app?auth_token={project.token()}&fullscreen=kiosk&session="
    page.goto(host_address(host.origin, studiolo=url), wait_until="domcontentloaded")
    app = EmbeddedFrame(page, "studiolo", project.server.address)
    expect(app.inside.locator(".splash")).to_be_visible()
    about = open_request(project, "early.md")
    app.send({"action": "status"})
    app.send(about)
    held.let_go()
    app.wait_for_message(3)
    first, *rest = app.messages()
    assert first["open_files"] == {}
    assert rest == [{"status": "ack", **about}, {"status": "done", **about}]


def test_host_page_that_is_not_allowed_may_not_show_the_frame(
    project: LiveProject, page: Page, stranger_host: HostPages
):
    project.write("refused.ipynb", notebook("1"))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(host_address(stranger_host.origin, studiolo=project.url("refused.ipynb")), wait_until="domcontentloaded")
    wait_in(page, lambda: any("frame-ancestors" in text for text in said))
    assert page.frames[1].url.startswith("chrome-error:") or page.frames[1].url == ""


def test_message_from_an_origin_that_is_not_allowed_is_explained_in_the_console_and_not_answered(
    project: LiveProject, app: EmbeddedFrame, stranger_host: HostPages
):
    said: list[ConsoleMessage] = []
    app.page.on("console", lambda message: said.append(message))
    with app.page.expect_popup() as popup:
        app.page.evaluate("(url) => void open(url)", stranger_host.origin)
    popup.value.wait_for_load_state()
    popup.value.evaluate(
        """(studiolo) => {
          addEventListener("message", ({ data }) => received.push({ from: "frame", data }));
          opener.frames[0].postMessage({ action: "status" }, studiolo);
        }""",
        project.server.address,
    )
    wait_in(app.page, lambda: any(stranger_host.origin in one.text and "embed_origins" in one.text for one in said))
    assert [one.type for one in said] == ["warning"]
    status(app)  # the frame is there and answers those whom it knows
    assert popup.value.evaluate("received") == []
    popup.value.close()


def test_theme_follows_the_host_page(app: EmbeddedFrame):
    for theme in ("dark", "light"):
        assert replies(app, {"action": "theme", "theme": theme}, 1)[0]["status"] == "done"
        assert app.frame.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
