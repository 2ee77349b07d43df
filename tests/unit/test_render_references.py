"""Sources and links that mean files of the same home, or places in the document."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.web.frame.picture import picture_type
from studiolo.web.render import render_markdown, sanitise_html
from studiolo.web.render.references import MAX_REFERENCE, anchor_of, file_reference


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("img/plot.png", "./img/plot.png"),
        (" ./img//./plot.png ", "./img/plot.png"),
        ("../img/plot.png", "../img/plot.png"),
        ("a/../../b", "../b"),
        ("a%20b%23.png", "./a%20b%23.png"),
        ("Größe.png", "./Gr%C3%B6%C3%9Fe.png"),
        ("plot.png?raw=1", "./plot.png"),
        ("plot.png#part", "./plot.png"),
        ("img\\plot.png", "./img/plot.png"),
        ("img%5Cplot.png", "./img/plot.png"),
        ("%2e%2e/a", "../a"),
        ("./a:b.png", "./a%3Ab.png"),
        ("data/", "./data/"),
        ("/img/logo.svg", "/img/logo.svg"),
        ("/a/../b", "/b"),
        (
            "%2F%2Fexample.org/a",
            "/example.org/a",
        ),  # a path all the same: it is asked for as a file, never as an address
    ],
)
def test_a_path_is_kept_in_one_form(text: str, reference: str):
    assert file_reference(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?x",
        "//example.org/a.png",
        "\\\\example.org\\a.png",
        "/\\example.org/a.png",
        "javascript:x",
        "data:text/html,x",
        "C:\\a.png",
        "file:///etc/passwd",
        "/..",
        "/a/../../b",
        "a%00b",
        "a\nb",
        "%ff.png",
        "a" * (MAX_REFERENCE + 1),
    ],
)
def test_what_is_no_path_in_the_home_is_none(text: str):
    assert file_reference(text) is None


@given(st.text(alphabet="./\\%2eE:#?ab\x00 "))
@settings(max_examples=300)
def test_any_reference_begins_like_a_path_and_climbs_at_its_beginning_only(text: str):
    reference = file_reference(text)
    if reference is None:
        return
    assert reference.startswith(("./", "../", "/"))
    assert not reference.startswith("//")
    beginning = [part for part in reference.split("/") if part]
    while beginning and beginning[0] == "..":
        beginning.pop(0)
    assert ".." not in beginning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![a](b.png)", '<img data-file="./b.png" alt="a" loading="lazy">'),
        ("x <img src='a b.png' width=40> y", '<img data-file="./a%20b.png" width="40" loading="lazy">'),
        ("<img onerror=x src=b.png>", '<img data-file="./b.png" loading="lazy">'),
        ("<img src=javascript:x>", '<img loading="lazy">'),
        ("`<img src=a>` \\<img src=b>", "<code>&lt;img src=a&gt;</code> &lt;img src=b&gt;"),
        ("[n](02.ipynb#Part-1)", '<a href="#" data-file="./02.ipynb#Part-1" rel="noopener noreferrer">n</a>'),
        ("[p](#Part-1)", '<a href="#Part-1" rel="noopener noreferrer">p</a>'),
        ("[w](https://x.org)", '<a href="https://x.org" target="_blank" rel="noopener noreferrer">w</a>'),
        ("[h](//x.org/a)", '<a rel="noopener noreferrer" target="_blank">h</a>'),
        ("[d](data:text/html,x)", "[d](data:text/html,x)"),
        ("## Part 1: `x` $y$", '<h2 data-anchor="Part-1:-x-y">'),
        ("Under *line*\n===", '<h1 data-anchor="Under-line">'),
        ('<a name="here"></a>there', 'data-anchor="here"'),
    ],
)
def test_markdown_leaves_references_to_the_live_page(text: str, expected: str):
    assert expected in render_markdown(text)


def test_html_leaves_references_to_the_live_page():
    html = sanitise_html('<b title=\'<img src="./x">\'>src="./t"</b><img alt="p" src="p.png"><h3 id="a b">h</h3>')

    assert '<img alt="p" data-file="./p.png" loading="lazy">' in html
    assert '<h3 data-anchor="a b">' in html
    assert 'src="./t"' in html
    assert html.count("data-file") == 1


def test_no_name_in_a_document_becomes_an_id_of_the_page():
    text = "# studiolo\n<a id=studiolo></a><a name='studiolo'></a>"

    assert ' id="' not in render_markdown(text)
    assert ' name="' not in render_markdown(text)
    assert anchor_of(" My part ") == "My-part"


@pytest.mark.parametrize("text", ["<img " + "a " * 40_000, "<img" + " " * 90_000, '<img a="' * 10_000, "<" * 90_000])
def test_tags_that_never_end_take_no_time(text: str):
    began = time.thread_time()
    render_markdown(text)
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\n\x00WEBPVP8 ", "image/webp"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', "image/svg+xml"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<!DOCTYPE svg PUBLIC "-//W3C" "x">\n<svg>', "image/svg+xml"),
        (b"<html><svg>", None),
        (b"<!DOCTYPE html><svg>", None),
        (b"<svgx>", None),
        (b"<script>", None),
        (b"RIFF\x00\x00\n\x00WAVE", None),
        (b"<!---->" * 600, None),
        (b"", None),
    ],
)
def test_a_picture_is_known_by_what_it_holds(beginning: bytes, kind: str | None):
    assert picture_type(beginning) == kind
