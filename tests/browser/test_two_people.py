"""Two people in one document, and a reader who may only look."""

import base64
import re

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Page, expect

from studiolo.testing.chromium import EmbeddedFrame, chromium
from studiolo.testing.live import LiveProject, LiveServer, Person, notebook, until


@pytest.fixture
def second(playwright, embed, browser: BrowserContext):
    """Give a browser of somebody else."""
    with chromium(playwright) as context:
        yield context.new_page()


def pixels(page: Page, png: bytes) -> list[list[int]]:
    """Return the colours of a picture."""
    script = """async (data) => {
      const image = await createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
      const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
      context.drawImage(image, 0, 0);
      const { data: all } = context.getImageData(0, 0, image.width, image.height);
      return Array.from({ length: all.length / 4 }, (_, i) => [...all.slice(4 * i, 4 * i + 3)]);
    }"""
    return page.evaluate(script, base64.b64encode(png).decode())


def ready(embedded: EmbeddedFrame) -> EmbeddedFrame:
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    return embedded


def test_two_people_see_each_others_typing_outputs_and_presence(
    server: LiveServer, ada: Person, bob: Person, operator_key: str, embed, second
):
    project = LiveProject(server, ada, start=True)
    project.write("together.ipynb", notebook("", "", text="Hello"))
    query = {"projects": {"project_id": project.project_id, "users": {bob.account_id: {"group": "collaborator"}}}}
    server.call("query", operator_key, query=query)
    adas = ready(embed(project.url("together.ipynb")))
    bobs = ready(embed(project.url("together.ipynb", project.token(bob)), page=second))
    expect(adas.inside.get_by_role("img", name="Bob Noyce is here")).to_be_visible()
    expect(bobs.inside.get_by_role("img", name="Ada Lovelace is here")).to_be_visible()

    adas.editor("cell-0").type("print('by ada')")
    expect(bobs.cell("cell-0").locator(".source")).to_have_text("print('by ada')")
    bobs.editor("cell-1").type("print('by bob')")
    expect(adas.cell("cell-1").locator(".source")).to_have_text("print('by bob')")
    # both in the same cell
    bobs.editor("cell-0").press("End")
    bobs.editor("cell-0").type("  # and bob")
    expect(adas.cell("cell-0").locator(".cm-content")).to_contain_text("# and bob")

    adas.run("cell-0")
    expect(bobs.outputs("cell-0")).to_contain_text("by ada")
    bobs.run("cell-1")
    expect(adas.outputs("cell-1")).to_contain_text("by bob")

    second.close()
    expect(adas.inside.get_by_role("img", name="Bob Noyce is here")).to_have_count(0)


def test_own_caret_is_seen_where_somebody_elses_is(project: LiveProject, embed, second):
    project.write("carets.ipynb", notebook("", "x"))
    one = ready(embed(project.url("carets.ipynb")))
    other = ready(embed(project.url("carets.ipynb"), page=second))
    other.editor("cell-0")
    editor = one.editor("cell-0")
    expect(one.cell("cell-0").locator(".peer-caret")).to_have_count(1)
    expect(one.cell("cell-0").locator(".peer-name")).to_have_css("opacity", "0")  # the name has gone
    own = [int(part) for part in re.findall(r"\d+", editor.evaluate("one => getComputedStyle(one).caretColor"))]

    def is_seen() -> bool:
        box = one.cell("cell-0").locator(".cm-line").bounding_box()
        assert box is not None
        clip: FloatRect = {"x": box["x"] + 8, "y": box["y"], "width": 10, "height": box["height"]}
        return pixels(one.page, one.page.screenshot(clip=clip, caret="initial")).count(own) >= 10  # in its whole height

    until(is_seen)  # it blinks


def test_question_of_somebody_elses_run_takes_no_focus(server: LiveServer, project: LiveProject, embed, second):
    project.write("asks.ipynb", notebook("name = input('Name? ')", "here = 1"))
    runner = ready(embed(project.url("asks.ipynb")))
    writer = ready(embed(project.url("asks.ipynb"), page=second))
    writing = writer.editor("cell-1")
    runner.run("cell-0")
    expect(runner.cell("cell-0").get_by_label("Name?")).to_be_focused()
    expect(writer.cell("cell-0").get_by_label("Name?")).to_be_visible()
    expect(writing).to_be_focused()


def test_reader_may_look_and_not_write(server: LiveServer, project: LiveProject, ada: Person, embed, second):
    project.write("read.ipynb", notebook("x = 1", "x"))
    token = server.mint_read_only_token(ada.account_id)
    reader = embed(project.url("read.ipynb", token))
    expect(reader.inside.locator(".toolbar .saved")).to_have_text("Read-only")
    reader.editor("cell-0").type("y")
    reader.run("cell-1")
    expect(reader.cell("cell-0").locator(".source")).to_have_text("x = 1")
    writer = ready(embed(project.url("read.ipynb"), page=second))
    writer.editor("cell-0").press("End")
    writer.editor("cell-0").type("00")
    expect(reader.cell("cell-0").locator(".source")).to_contain_text("x = 100")
    expect(writer.outputs("cell-1")).to_have_text("")
    until(lambda: "x = 100" in project.read("read.ipynb"))
