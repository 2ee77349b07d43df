"""What code can show: text, tables, pictures, mathematics, questions; errors, interrupts and dead kernels."""

import pytest
from playwright.sync_api import Locator, expect

from studiolo.testing.chromium import EmbeddedFrame
from studiolo.testing.live import LiveProject, notebook

OUTPUTS = notebook(
    "print('\\x1b[31mred\\x1b[0m plain')\nimport sys; print('to stderr', file=sys.stderr)",
    "def broken():\n    1 / 0\nbroken()",
    "import pandas\npandas.DataFrame({'planet': ['Mercury', 'Venus'], 'moons': [0, 0]})",
    "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9]); plt.show()",
    "from IPython.display import SVG\n"
    'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><circle cx="20" cy="20" r="15"/></svg>\')',
    "from IPython.display import Latex\nLatex(r'$$\\frac{a}{b}$$')",
    "from IPython.display import JSON\nJSON({'answer': [42, {'deep': None}]})",
    "from IPython.display import Markdown\nMarkdown('**bold** $x^2$')",
    "from IPython.display import clear_output\nfor n in range(50):\n    clear_output(wait=True)\n    print('count', n)",
    "import sys\nfor n in range(3):\n    print(f'\\rprogress {n}', end='')",
)


@pytest.fixture(scope="module")
def shown(project: LiveProject, browser, host, server):
    """Give a notebook in which all cells have run; the tests only look."""
    from studiolo.testing.chromium import host_address

    project.write("outputs.ipynb", OUTPUTS)
    page = browser.new_page()
    page.goto(host_address(host.origin, studiolo=project.url("outputs.ipynb")), wait_until="domcontentloaded")
    embedded = EmbeddedFrame(page, "studiolo", server.address)
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    embedded.inside.get_by_role("button", name="Run all cells").click()
    yield embedded
    page.close()


def picture(place: Locator) -> None:
    expect(place.locator("img")).to_be_visible()
    assert place.locator("img").evaluate("async (image) => { await image.decode(); return image.naturalWidth }") > 0


def test_run_all_stops_at_an_error_that_shows_its_coloured_traceback(shown: EmbeddedFrame):
    expect(shown.outputs("cell-0").locator('[class*="ansi"]', has_text="red").first).to_be_visible()
    expect(shown.outputs("cell-0")).to_contain_text("plain")
    expect(shown.outputs("cell-0").locator('[data-name="stderr"]')).to_contain_text("to stderr")
    error = shown.outputs("cell-1").locator('[data-kind="error"]')
    expect(error).to_contain_text("ZeroDivisionError: division by zero")
    expect(error).to_contain_text("broken()")
    assert error.locator('[class*="ansi"]').count() > 2
    expect(shown.cell("cell-2").locator(".count")).to_have_text("[ ]")


def test_pandas_table(shown: EmbeddedFrame):
    shown.run("cell-2")
    table = shown.outputs("cell-2").get_by_role("table")
    expect(table.get_by_role("cell", name="Mercury")).to_be_visible()
    expect(shown.outputs("cell-2").locator("iframe")).to_have_count(0)


def test_matplotlib_picture(shown: EmbeddedFrame):
    shown.run("cell-3")
    picture(shown.outputs("cell-3"))


def test_svg_picture(shown: EmbeddedFrame):
    shown.run("cell-4")
    picture(shown.outputs("cell-4"))


def test_latex(shown: EmbeddedFrame):
    shown.run("cell-5")
    expect(shown.outputs("cell-5").locator(".katex-display .mfrac")).to_be_visible()


def test_json(shown: EmbeddedFrame):
    shown.run("cell-6")
    expect(shown.outputs("cell-6").locator(".json")).to_contain_text("answer")


def test_markdown(shown: EmbeddedFrame):
    shown.run("cell-7")
    expect(shown.outputs("cell-7").locator("strong")).to_have_text("bold")
    expect(shown.outputs("cell-7").locator(".katex")).to_have_count(1)


def test_output_that_is_replaced_again_and_again(shown: EmbeddedFrame):
    shown.run("cell-8")
    expect(shown.outputs("cell-8")).to_have_text("count 49")


def test_carriage_return_writes_over_the_line(shown: EmbeddedFrame):
    shown.run("cell-9")
    expect(shown.outputs("cell-9")).to_have_text("progress 2")


def test_saved_outputs_are_there_at_once_when_the_notebook_is_opened_again(project: LiveProject, embed):
    project.write("again.ipynb", notebook("print('kept output')", "import pandas\npandas.DataFrame({'a': [12345]})"))
    embedded = embed(project.url("again.ipynb"))
    embedded.run("cell-0")
    embedded.run("cell-1")
    expect(embedded.outputs("cell-1")).to_contain_text("12345")
    embedded.page.reload()
    expect(embedded.outputs("cell-0")).to_contain_text("kept output")
    expect(embedded.outputs("cell-1").get_by_role("table")).to_contain_text("12345")


@pytest.mark.parametrize(
    ("shows", "words"),
    [
        ("Javascript('element.append(\"by element\")')", "by element"),
        ("HTML('<p>first</p><script>document.write(\"written\")</script>')", "written"),
        ("Javascript('noSuchThing()')", "noSuchThing is not defined"),
    ],
)
def test_script_finds_what_programs_expect_and_its_failure_is_seen(project: LiveProject, embed, shows: str, words: str):
    project.write("script.ipynb", notebook(f"from IPython.display import HTML, Javascript\n{shows}"))
    embedded = embed(project.url("script.ipynb"))
    embedded.run("cell-0")
    output = embedded.outputs("cell-0").frame_locator("iframe")
    expect(output.get_by_text(words)).to_be_visible()


def test_running_cell_is_interrupted(project: LiveProject, embed):
    project.write("interrupt.ipynb", notebook("print('waits', flush=True)\nwhile True: pass", "'after'"))
    embedded = embed(project.url("interrupt.ipynb"))
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("waits")
    expect(embedded.cell("cell-0")).to_have_attribute("data-state", "busy")
    embedded.inside.get_by_role("button", name="Interrupt").click()
    expect(embedded.outputs("cell-0")).to_contain_text("KeyboardInterrupt")
    embedded.run("cell-1")
    expect(embedded.outputs("cell-1")).to_contain_text("after")


def test_restarted_kernel_has_forgotten_everything(project: LiveProject, embed):
    project.write("restart.ipynb", notebook("memory = 'remembered'", "globals().get('memory', 'forgotten')"))
    embedded = embed(project.url("restart.ipynb"))
    embedded.run("cell-0")
    embedded.run("cell-1")
    expect(embedded.outputs("cell-1")).to_contain_text("remembered")
    embedded.inside.get_by_role("button", name="Restart the kernel").click()
    embedded.inside.get_by_role("button", name="Restart", exact=True).click()
    expect(embedded.inside.locator(".toolbar .kernel")).to_have_text("Ready")
    embedded.run("cell-1")
    expect(embedded.outputs("cell-1")).to_contain_text("forgotten")


def test_input_is_asked_for_and_answered(project: LiveProject, embed):
    project.write("input.ipynb", notebook("name = input('Your name? ')\nprint('Hello', name)"))
    embedded = embed(project.url("input.ipynb"))
    embedded.run("cell-0")
    field = embedded.cell("cell-0").get_by_label("Your name?")
    expect(field).to_be_focused()
    field.fill("Ada")
    field.press("Enter")
    expect(embedded.outputs("cell-0")).to_contain_text("Hello Ada")
    expect(field).to_have_count(0)


def test_dead_kernel_is_said_and_the_next_run_works(project: LiveProject, embed):
    project.write("dead.ipynb", notebook("import os; os._exit(1)", "'alive again'"))
    embedded = embed(project.url("dead.ipynb"))
    embedded.run("cell-0")
    expect(embedded.inside.get_by_role("alert").filter(has_text="kernel stopped")).to_be_visible()
    expect(embedded.cell("cell-0")).to_have_attribute("data-state", "idle")
    embedded.run("cell-1")
    expect(embedded.outputs("cell-1")).to_contain_text("alive again")
    expect(embedded.inside.get_by_role("alert").filter(has_text="kernel stopped")).to_have_count(0)


def test_many_lines_of_output_arrive_whole(project: LiveProject, embed):
    project.write("many.ipynb", notebook("for n in range(20000): print('line', n)"))
    embedded = embed(project.url("many.ipynb"))
    embedded.run("cell-0")
    expect(embedded.outputs("cell-0")).to_contain_text("line 19999")
