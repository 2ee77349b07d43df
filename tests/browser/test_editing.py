"""Working in a notebook: writing, cells, text with mathematics, saving; and in markdown and text files."""

import json
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from studiolo.testing.chromium import EmbeddedFrame
from studiolo.testing.live import LiveProject, notebook, until, until_equal


def ready(embedded: EmbeddedFrame) -> EmbeddedFrame:
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    return embedded


def saved(project: LiveProject, path: str) -> dict[str, Any]:
    """Read a notebook through the API; it must be valid at any moment."""
    read = json.loads(project.read(path))
    nbformat.validate(read)
    return read


def sources(project: LiveProject, path: str) -> list[str]:
    cells = saved(project, path)["cells"]
    return ["".join(cell["source"]) for cell in cells]


def action(embedded: EmbeddedFrame, cell_id: str, name: str) -> None:
    embedded.cell(cell_id).hover()
    embedded.cell(cell_id).get_by_role("group", name="Cell").get_by_role("button", name=name).click()


def cell_ids(embedded: EmbeddedFrame) -> list[str]:
    return embedded.frame.evaluate("[...document.querySelectorAll('.cell')].map((cell) => cell.dataset.id)")


def selected(embedded: EmbeddedFrame) -> Locator:
    return embedded.inside.locator(".cell.is-selected")


ODD_NOTEBOOK = """\
{"nbformat":4, "nbformat_minor":5,
 "metadata":  {"kernelspec": {"name":"python3","display_name":"Python 3","language":"python"}, "my own": [1,  2]},
 "cells": [
  { "id":"strange", "cell_type":"code", "metadata":{"a": [ "b" ]},  "outputs":[],
    "source":["x = 1\\n","x"], "execution_count":null },
  {"cell_type":"code","id":"mine","metadata":{},"source":[],"outputs":[],"execution_count":null}
 ]}
"""


def test_typing_is_saved_and_unchanged_cells_stay_byte_for_byte(project: LiveProject, embed):
    project.write("odd.ipynb", ODD_NOTEBOOK)
    embedded = ready(embed(project.url("odd.ipynb")))
    embedded.editor("mine").type("print('written')")
    until(lambda: "print('written')" in project.read("odd.ipynb"))
    ready(embedded)
    text = project.read("odd.ipynb")
    unchanged = ODD_NOTEBOOK[ODD_NOTEBOOK.index('{ "id":"strange"') : ODD_NOTEBOOK.index(",\n  {")]
    assert unchanged in text
    assert '"my own": [1,  2]' in text
    assert sources(project, "odd.ipynb") == ["x = 1\nx", "print('written')"]


def test_notebook_that_is_only_looked_at_is_not_written(project: LiveProject, embed):
    project.write("looked.ipynb", ODD_NOTEBOOK)
    before = project.run("stat -c %y looked.ipynb")
    embedded = ready(embed(project.url("looked.ipynb")))
    embedded.editor("mine").press("ArrowUp")
    embedded.ask({"action": "closeall"})
    assert project.run("stat -c %y looked.ipynb") == before
    assert project.read("looked.ipynb") == ODD_NOTEBOOK


def test_cells_are_added_moved_converted_and_deleted(project: LiveProject, embed):
    project.write("cells.ipynb", notebook("'zero'", "'one'", "'two'"))
    embedded = ready(embed(project.url("cells.ipynb")))
    action(embedded, "cell-0", "Move down")
    until_equal(lambda: cell_ids(embedded), ["cell-1", "cell-0", "cell-2"])
    action(embedded, "cell-2", "Move up")
    until_equal(lambda: cell_ids(embedded), ["cell-1", "cell-2", "cell-0"])
    action(embedded, "cell-1", "Delete")
    expect(embedded.cell("cell-1")).to_have_count(0)
    action(embedded, "cell-0", "Add a cell below")
    expect(selected(embedded).locator(".cm-content")).to_be_focused()
    embedded.page.keyboard.type("'new'")
    action(embedded, "cell-2", "Make it text")
    expect(embedded.cell("cell-2")).to_have_attribute("data-type", "markdown")
    until_equal(lambda: sources(project, "cells.ipynb"), ["'two'", "'zero'", "'new'"])
    assert [cell["cell_type"] for cell in saved(project, "cells.ipynb")["cells"]] == ["markdown", "code", "code"]


def test_deleted_cell_comes_back_by_undo(project: LiveProject, embed):
    project.write("undo.ipynb", notebook("'zero'", "'one'"))
    embedded = ready(embed(project.url("undo.ipynb")))
    action(embedded, "cell-0", "Delete")
    expect(embedded.cell("cell-0")).to_have_count(0)
    embedded.inside.get_by_role("button", name="Undo").click()
    expect(embedded.inside.get_by_text("'zero'")).to_be_visible()
    until_equal(lambda: sources(project, "undo.ipynb"), ["'zero'", "'one'"])


def test_whole_notebook_is_worked_by_keyboard(project: LiveProject, embed):
    project.write("keys.ipynb", notebook("a = 20", "a + 1"))
    embedded = ready(embed(project.url("keys.ipynb")))
    keyboard = embedded.page.keyboard
    embedded.editor("cell-0").press("Shift+Enter")
    expect(embedded.cell("cell-1")).to_be_focused()
    keyboard.press("Enter")
    expect(embedded.cell("cell-1").locator(".cm-content")).to_be_focused()
    keyboard.press("Control+Enter")
    expect(embedded.outputs("cell-1")).to_contain_text("21")
    editor = embedded.editor("cell-1")
    expect(editor).to_be_focused()
    editor.press("Escape")
    expect(embedded.cell("cell-1")).to_be_focused()
    keyboard.press("b")
    expect(embedded.inside.locator(".cell")).to_have_count(3)
    expect(selected(embedded).locator(".cm-content")).to_be_focused()
    keyboard.type("a * 2")
    keyboard.press("Shift+Enter")
    expect(embedded.inside.locator(".cell .outputs").nth(2)).to_contain_text("40")
    expect(embedded.inside.locator(".cell")).to_have_count(4)  # running the last cell makes another
    expect(selected(embedded).locator(".cm-content")).to_be_focused()
    keyboard.press("Escape")
    expect(selected(embedded)).to_be_focused()
    keyboard.press("d")
    keyboard.press("d")
    expect(embedded.inside.locator(".cell")).to_have_count(3)


def test_text_cell_is_edited_and_shown_with_mathematics(project: LiveProject, embed):
    project.write("text.ipynb", notebook("1", text="Before"))
    embedded = ready(embed(project.url("text.ipynb")))
    cell = embedded.cell("text")
    cell.locator(".rich").dblclick()
    editor = cell.locator(".cm-content")
    expect(editor).to_be_focused()
    editor.press("Control+a")
    editor.type("## Euler\n\n**So** $e^{i\\pi} = -1$ and\n\n$$\\int_0^1 x\\,dx$$")
    editor.press("Shift+Enter")
    expect(cell.get_by_role("heading", name="Euler")).to_be_visible()
    expect(cell.locator("strong")).to_have_text("So")
    expect(cell.locator(".katex")).to_have_count(2)
    expect(cell.locator(".katex-display")).to_have_count(1)
    until(lambda: "## Euler" in sources(project, "text.ipynb")[0])


def test_markdown_file_is_edited_previewed_and_saved(project: LiveProject, embed):
    project.write("notes.md", "# Notes\n")
    embedded = ready(embed(project.url("notes.md")))
    editor = embedded.inside.locator(".cm-content")
    editor.press("Control+End")
    editor.type("\nSome *stress* and $a^2$")
    embedded.inside.get_by_role("button", name="Preview").click()
    preview = embedded.inside.locator(".preview")
    expect(preview.get_by_role("heading", name="Notes")).to_be_visible()
    expect(preview.locator("em")).to_have_text("stress")
    expect(preview.locator(".katex")).to_have_count(1)
    editor.type(" and **more**")
    expect(preview.locator("strong")).to_have_text("more")
    until(lambda: project.read("notes.md") == "# Notes\n\nSome *stress* and $a^2$ and **more**")


def test_cell_keeps_its_height_when_its_editor_comes(project: LiveProject, embed):
    project.write("height.ipynb", notebook("a = 1\nb = 2\n", "c = 3"))
    embedded = ready(embed(project.url("height.ipynb")))
    source = embedded.cell("cell-0").locator(".source")
    before = source.bounding_box()
    source.click()
    expect(source.locator(".cm-content")).to_be_focused()
    assert source.bounding_box() == before


@pytest.mark.parametrize("name", ["late.txt", "late.md", "late.ipynb"])
def test_what_is_typed_before_the_editor_is_there_is_not_lost(project: LiveProject, page: Page, embed, name: str):
    held: list[Route] = []
    page.route("**/assets/editor-*.js", lambda route: held.append(route))
    project.write(name, notebook("one") if name.endswith(".ipynb") else "one")
    embedded = ready(embed(project.url(name)))
    embedded.inside.locator(".source").first.click()
    page.keyboard.type(" and two")
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(embedded.inside.locator(".cm-content").first).to_have_text("one and two")
    expect(embedded.inside.locator(".cm-content").first).to_be_focused()
    until(lambda: "one and two" in project.read(name))


@pytest.mark.parametrize("name", ["plain.txt", "program.py", "data.csv", "Makefile"])
def test_text_file_is_edited_and_saved(project: LiveProject, embed, name: str):
    project.write(name, "one\r\ntwo\r\n")
    embedded = ready(embed(project.url(name)))
    editor = embedded.inside.locator(".cm-content")
    editor.press("Control+Home")
    editor.type("zero ")
    until(lambda: project.read(name) == "zero one\r\ntwo\r\n")


@pytest.mark.parametrize("name", ["short.txt", "short.md"])
def test_press_below_the_text_of_a_file_goes_to_its_end(project: LiveProject, embed, name: str):
    project.write(name, "one")
    embedded = ready(embed(project.url(name)))
    editor = embedded.inside.locator(".cm-content")
    expect(editor).to_be_visible()
    embedded.page.mouse.click(300, 700)
    expect(editor).to_be_focused()
    embedded.page.keyboard.type(" and two")
    expect(editor).to_have_text("one and two")


def test_change_on_disk_reaches_the_page(project: LiveProject, embed):
    project.write("disk.md", "as it was")
    embedded = ready(embed(project.url("disk.md")))
    expect(embedded.inside.locator(".cm-content")).to_contain_text("as it was")
    project.write("disk.md", "as it was, and more")
    expect(embedded.inside.locator(".cm-content")).to_contain_text("as it was, and more")


def test_notebook_is_worked_in_without_a_pointer(project: LiveProject, embed):
    project.write("keys.ipynb", notebook("21 * 2", text="Some text"))
    embedded = ready(embed(project.url("keys.ipynb")))
    keyboard = embedded.page.keyboard
    embedded.inside.locator(".toolbar .saved").click()  # else the first key may still go to the host page
    embedded.inside.get_by_role("button", name="Add text below").focus()
    keyboard.press("Tab")
    expect(embedded.inside.get_by_role("group", name="Text cell")).to_be_focused()
    keyboard.press("ArrowDown")
    expect(embedded.inside.get_by_role("group", name="Code cell")).to_be_focused()
    keyboard.press("Enter")
    expect(embedded.cell("cell-0").locator(".cm-content")).to_be_focused()
    keyboard.press("Control+Enter")
    expect(embedded.outputs("cell-0")).to_contain_text("42")
    keyboard.press("Escape")
    expect(embedded.inside.get_by_role("group", name="Code cell")).to_be_focused()


def test_nothing_moves_by_itself_beside_the_caret(project: LiveProject, embed):
    # with an animation every key asks for a frame, and Chromium puts the answer from the network off until it is drawn
    project.write("quiet.ipynb", notebook("1"))
    embedded = ready(embed(project.url("quiet.ipynb")))
    embedded.cell("cell-0").locator(".source").click()
    expect(embedded.cell("cell-0").locator(".cm-content")).to_be_focused()
    embedded.frame.wait_for_function("document.getAnimations().length === 0")
    expect(embedded.cell("cell-0").locator(".cm-content")).to_be_focused()


def test_nothing_turns_fast_or_fades_for_who_wants_little_motion(project: LiveProject, embed):
    project.write("still.ipynb", notebook("1"))
    embedded = ready(embed(project.url("still.ipynb")))
    root = "getComputedStyle(document.documentElement)"
    embedded.page.emulate_media(reduced_motion="reduce")
    assert embedded.frame.evaluate(f"{root}.getPropertyValue('--appear')") == "0s"
    assert embedded.frame.evaluate(f"{root}.getPropertyValue('--turn')") == "3s"
