"""The text of an .ipynb file: where its parts lie, and writing it again with every unchanged byte kept.

Requirements:
1. A cell that means what it meant when the file was read is written as the very text it was read from.
2. A changed or new cell is written with the file's own indentation, its unknown fields and its key order.
3. Everything outside the cells (other keys, white space, line ends, a byte order mark) stays as it was.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, cast

from studiolo.core.errors import NotebookInvalid

_SPACE = re.compile(r"[ \t\n\r]*")
_INDENT = re.compile(r"\{\r?\n([ \t]+)\"")
_DECODER = json.JSONDecoder()
_BOM = "\ufeff"

Span = tuple[int, int]


@dataclass(slots=True)
class NotebookText:
    """The text of a notebook file, its parsed parts and where each of them lies in the text."""

    text: str
    values: dict[str, Any]  # the top-level keys but "cells"
    spans: dict[str, Span]  # where the values of those keys are
    cells: list[dict[str, Any]]
    cell_spans: list[Span]
    cells_span: Span  # from "[" to after "]"
    end: int  # offset of the final "}"
    style: "Style"


@dataclass(frozen=True, slots=True)
class Style:
    """How the file was written."""

    indent: str | None
    newline: str
    is_ascii: bool
    separators: tuple[str, str]

    def dump(self, value: Any, depth: int) -> str:
        """Write `value` as it stands `depth` levels deep in the file."""
        text = json.dumps(value, ensure_ascii=self.is_ascii, indent=self.indent, separators=self.separators)
        if self.indent is None:
            return text
        return text.replace("\n", self.newline + self.indent * depth)

    def line(self, depth: int) -> str:
        """Return what stands between two values of an indented list or object."""
        return "" if self.indent is None else self.newline + self.indent * depth


NEW_STYLE = Style(indent=" ", newline="\n", is_ascii=False, separators=(",", ": "))


@dataclass(frozen=True, slots=True)
class WrittenCell:
    """A cell to be written: its value, or the index of the unchanged one it stands for."""

    value: dict[str, Any]
    original: int | None = None


def parse(data: bytes, path: str) -> NotebookText:
    """Take the text of a notebook file apart.

    Raises NotebookInvalid, saying at which line and column the file stops being a notebook.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise _invalid(path, "it is not UTF-8 text", line, column) from error
    try:
        return _Scanner(text, path).notebook()
    except json.JSONDecodeError as error:
        raise _invalid(path, f"it is not JSON ({error.msg})", error.lineno, error.colno) from error
    except RecursionError as error:
        raise _invalid(path, "it is nested too deeply", 1, 1) from error


def write(notebook: NotebookText, cells: Sequence[WrittenCell], values: dict[str, Any]) -> bytes:
    """Return the file's new content: `cells`, and the `values` of the other top-level keys that changed."""
    edits = [(notebook.cells_span, _cells_text(notebook, cells))]
    added: list[str] = []
    for key, value in values.items():
        span = notebook.spans.get(key)
        if span is None:
            added.append(f"{json.dumps(key)}{notebook.style.separators[1]}{notebook.style.dump(value, 1)}")
        elif notebook.values[key] != value:
            edits.append((span, notebook.style.dump(value, 1)))
    if added:
        where = max(end for _, end in [*notebook.spans.values(), notebook.cells_span])
        joined = "".join(f",{notebook.style.line(1)}{text}" for text in added)
        edits.append(((where, where), joined))
    return _edited(notebook.text, edits).encode("utf-8", "surrogatepass")


def write_new(cells: Sequence[dict[str, Any]], values: dict[str, Any]) -> bytes:
    """Return the content of a file that does not exist yet, as nbformat would write it."""
    whole = {"cells": list(cells), **values}
    return (json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=False) + "\n").encode("utf-8", "surrogatepass")


def _edited(text: str, edits: list[tuple[Span, str]]) -> str:
    parts: list[str] = []
    position = 0
    for (start, end), replacement in sorted(edits, key=lambda edit: edit[0]):
        parts += (text[position:start], replacement)
        position = end
    return "".join((*parts, text[position:]))


def _cells_text(notebook: NotebookText, cells: Sequence[WrittenCell]) -> str:
    start, end = notebook.cells_span
    spans, text, style = notebook.cell_spans, notebook.text, notebook.style
    if not cells:
        return text[start:end] if not spans else "[]"
    head = text[start : spans[0][0]] if spans else "[" + style.line(2)
    tail = text[spans[-1][1] : end] if spans else style.line(1) + "]"
    parts = [head]
    for position, cell in enumerate(cells):
        if position:
            parts.append(_separator(notebook, cells[position - 1].original, cell.original))
        if cell.original is None:
            parts.append(style.dump(cell.value, 2))
        else:
            parts.append(text[slice(*spans[cell.original])])
    return "".join((*parts, tail))


def _separator(notebook: NotebookText, before: int | None, after: int | None) -> str:
    spans = notebook.cell_spans
    if before is not None and after is not None and after == before + 1:
        return notebook.text[spans[before][1] : spans[after][0]]
    if len(spans) > 1:
        return notebook.text[spans[0][1] : spans[1][0]]
    return (",", ", ")[notebook.style.separators[0] == ", "] + notebook.style.line(2)


def _style_of(text: str) -> Style:
    found = _INDENT.search(text, 0, 10_000)
    newline = "\r\n" if "\r\n" in text[:10_000] else "\n"
    is_ascii = text.isascii() and "\\u" in text
    if found is not None:
        return Style(found[1], newline, is_ascii, (",", ": "))
    has_spaces = '": ' in text[:10_000] or not text
    return Style(None, newline, is_ascii, (", ", ": ") if has_spaces else (",", ":"))


def _invalid(path: str, reason: str, line: int, column: int) -> NotebookInvalid:
    return NotebookInvalid(
        f"The notebook {path!r} cannot be opened: {reason} at line {line}, column {column}.",
        path=path,
        line=line,
        column=column,
    )


class _Scanner:
    """Walks over the top level and the cells; the values in them are parsed by the standard library."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = len(_BOM) if text.startswith(_BOM) else 0

    def notebook(self) -> NotebookText:
        values: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        cells: list[dict[str, Any]] = []
        cell_spans: list[Span] = []
        cells_span: Span | None = None
        self._expect("{", "a notebook must be a JSON object")
        while not self._accept("}"):
            if values or cells_span:
                self._expect(",", "Expecting ',' delimiter")
            key = self._key()
            if key in values or (key == "cells" and cells_span):
                raise self._wrong(f"the key {key!r} is there twice")
            if key == "cells":
                start = self._at
                self._cells(cells, cell_spans)
                cells_span = (start, self._at)
            else:
                values[key], spans[key] = self._value()
        end = self._at - 1
        self._skip()
        if self._at != len(self._text):
            raise json.JSONDecodeError("Extra data", self._text, self._at)
        return self._checked(
            NotebookText(
                self._text, values, spans, cells, cell_spans, cells_span or (end, end), end, _style_of(self._text)
            )
        )

    def _checked(self, notebook: NotebookText) -> NotebookText:
        major = notebook.values.get("nbformat")
        if not isinstance(major, int) or isinstance(major, bool):
            raise self._wrong('it is not a notebook (there is no "nbformat")', 0)
        if major > 4:
            raise self._wrong(f"its format {major} is newer than this server knows", 0)
        if major == 4 and notebook.cells_span[0] == notebook.cells_span[1]:
            raise self._wrong('it is not a notebook (there are no "cells")', 0)
        if not isinstance(notebook.values.get("metadata", {}), dict):
            raise self._wrong("its metadata is not an object", notebook.spans["metadata"][0])
        return notebook

    def _cells(self, cells: list[dict[str, Any]], spans: list[Span]) -> None:
        self._expect("[", "the cells of a notebook must be a list")
        while not self._accept("]"):
            if cells:
                self._expect(",", "Expecting ',' delimiter")
                self._skip()
            value, span = self._value()
            if not isinstance(value, dict) or not is_cell(cast("dict[str, Any]", value)):
                raise self._wrong("this is not a cell", span[0])
            cells.append(cast("dict[str, Any]", value))
            spans.append(span)

    def _key(self) -> str:
        self._skip()
        if self._text[self._at : self._at + 1] != '"':
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", self._text, self._at)
        key, self._at = cast("tuple[str, int]", scanstring(self._text, self._at + 1, True))
        self._expect(":", "Expecting ':' delimiter")
        self._skip()
        return key

    def _value(self) -> tuple[Any, Span]:
        self._skip()
        start = self._at
        value, self._at = _DECODER.raw_decode(self._text, start)
        return value, (start, self._at)

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _accept(self, character: str) -> bool:
        self._skip()
        if self._text[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str, message: str) -> None:
        if not self._accept(character):
            raise json.JSONDecodeError(message, self._text, self._at)

    def _wrong(self, reason: str, at: int | None = None) -> NotebookInvalid:
        where = self._at if at is None else at
        before = self._text[:where]
        return _invalid(self._path, reason, before.count("\n") + 1, where - (before.rfind("\n") + 1) + 1)


def is_cell(value: dict[str, Any]) -> bool:
    """Tell whether a parsed value has the shape that every cell of format 4 has."""
    source = value.get("source", "")
    is_text = isinstance(source, str) or (
        isinstance(source, list) and all(isinstance(line, str) for line in cast("list[Any]", source))
    )
    outputs = value.get("outputs", [])
    return (
        isinstance(value.get("cell_type"), str)
        and is_text
        and isinstance(value.get("metadata", {}), dict)
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in cast("list[Any]", outputs))
    )
