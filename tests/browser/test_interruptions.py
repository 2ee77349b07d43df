"""Closed tabs, a killed hub, a killed server: nothing that ran is lost, and the frame comes back by itself."""

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from studiolo.testing.chromium import EmbeddedFrame
from studiolo.testing.live import LiveProject, LiveServer, notebook, until

# A cell that goes on until the test has done what it wants to do meanwhile.
WAITING = """\
import pathlib, time
print("it began", flush=True)
pathlib.Path("{name}.began").touch()
while not pathlib.Path("{name}.go").exists():
    time.sleep(0.05)
print("it went on", flush=True)
"""


@pytest.fixture(autouse=True)
def server_runs_again(server: LiveServer) -> Iterator[None]:
    yield
    server.wait_until_ready()


def begun(project: LiveProject, embedded: EmbeddedFrame, cell_id: str = "cell-0") -> None:
    embedded.run(cell_id)
    expect(embedded.outputs(cell_id)).to_contain_text("it began")


def test_closed_tab_does_not_stop_a_running_cell(project: LiveProject, embed, browser):
    project.write("closed.ipynb", notebook(WAITING.format(name="closed")))
    first = browser.new_page()
    begun(project, embed(project.url("closed.ipynb"), page=first))
    first.close()
    project.run("touch closed.go")
    until(lambda: "it went on" in project.read("closed.ipynb"))
    expect(embed(project.url("closed.ipynb")).outputs("cell-0")).to_contain_text("it went on")


def test_hub_killed_while_a_cell_runs_loses_nothing(server: LiveServer, project: LiveProject, embed, page: Page):
    project.write("hub.ipynb", notebook(WAITING.format(name="hub"), "", "40 + 2"))
    embedded = embed(project.url("hub.ipynb"))
    begun(project, embedded)
    embedded.editor("cell-1").type("before = 1")
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    hub = server.hub_pid
    assert hub is not None
    os.kill(hub, signal.SIGKILL)
    page.keyboard.type("; typed = 'meanwhile'")
    until(lambda: server.hub_pid not in (None, hub))
    server.wait_until_ready()
    project.run("touch hub.go")
    expect(embedded.outputs("cell-0")).to_contain_text("it went on")
    expect(embedded.outputs("cell-0")).to_have_text("it began\nit went on", use_inner_text=True)
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    embedded.run("cell-2")
    expect(embedded.outputs("cell-2")).to_contain_text("42")
    until(lambda: "before = 1; typed = 'meanwhile'" in project.read("hub.ipynb"))


def test_server_killed_and_started_again_finds_project_and_kernel_as_they_were(
    server: LiveServer, project: LiveProject, embed
):
    project.write("server.ipynb", notebook("kept = 'still here'", WAITING.format(name="server"), "kept"))
    embedded = embed(project.url("server.ipynb"))
    embedded.run("cell-0")
    begun(project, embedded, "cell-1")
    server.kill()
    expect(embedded.inside.locator(".toolbar .saved")).to_contain_text("Offline")
    server.start()
    project.run("touch server.go")
    expect(embedded.outputs("cell-1")).to_contain_text("it went on")
    embedded.run("cell-2")
    expect(embedded.outputs("cell-2")).to_contain_text("still here")
    expect(embedded.inside.locator(".notice.error")).to_have_count(0)


def test_reload_while_a_cell_runs_goes_on_showing_it(project: LiveProject, embed, page: Page):
    project.write("running.ipynb", notebook(WAITING.format(name="running")))
    embedded = embed(project.url("running.ipynb"))
    begun(project, embedded)
    page.reload()
    expect(embedded.outputs("cell-0")).to_contain_text("it began")
    project.run("touch running.go")
    expect(embedded.outputs("cell-0")).to_contain_text("it went on")
