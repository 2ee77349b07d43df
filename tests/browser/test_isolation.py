"""Code in outputs runs in a frame of its own that can reach nothing; in the page itself it never runs."""

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from studiolo.testing.chromium import EmbeddedFrame
from studiolo.testing.live import LiveProject, notebook, until

# Every way that a document could try to run code in the page; each would set the page's title.
ATTACKS = {
    "script": "<script>document.title = 'HACKED'; parent.document.title = 'HACKED'</script>",
    "image": "<img src=x onerror=\"document.title = 'HACKED'\">",
    "svg": "<svg onload=\"document.title = 'HACKED'\"><script>document.title = 'HACKED'</script></svg>",
    "link": "<a href=\"javascript:document.title = 'HACKED'\">link</a>",
    "frame": "<iframe srcdoc=\"<script>parent.document.title = 'HACKED'</script>\"></iframe>",
    "form": "<form action=\"javascript:document.title = 'HACKED'\"><button>button</button></form>",
    "style": "<style>body { display: none }</style><p>text</p>",
    "meta": '<meta http-equiv="refresh" content="0; url=https://example.org/"><base href="https://example.org/">',
}
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9' onload=\"top.HACKED = 1\">"
    "<script>top.HACKED = 1</script></svg>"
)


def with_stored_outputs() -> str:
    """Return a notebook whose file holds the attacks as outputs, markdown, attachments and metadata."""
    made = json.loads(notebook("'first'", **{f"text-{name}": attack for name, attack in ATTACKS.items()}))
    for number, attack in enumerate(ATTACKS.values()):
        data: list[dict[str, Any]] = [
            {"text/html": attack},
            {"text/markdown": attack},
            {"image/svg+xml": SVG},
            {"text/latex": f"$\\href{{javascript:document.title='HACKED'}}{{x}}$ {attack}"},
            {"application/javascript": "document.title = 'HACKED'"},
            {"text/plain": attack},
            {"image/png": f'" onerror="document.title=1" x="{attack}'},
            {"application/json": {"key": attack}},
        ]
        outputs = [{"output_type": "display_data", "metadata": {}, "data": one} for one in data]
        outputs.append({"output_type": "stream", "name": "stdout", "text": attack})
        outputs.append({"output_type": "error", "ename": attack, "evalue": attack, "traceback": [attack]})
        cell = {"cell_type": "code", "execution_count": 1, "id": f"stored-{number}", "metadata": {}}
        made["cells"].append({**cell, "outputs": outputs, "source": "'" + attack.replace("'", "")})
    made["cells"].append({"cell_type": "raw", "id": "<b>", "metadata": {}, "source": ATTACKS["image"]})
    return json.dumps(made)


def unharmed(embedded: EmbeddedFrame) -> None:
    assert embedded.frame.evaluate("[document.title.includes('HACKED'), 'HACKED' in window]") == [False, False]
    assert embedded.page.evaluate("[document.title, 'HACKED' in window]") == ["A host page", False]
    assert (
        embedded.frame.evaluate("document.querySelectorAll('.doc script, .doc base, .doc meta, .doc style').length")
        == 0
    )
    assert embedded.frame.evaluate("document.querySelectorAll('.doc [onerror], .doc [onload]').length") == 0


def test_nothing_stored_in_a_notebook_runs_in_the_page(project: LiveProject, embed):
    project.write("attacks.ipynb", with_stored_outputs())
    embedded = embed(project.url("attacks.ipynb"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    for number in range(len(ATTACKS)):
        embedded.cell(f"stored-{number}").scroll_into_view_if_needed()
    embedded.inside.get_by_text("link", exact=True).first.click()
    unharmed(embedded)
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("first")
    unharmed(embedded)


def test_nothing_that_code_shows_runs_in_the_page(project: LiveProject, embed):
    attacks = repr(list(ATTACKS.values()))
    source = f"""\
from IPython.display import display, HTML, Markdown, SVG, Latex, Javascript
for attack in {attacks}:
    display(HTML(attack)); display(Markdown(attack)); display(Latex(attack)); print(attack)
display(SVG({SVG!r})); display(Javascript("document.title = 'HACKED'"))
print("all of it is shown")
"""
    project.write("shows.ipynb", notebook(source))
    embedded = embed(project.url("shows.ipynb"))
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("all of it is shown")
    unharmed(embedded)


def test_edited_markdown_runs_nothing(project: LiveProject, embed):
    project.write("edited.ipynb", notebook("1", text="safe"))
    embedded = embed(project.url("edited.ipynb"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    embedded.cell("text").locator(".rich").dblclick()
    editor = embedded.cell("text").locator(".cm-content")
    editor.press("Control+a")
    embedded.page.keyboard.insert_text("".join(ATTACKS.values()) + "\n\nthe **end** of it")
    editor.press("Shift+Enter")
    expect(embedded.cell("text").locator(".rich strong")).to_have_text("end")
    unharmed(embedded)


def test_scripts_run_in_a_frame_of_their_own_that_reaches_nothing(project: LiveProject, embed):
    source = """\
from IPython.display import HTML
HTML('''<p id="said">waiting</p><script>
const tried = {};
const attempt = (name, what) => { try { tried[name] = String(what()); } catch (error) { tried[name] = error.name; } };
attempt("origin", () => origin);
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
attempt("parent", () => parent.document.title);
attempt("top", () => top.location.href);
document.getElementById("said").textContent = JSON.stringify(tried);
</script>''')
"""
    project.write("scripts.ipynb", notebook(source))
    embedded = embed(project.url("scripts.ipynb"))
    embedded.run("cell-0")
    said = embedded.outputs("cell-0").frame_locator("iframe").locator("#said")
    expect(said).to_contain_text("origin")
    denied = "SecurityError"
    tried = {"origin": "null", "cookie": denied, "storage": denied, "parent": denied, "top": denied}
    assert json.loads(said.inner_text()) == tried
    until(lambda: embedded.outputs("cell-0").locator("iframe").bounding_box() is not None)
    unharmed(embedded)


def test_output_may_not_pretend_to_be_the_host_page(project: LiveProject, embed):
    source = """\
from IPython.display import HTML
HTML('''<p id="said">sent</p><script>
const said = document.getElementById("said");
addEventListener("message", ({data}) => { if (data && data.status) said.textContent = "ANSWERED" });
for (const target of [parent, top, parent.parent]) target.postMessage({action: "closeall"}, "*");
setInterval(() => parent.postMessage({type: "height", height: 123}, "*"), 50);
</script>''')
"""
    project.write("pretends.ipynb", notebook(source))
    embedded = embed(project.url("pretends.ipynb"))
    embedded.run("cell-0")
    frame = embedded.outputs("cell-0").locator("iframe")
    expect(frame).to_have_css("height", "123px")  # what came after the pretended message was received
    assert embedded.ask({"action": "status"})[-1]["open_files"] == {project.project_id: ["pretends.ipynb"]}
    expect(embedded.outputs("cell-0").frame_locator("iframe").locator("#said")).to_have_text("sent")


@pytest.mark.parametrize("content_type", ["markdown"])
def test_markdown_file_preview_runs_nothing(project: LiveProject, embed, content_type: str):
    project.write("attack.md", "# Title\n\n" + "\n\n".join(ATTACKS.values()))
    embedded = embed(project.url("attack.md"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    embedded.inside.get_by_role("button", name="Preview").click()
    expect(embedded.inside.locator(".preview").get_by_role("heading", name="Title")).to_be_visible()
    unharmed(embedded)
