"""Files that are not what their name says, and odd names: a clear answer, and nothing lost."""

import hashlib
import shlex

import pytest
from playwright.sync_api import expect

from studiolo.testing.chromium import EmbeddedFrame, chromium
from studiolo.testing.live import LiveProject, LiveServer, notebook, until

WHOLE = notebook("print('whole')")
BROKEN = {
    "not-json.ipynb": b"this is not JSON",
    "half.ipynb": WHOLE[: len(WHOLE) // 2].encode(),
    "binary.ipynb": bytes(range(256)) * 8,
    "list.ipynb": b"[1, 2, 3]",
    "no-cells.ipynb": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "cells-of-text.ipynb": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": ["a", 1, null]}',
    "deep.ipynb": b"[" * 50_000,
    "version-3.ipynb": b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}',
    "version-99.ipynb": b'{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}',
    "binary.txt": bytes(range(256)) * 8,
    "latin1.txt": "über".encode("latin-1"),
    "huge.ipynb": b'{"cells": [], "metadata": {"x": "' + b"x" * 1_100_000 + b'"}, "nbformat": 4, "nbformat_minor": 5}',
    "huge.txt": b"x" * 1_100_000,
    "empty.txt": b"",
    "empty.md": b"",
    "empty.ipynb": b"",
}
NAMES = [
    "with spaces.ipynb",
    "quotes'\"`.ipynb",
    "ünïcødé \u4f60\u597d \U0001f600.ipynb",
    "new\nline.ipynb",
    "per%cent%20.ipynb",
    "hash#tag?query&a=b.ipynb",
    "<b>bold</b>.ipynb",
    "back\\slash.ipynb",
    "-rf.ipynb",
    "deep/er/and deeper/x.ipynb",
]


def put(project: LiveProject, name: str, content: bytes) -> None:
    """Write bytes that need not be text."""
    project.write("content.hex", content.hex())
    project.run(
        f'xxd -r -p content.hex > {shlex.quote("./" + name)} || python3 -c "import pathlib;pathlib.Path({name!r})'
        f".write_bytes(bytes.fromhex(pathlib.Path('content.hex').read_text()))\""
    )


def digest(project: LiveProject, name: str) -> str:
    return project.run(f"sha256sum < {shlex.quote('./' + name)}").split()[0]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_opens_or_says_why_not_and_stays_as_it_is(project: LiveProject, app: EmbeddedFrame, name: str):
    put(project, name, BROKEN[name])
    before = hashlib.sha256(BROKEN[name]).hexdigest()
    assert digest(project, name) == before
    answer = app.ask({"action": "open", "project_id": project.project_id, "path": name})[-1]
    if answer["status"] == "done":
        expect(app.inside.locator(".toolbar .saved")).to_have_text("Saved")
    else:
        alert = app.inside.get_by_role("alert")
        expect(alert).to_be_visible()
        expect(alert).not_to_contain_text("Traceback")
        assert answer["mesg"]
        assert answer["code"] != "internal_error"
    app.ask({"action": "closeall"})
    assert digest(project, name) == before


@pytest.mark.parametrize("name", ["not-json.ipynb", "half.ipynb", "binary.ipynb", "huge.ipynb"])
def test_file_that_cannot_be_a_notebook_is_refused_with_a_reason(project: LiveProject, embed, name: str):
    put(project, name, BROKEN[name])
    embedded = embed(project.url(name))
    alert = embedded.inside.get_by_role("alert")
    expect(alert).to_contain_text("larger than the 1 MB" if name.startswith("huge") else "notebook")


def test_empty_notebook_is_worked_in(project: LiveProject, embed):
    put(project, "start.ipynb", b"")
    embedded = embed(project.url("start.ipynb"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    embedded.inside.locator(".end").get_by_role("button", name="Code").click()
    embedded.page.keyboard.type("print('first cell')")
    until(lambda: "first cell" in project.read("start.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_odd_name_opens_from_address_and_message_and_is_saved(project: LiveProject, embed, name: str):
    project.write(name, WHOLE)
    embedded = embed(project.url(name))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    assert embedded.ask({"action": "status"})[-1]["open_files"] == {project.project_id: [name]}
    editor = embedded.editor("cell-0")
    editor.press("Control+End")
    editor.type("  # more")
    until(lambda: "# more" in project.read(name))
    embedded.ask({"action": "closeall"})
    answer = embedded.ask({"action": "open", "project_id": project.project_id, "path": name})[-1]
    assert (answer["status"], answer["path"]) == ("done", name)
    expect(embedded.cell("cell-0")).to_contain_text("# more")


def test_files_page_leads_to_every_odd_name(server: LiveServer, project: LiveProject, ada, playwright):
    odd = [name for name in NAMES if "/" not in name]
    for name in odd:
        project.write(name, WHOLE)
    with chromium(playwright) as context:
        page = context.new_page()
        page.goto(f"{server.address}/sign-in")
        page.get_by_label("E-mail address").fill(ada.email_address)
        page.get_by_label("Password").fill(ada.password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        for name in odd:
            page.goto(f"{server.address}/projects/{project.project_id}/files/")
            page.locator("table.files a", has_text=name.replace("\n", " ")).first.click()
            expect(page.locator('.cell[data-id="cell-0"]')).to_be_visible()
