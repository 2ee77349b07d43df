"""Both renderers, this one and the live page's, are held to the files in web/golden."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from studiolo.web.render.ansi import Terminal, ansi_to_html
from studiolo.web.render.outputs import TRUNCATED, render_output
from studiolo.web.render.text import signature, text_of

GOLDEN = Path(__file__).parents[2] / "web/golden"


def cases(name: str) -> list[dict[str, Any]]:
    return json.loads((GOLDEN / name).read_text("utf-8"))


@pytest.mark.parametrize("case", cases("ansi.json"), ids=lambda case: case["name"])
def test_terminal_text_becomes_the_agreed_html(case):
    assert ansi_to_html(case["text"]) == case["html"]


def test_terminal_text_may_come_in_pieces():
    terminal = Terminal()
    for piece in ("10%", "\r20%", "\n\x1b[31mred"):
        terminal.write(piece)

    assert terminal.html() == '20%\n<span class="ansi-fg-1">red</span>'


@pytest.mark.parametrize("case", cases("text.json"), ids=lambda case: repr(case["value"]))
def test_any_json_becomes_the_agreed_text(case):
    assert text_of(case["value"]) == case["text"]
    assert signature(case["text"]) == case["signature"]


@pytest.mark.parametrize("case", cases("outputs.json"), ids=lambda case: json.dumps(case["output"])[:60])
def test_an_output_is_shown_as_the_agreed_kind(case):
    found = re.match(
        r'<div class="output" data-kind="(\w+)"(?: data-name="(\w+)")? data-sig="(\w*)"', render_output(case["output"])
    )

    assert found is not None
    assert found[1] == case["kind"]
    assert found[2] == case["name"]
    assert found[3].replace(TRUNCATED, "") == case["signature"]
