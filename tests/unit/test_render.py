import base64
import struct
import time
import zlib
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.web.render import render_document, render_items, render_latex, render_markdown, sanitise_html
from studiolo.web.render.documents import MAX_OUTPUTS
from studiolo.web.render.text import signature

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
OUTPUT = st.fixed_dictionaries(
    {},
    optional={
        "output_type": st.sampled_from(["stream", "error", "display_data", "execute_result"]) | JSON,
        "name": JSON,
        "text": JSON,
        "traceback": JSON,
        "metadata": JSON,
        "data": st.dictionaries(
            st.sampled_from(
                ["text/html", "text/plain", "image/png", "text/latex", "application/json", "text/markdown"]
            ),
            JSON | st.text(alphabet="<>\"'&$\\`*_[](){}|!#\x1b[m;0123456789abc"),
        )
        | JSON,
    },
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "source": JSON | st.text(alphabet="<>\"'&$\\`*_[](){}|!#\n abc"),
        "outputs": st.lists(OUTPUT) | JSON,
        "execution_count": JSON,
        "attachments": JSON,
    },
)


class Reader(HTMLParser):
    """Collects tags and attributes as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def notebook(*cells: object) -> dict[str, object]:
    return {"kind": "notebook", "path": "a.ipynb", "notebook": {"cells": list(cells), "metadata": {}}}


def code(source: str = "", **more: object) -> dict[str, object]:
    return {"id": "c", "cell_type": "code", "source": source, "outputs": [], **more}


@settings(max_examples=300, deadline=None)
@given(st.lists(CELL | JSON, max_size=3))
def test_any_json_renders_as_something_without_scripts_or_handlers(cells):
    reader = Reader(render_document(notebook(*cells)))

    assert not {"script", "style", "iframe", "object", "link", "form"} & set(reader.tags)
    assert not [name for _, name, _ in reader.attributes if name.startswith("on") or name == "style"]
    assert not [
        value
        for _, name, value in reader.attributes
        if name == "href" and not (value or "").startswith(("http", "mailto", "#"))
    ]


@pytest.mark.parametrize(
    "snapshot", [{}, {"kind": "notebook"}, {"kind": "notebook", "notebook": 5}, {"kind": 7, "content": None}]
)
def test_a_snapshot_without_content_is_an_empty_document(snapshot):
    assert render_document(snapshot).startswith('<article class="doc"')


def test_a_cell_carries_its_id_type_and_signature():
    html = render_document(notebook(code("1 < 2", id='a"b', execution_count=3)))

    assert f'data-id="a&quot;b" data-type="code" data-sig="{signature("1 < 2")}"' in html
    assert '<span class="count">[3]</span>' in html
    assert '<pre class="code">1 &lt; 2</pre>' in html


def test_a_text_document_is_shown_as_its_source():
    html = render_document({"kind": "markdown", "content": "# <b>"})

    assert 'data-kind="markdown"' in html
    assert '<pre class="code"># &lt;b&gt;</pre>' in html


def test_huge_outputs_are_left_to_the_live_page():
    stream = {"output_type": "stream", "name": "stdout", "text": "x" * 200_000}
    html = render_document(notebook(*[code(id=str(n), outputs=[stream] * 60) for n in range(20)]))

    assert len(html) < 6_000_000
    assert 'data-sig="truncated"' in html


def test_more_outputs_than_fit_are_left_to_the_live_page():
    html = render_document(notebook(code(outputs=[{"output_type": "stream", "text": "x"}] * (MAX_OUTPUTS + 10))))

    assert html.count('class="output"') == MAX_OUTPUTS + 1


def test_a_picture_has_its_size_so_that_nothing_shifts():
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">IIBBBBB", 64, 32, 8, 2, 0, 0, 0)
    data = base64.b64encode(header + zlib.compress(b"")).decode()
    html = render_document(notebook(code(outputs=[{"output_type": "display_data", "data": {"image/png": data}}])))

    assert 'width="64" height="32"' in html


def test_svg_is_an_image_and_cannot_run():
    svg = "<svg onload='alert(1)'><script>alert(1)</script></svg>"
    html = render_document(notebook(code(outputs=[{"output_type": "display_data", "data": {"image/svg+xml": svg}}])))

    assert 'src="data:image/svg+xml;base64,' in html
    assert "alert" not in html


def test_base64_that_is_none_is_not_put_into_an_address():
    html = render_document(
        notebook(code(outputs=[{"output_type": "display_data", "data": {"image/png": '" onerror="x'}}]))
    )

    assert "onerror" not in html
    assert "A picture that cannot be read." in html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<b onclick=x>a</b>", "<b>a</b>"),
        ("<script>x</script>a", "a"),
        ("<style>a{}</style>b", "b"),
        ('<p style="position:fixed">a</p>', "<p>a</p>"),
        ('<a href="javascript:x">a</a>', '<a target="_blank" rel="noopener noreferrer">a</a>'),
        ('<a href="//evil.test/a">a</a>', '<a target="_blank" rel="noopener noreferrer">a</a>'),
        ('<a href="/projects">a</a>', '<a href="#" data-file="/projects" rel="noopener noreferrer">a</a>'),
        ('<p id="studiolo" class="splash">a</p>', '<p data-anchor="studiolo">a</p>'),
        ('<p data-file="./a" data-anchor="b">a</p>', "<p>a</p>"),
        ('<form action="/x"><input name=a>b</form>', "b"),
        ("<svg><use href='#a'/></svg>c", "c"),
    ],
)
def test_html_loses_what_could_run_lead_or_restyle(html, expected):
    found = sanitise_html(html)
    assert sorted(found.replace(">", " ").split()) == sorted(expected.replace(">", " ").split())


def test_a_data_frame_stays_a_table():
    html = sanitise_html('<table border="1" class="dataframe other"><tr><th align="left">a</th></tr></table>')

    assert '<table border="1" class="dataframe">' in html
    assert '<th align="left">' in html


def test_links_open_elsewhere_and_say_nothing_of_us():
    found = Reader(sanitise_html('<a href="https://example.org">x</a>')).attributes

    assert ("a", "target", "_blank") in found
    assert ("a", "rel", "noopener noreferrer") in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x^2$", '<span class="math" data-display="inline">x^2</span>'),
        ("$$\na<b\n$$", '<span class="math" data-display="block">a&lt;b</span>'),
        ("\\begin{align}a\\end{align}", 'data-display="block">\\begin{align}a\\end{align}</span>'),
        ("it costs $5 and $6", "it costs $5 and $6"),
        ("<b>raw</b>", "&lt;b&gt;raw&lt;/b&gt;"),
        ("|a|\n|-:|\n|1|", '<th align="right">a</th>'),
        ("~~gone~~", "<s>gone</s>"),
        ("[a](javascript:x)", "[a](javascript:x)"),
    ],
)
def test_markdown_becomes_safe_html(text, expected):
    assert expected in render_markdown(text)


def test_an_attachment_is_shown_and_a_relative_image_is_left_to_the_live_page():
    html = render_markdown("![a](attachment:a.png) ![b](b.png)", {"a.png": {"image/png": "aaaa"}})

    assert 'src="data:image/png;base64,aaaa"' in html
    assert '<img data-file="./b.png" alt="b" loading="lazy">' in html


def test_an_attachment_is_found_by_a_name_that_markdown_encodes():
    html = render_markdown("![a](<attachment:ein Maß.png>)", {"ein Maß.png": {"image/png": "aaaa"}})

    assert 'src="data:image/png;base64,aaaa"' in html


def test_a_large_attachment_is_shown_but_not_again_and_again():
    attachments = {"a.png": {"image/png": "a" * 600_000}}

    assert "<img src=" in render_markdown("![a](attachment:a.png)", attachments)
    assert len(render_markdown("![a](attachment:a.png)\n" * 3000, attachments)) < 1_000_000


def test_markdown_that_nests_without_end_is_still_shown():
    assert render_markdown("> " * 5000 + "a").startswith("<blockquote>")
    assert "[[[" in render_markdown("[" * 20_000)


@pytest.mark.parametrize(("text", "tex"), [("$\\displaystyle x$", "x"), ("\\[y\\]", "y"), ("z", "z"), ("$$w$$", "w")])
def test_latex_is_one_formula(text, tex):
    assert render_latex(text) == f'<span class="math" data-display="block">{"" if tex != "x" else " "}{tex}</span>'


def test_items_are_rendered_in_order_and_odd_ones_are_empty():
    items = [{"kind": "markdown", "text": "*a*"}, 5, {"kind": "x", "text": "a"}, {"kind": "html", "text": "<i>b</i>"}]

    assert render_items(items) == ["<p><em>a</em></p>\n", "", "", "<i>b</i>"]
    assert render_items("odd") == []


def _output(mime: str, value: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": {mime: value}, "metadata": {}}


def _seconds(work: Callable[[], str]) -> tuple[float, int]:
    began = time.thread_time()
    html = work()
    return time.thread_time() - began, len(html)


_COLOURS = "".join(f"\x1b[{31 + number % 2}mx" for number in range(3300))

BOMBS = {
    "terminal text written over thousands of colours": lambda: _render_output("text/plain", _COLOURS + "\rX" * 10_000),
    "terminal text erased again and again": lambda: _render_output("text/plain", _COLOURS + "\r\x1b[1K\x1b[K" * 2500),
    "deep JSON that indentation makes large": lambda: _render_output("application/json", _nested([0] * 200_000, 400)),
    "formatting opened again in every block": lambda: sanitise_html(
        "<p>" + "".join(f"<b title={number}>" for number in range(1600)) + "<p>x" * 1600
    ),
    "formatting whose ends are hidden in quotes": lambda: sanitise_html(
        "<p>" + "".join(f'<b title=">{number}">' for number in range(1600)) + "<p>x" * 1600
    ),
    "lists in lists": lambda: sanitise_html("<ul><li>" * 60_000),
    "blocks in blocks behind tables": lambda: sanitise_html("<ul><li><table><td></li></ul></table>" * 12_000),
    "a megabyte of tags": lambda: sanitise_html("<div>" * 400_000),
    "brackets": lambda: render_markdown("[" * 99_000),
    "brackets, in the largest number": lambda: render_markdown("[\n" * 4000),
    "environments of TeX": lambda: render_markdown("\\begin{align}\n" * 7000),
    "environments of TeX, in the largest number": lambda: render_markdown("\\begin{align} " * 500 + "a" * 90_000),
    "very many lines": lambda: render_markdown("a\n" * 49_000),
    "stars": lambda: render_markdown("*" * 49_000 + "a" + "*" * 49_000),
}


def _render_output(mime: str, value: object) -> str:
    cell = {"id": "a", "cell_type": "code", "source": "", "outputs": [_output(mime, value)]}
    return render_document({"kind": "notebook", "notebook": {"cells": [cell]}})


def _nested(value: object, depth: int) -> object:
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", BOMBS)
def test_small_input_never_takes_the_renderer_much_time_or_makes_much_output(name: str) -> None:
    seconds, length = _seconds(BOMBS[name])

    assert seconds < 12, seconds  # far more than any takes here, far less than without the limits
    assert length < 4_000_000


def test_a_document_of_many_slow_pieces_is_given_up_after_some_seconds() -> None:
    cells = [{"id": str(n), "cell_type": "markdown", "source": "[" * 2000} for n in range(200)]

    seconds, _ = _seconds(lambda: render_document({"kind": "notebook", "notebook": {"cells": cells}}))

    assert seconds < 12, seconds


def test_ordinary_html_of_data_frames_is_no_bomb() -> None:
    row = "<tr><th>1</th><td><b>a</b></td><td><code>b</code></td></tr>"
    html = '<table border="1" class="dataframe"><tbody>' + row * 5000 + "</tbody></table>"

    assert sanitise_html(html).startswith("<table")
