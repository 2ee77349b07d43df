"""A whole document to the fragment that the frame shows first."""

import time
from collections.abc import Mapping
from html import escape
from typing import Any

from studiolo.web.render.markdown import render_markdown
from studiolo.web.render.outputs import TRUNCATED, render_later, render_output
from studiolo.web.render.text import element, list_of, mapping_of, signature, text_of

MAX_FRAGMENT = 4_000_000  # characters of outputs in one fragment; what is over comes with the live document
MAX_SOURCE = 400_000
MAX_CELLS = 5000
MAX_OUTPUTS = 500  # of one cell
MAX_SECONDS = 3.0  # of computing for one fragment; ordinary documents take milliseconds
_LATER = "This output is loading\u2026"


def render_document(snapshot: Mapping[str, Any]) -> str:
    """Return the HTML of a document as `documents.open` gave it."""
    if snapshot.get("kind") == "notebook":
        return _notebook(mapping_of(snapshot.get("notebook")))
    kind = "markdown" if snapshot.get("kind") == "markdown" else "text"
    text = text_of(snapshot.get("content"))
    source = element("div", _code(text), class_="source", data_sig=_sig(text))
    return element("article", _toolbar() + source, class_="doc", data_kind=kind)


def _notebook(notebook: dict[str, Any]) -> str:
    room = _Room()
    cells = "".join(_cell(mapping_of(cell), room) for cell in list_of(notebook.get("cells"))[:MAX_CELLS])
    content = _toolbar() + element("div", cells, class_="cells")
    return element("article", content, class_="doc", data_kind="notebook", data_language=language_of(notebook))


class _Room:
    """What one fragment may still take: characters of outputs, and time on the processor."""

    def __init__(self) -> None:
        self._characters = MAX_FRAGMENT
        self._began = time.thread_time()

    def is_used_up(self) -> bool:
        return self._characters <= 0 or self.is_late()

    def is_late(self) -> bool:
        return time.thread_time() - self._began > MAX_SECONDS

    def take(self, html: str) -> str:
        """Return the HTML of an output if it fits, else a note in its place."""
        if len(html) > self._characters:
            html = render_later(_LATER)
        self._characters -= len(html)
        return html


def language_of(notebook: dict[str, Any]) -> str:
    """Return the kernel language that a notebook names; python when it names none."""
    metadata = mapping_of(notebook.get("metadata"))
    named = text_of(mapping_of(metadata.get("language_info")).get("name"))
    return (named or text_of(mapping_of(metadata.get("kernelspec")).get("language")) or "python")[:40].lower()


def _toolbar() -> str:
    return '<div class="toolbar" aria-busy="true"></div>'


def _cell(cell: dict[str, Any], room: _Room) -> str:
    kind = cell.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "raw"
    source = text_of(cell.get("source"))
    is_late = kind == "markdown" and room.is_late()
    if is_late:
        shown = element("div", element("pre", escape(source[:MAX_SOURCE])), class_="rich")
    elif kind == "markdown":
        shown = element("div", render_markdown(source, cell.get("attachments")), class_="rich")
    else:
        shown = _code(source)
    body = element("div", shown, class_="source")
    if kind == "code":
        body += element("div", _outputs(list_of(cell.get("outputs")), room), class_="outputs")
    side = element("div", element("span", _count(cell) if kind == "code" else "", class_="count"), class_="side")
    return element(
        "section",
        side + element("div", body, class_="body"),
        class_="cell",
        data_id=text_of(cell.get("id"))[:256],
        data_type=kind,
        data_sig=TRUNCATED if is_late else _sig(source),
    )


def _sig(text: str) -> str:
    return signature(text) if len(text) <= MAX_SOURCE else TRUNCATED


def _count(cell: dict[str, Any]) -> str:
    count = cell.get("execution_count")
    return f"[{count}]" if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 10**9 else "[ ]"


def _code(text: str) -> str:
    return element("pre", escape(text[:MAX_SOURCE]), class_="code")


def _outputs(outputs: list[Any], room: _Room) -> str:
    shown = [
        room.take(render_later(_LATER) if room.is_used_up() else render_output(output))
        for output in outputs[:MAX_OUTPUTS]
    ]
    if len(outputs) > MAX_OUTPUTS:
        shown.append(render_later(_LATER))
    return "".join(shown)
