"""Pictures and links of a document that mean other files of the project, with third-party cookies blocked."""

import json
from base64 import b64encode
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from studiolo.testing.chromium import EmbeddedFrame, wait_in
from studiolo.testing.live import LiveProject, notebook

PLOT = (
    "from pathlib import Path\n"
    "import matplotlib; matplotlib.use('Agg')\n"
    "import matplotlib.pyplot as plt\n"
    "Path('course/week 1/img').mkdir(parents=True, exist_ok=True)\n"
    "plt.figure(figsize=(2, 1)).gca().plot([1, 4, 9])\n"
    "for name in ('course/week 1/img/plot 1.png', 'course/week 1/plot.jpg', 'course/logo.svg', 'top.webp'):\n"
    "    plt.savefig(name)\n"
)
IS_KEPT = """(url) => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = url;
})"""
WIDTHS = "(images) => images.map((image) => image.naturalWidth)"


@pytest.fixture(scope="module")
def course(project: LiveProject) -> LiveProject:
    """Give a project with pictures around a notebook."""
    project.run(f"python3 - <<'E'\n{PLOT}E")
    project.run("echo '<script>alert(1)</script>' > 'course/week 1/img/page.png'")
    project.run("truncate -s 11M 'course/week 1/img/huge.png'")
    return project


def fetches(embedded: EmbeddedFrame) -> list[str]:
    """Return a list that grows with the paths of the pictures that are asked for from now on."""
    paths: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/frame/picture"):
            paths.append(json.loads(request.post_data or "{}")["path"])

    embedded.page.on("request", note)
    return paths


def statuses(page: Page) -> list[int]:
    """Return a list that grows with how questions for pictures are answered."""
    answers: list[int] = []
    page.on("response", lambda one: answers.append(one.status) if one.url.endswith("/frame/picture") else None)
    return answers


def drawn(images: Locator, count: int) -> None:
    """Wait until so many pictures are on the screen, drawn."""
    expect(images).to_have_count(count)
    wait_in(images.page, lambda: all(images.evaluate_all(WIDTHS)), "a picture was not drawn")


def outside_kiosk(url: str) -> str:
    return url.replace("&fullscreen=kiosk", "")


def with_html(given: str, html: str) -> str:
    """Return a notebook's text whose first code cell has this HTML as its output."""
    held: dict[str, Any] = json.loads(given)
    cell = next(cell for cell in held["cells"] if cell["cell_type"] == "code")
    cell["outputs"] = [{"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}]
    return json.dumps(held)


def test_pictures_around_a_notebook_are_shown_and_fetched_once(course: LiveProject, embed, page):
    text = (
        "![one](<img/plot 1.png>) ![again](img/plot%201.png?raw=1)\n\n<img src='../logo.svg' width='80'> "
        "![jpeg](plot.jpg) ![webp](../../top.webp) ![home](/top.webp)"
    )
    html = "<table><tr><td><img src='./img/plot 1.png' alt='in a table'></td></tr></table>"
    course.write("course/week 1/a.ipynb", with_html(notebook("1", text=text), html))
    embedded = EmbeddedFrame(page, "studiolo", course.server.address)
    asked = fetches(embedded)
    embed(course.url("course/week 1/a.ipynb"))
    drawn(embedded.cell("text").locator("img"), 6)
    drawn(embedded.outputs("cell-0").locator("img"), 1)
    assert sorted(asked) == ["course/logo.svg", "course/week 1/img/plot 1.png", "course/week 1/plot.jpg", "top.webp"]


def test_what_cannot_be_shown_leaves_its_alternative_text(course: LiveProject, embed, page):
    text = (
        "![too far](../../../a.png) ![missing](no.png) ![a page](img/page.png) ![huge](img/huge.png) "
        "![host](//example.org/x.png) ![](gone.png)"
    )
    course.write("course/week 1/refused.ipynb", notebook("1", text=text))
    embedded = embed(course.url("course/week 1/refused.ipynb"))
    images = embedded.cell("text").locator("img")
    expect(images).to_have_count(6)
    expect(images.last).to_have_attribute("alt", "gone.png")
    for n, alt in enumerate(("too far", "missing", "a page", "huge", "host")):
        expect(images.nth(n)).to_have_attribute("alt", alt)
    assert images.evaluate_all("(images) => images.filter((image) => image.getAttribute('src')).length") == 0


def test_attachments_are_shown_large_ones_and_those_with_blanks_too(course: LiveProject, embed, page):
    data = course.run("base64 -w0 'course/week 1/img/plot 1.png'").strip()
    large = b64encode(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!--{"x" * 500_000}--></svg>'.encode()
    )
    held = json.loads(notebook("1", text="![a](<attachment:a b.png>) ![l](attachment:l.svg)"))
    held["cells"][0]["attachments"] = {"a b.png": {"image/png": data}, "l.svg": {"image/svg+xml": large.decode()}}
    course.write("attached.ipynb", json.dumps(held))
    embedded = embed(course.url("attached.ipynb"))
    drawn(embedded.cell("text").locator("img"), 2)


def test_the_preview_of_markdown_shows_pictures_and_finds_its_headings(course: LiveProject, embed, page):
    text = "[down](#Far-below)\n\n![plot](<week 1/img/plot 1.png>)\n\n" + "line\n\n" * 200 + "## Far below\n"
    course.write("course/notes.md", text)
    embedded = embed(course.url("course/notes.md"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    embedded.inside.get_by_role("button", name="Preview").click()
    drawn(embedded.inside.locator(".preview img"), 1)
    heading = embedded.inside.get_by_role("heading", name="Far below")
    expect(heading).not_to_be_in_viewport()
    embedded.inside.get_by_role("link", name="down").click()
    expect(heading).to_be_in_viewport()


def test_a_picture_that_code_wrote_anew_is_fetched_anew_and_only_then(course: LiveProject, embed, page):
    sizes = "import sys; from PIL import Image; Image.new('RGB', (int(sys.argv[1]), 5)).save('new.png')"
    course.run(f'python3 -c "{sizes}" 30')
    source = 'from IPython.display import HTML\nHTML(\'<img src="new.png" alt="new">\')'
    course.write("anew.ipynb", notebook(source, text="![new](new.png)"))
    answers = statuses(page)
    embedded = embed(course.url("anew.ipynb"))
    drawn(embedded.cell("text").locator("img"), 1)
    course.run(f'python3 -c "{sizes}" 60')
    images = embedded.inside.locator("img")
    for count in (2, 3):
        page.wait_for_timeout(3100)  # what is drawn sooner may be a moment old
        embedded.run("cell-0")
        wait_in(page, lambda: len(answers) == count, "it was not asked for again")  # noqa: B023 - asked at once
        wait_in(page, lambda: images.evaluate_all(WIDTHS) == [60, 60], "the old picture is still shown")
    assert answers == [200, 200, 304]


def test_a_picture_comes_when_the_server_was_asked_too_much_at_first(course: LiveProject, embed, page):
    course.write("crowd.ipynb", notebook("1", text="![top](top.webp)"))
    page.route("**/frame/picture", lambda route: route.fulfill(status=429), times=1)
    embedded = embed(course.url("crowd.ipynb"))
    drawn(embedded.cell("text").locator("img"), 1)


def test_links_in_the_document_lead_to_headings_and_cells(course: LiveProject, embed, page):
    top = "[h](#The-second-part) [g](#the-second-part-1) [c](#cell-2)"
    tall = "![](no.png)\n\n" + "line\n\n" * 100
    course.write("anchors.ipynb", notebook("1", "2", "3", top=top, tall=tall, part=f"## The second `part`\n{tall}"))
    embedded = embed(course.url("anchors.ipynb"))
    expect(embedded.inside.locator(".toolbar .saved")).to_have_text("Saved")
    heading = embedded.inside.get_by_role("heading", name="The second part")
    for link, goal in (("h", heading), ("c", embedded.cell("cell-2"))):
        embedded.inside.get_by_role("link", name=link, exact=True).click()
        expect(goal).to_be_in_viewport()
    bar = embedded.inside.locator(".toolbar").bounding_box()
    embedded.inside.get_by_role("link", name="h", exact=True).click()
    shown = heading.bounding_box()
    assert bar is not None
    assert shown is not None
    assert shown["y"] >= bar["y"] + bar["height"]


def test_an_address_with_a_heading_opens_there(course: LiveProject, embed, page):
    course.write("hash.ipynb", notebook("1", tall="line\n\n" * 100, part="# Part 2"))
    embedded = embed(course.url("hash.ipynb") + "#Part-2")
    expect(embedded.inside.get_by_role("heading", name="Part 2")).to_be_in_viewport()


def test_a_link_to_another_file_is_refused_with_its_name_in_a_kiosk(course: LiveProject, embed, page):
    course.write("course/kiosk.ipynb", notebook("1", text="[next](02-next.ipynb) [out](../../x.md) [js](javascript:x)"))
    course.write("course/02-next.ipynb", notebook("2"))
    embedded = embed(course.url("course/kiosk.ipynb"))
    embedded.inside.get_by_role("link", name="next").click()
    notice = embedded.inside.locator(".notice", has_text="course/02-next.ipynb")
    expect(notice).to_contain_text("one document only")
    embedded.inside.get_by_role("link", name="out").click()
    expect(embedded.inside.locator(".notice", has_text="out of the project")).to_be_visible()
    expect(embedded.cell("text")).to_be_visible()
    expect(embedded.inside.get_by_role("link", name="js")).to_have_count(0)


def test_a_link_outside_of_kiosk_opens_the_file_at_its_heading_in_the_same_frame(course: LiveProject, embed, page):
    course.write("course/from.ipynb", notebook("1", text="[next](to.ipynb#Part-2) [table](../table.csv)"))
    course.write("course/to.ipynb", notebook("2", tall="line\n\n" * 100, part="# Part 2", back="[back](from.ipynb)"))
    course.write("table.csv", "a,b\n1,2\n")
    embedded = embed(outside_kiosk(course.url("course/from.ipynb")))
    embedded.inside.get_by_role("link", name="next").click()
    expect(embedded.inside.get_by_role("heading", name="Part 2")).to_be_in_viewport()
    embedded.inside.get_by_role("link", name="back").click()
    embedded.inside.get_by_role("link", name="table").click()
    expect(embedded.inside.locator(".cm-content")).to_contain_text("a,b")


def test_a_link_to_what_cannot_be_opened_leaves_the_reader_where_he_was(course: LiveProject, embed, page):
    course.write("course/stays.ipynb", notebook("1", text="[gone](gone.ipynb)"))
    embedded = embed(outside_kiosk(course.url("course/stays.ipynb")))
    embedded.inside.get_by_role("link", name="gone").click()
    expect(embedded.inside.locator(".notice", has_text="course/gone.ipynb")).to_contain_text("cannot be opened")
    expect(embedded.inside.get_by_role("link", name="gone")).to_be_visible()


def test_pictures_are_not_kept_once_the_document_is_closed(course: LiveProject, embed, page):
    course.write("closing.ipynb", notebook("1", text="![top](top.webp)"))
    embedded = embed(course.url("closing.ipynb"))
    image = embedded.cell("text").locator("img")
    drawn(image, 1)
    address = image.get_attribute("src") or ""
    assert address.startswith("blob:")
    assert embedded.frame.evaluate(IS_KEPT, address)
    embedded.ask({"action": "closeall"})
    assert not embedded.frame.evaluate(IS_KEPT, address)


def test_a_narrowed_frame_shows_no_picture_from_outside_its_part(course: LiveProject, embed, page):
    course.run("mkdir -p shown; cp top.webp shown/; ln -sf ../top.webp shown/link.webp")
    course.write("shown/sheet.ipynb", notebook("1", text="![inside](top.webp) ![out](../top.webp) ![link](link.webp)"))
    narrowed = {"project_id": course.project_id, "path": "shown", "read_only": True}
    minted = course.server.call("mint_auth_token", course.owner.api_key, **narrowed)
    asked = statuses(page)
    embedded = embed(course.url("shown/sheet.ipynb", minted["auth_token"]))
    drawn(embedded.cell("text").get_by_alt_text("inside"), 1)
    wait_in(page, lambda: len(asked) == 3, "not everything was asked for")
    assert sorted(asked) == [200, 400, 404]  # a link that leads out, a path that does
    for alt in ("out", "link"):
        assert embedded.cell("text").get_by_alt_text(alt).get_attribute("src") is None
