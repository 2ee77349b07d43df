"""What a document says, apart from how a file or a Yjs document holds it."""

import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from studiolo.agent.documents import notebook_text
from studiolo.agent.documents.cells import Cell, canonical_cells, clean, ordered_like, written_cell
from studiolo.agent.documents.metadata import valid_notebook_metadata
from studiolo.agent.documents.notebook_text import NotebookText, WrittenCell
from studiolo.core.errors import FileTypeUnsupported, NotebookInvalid

NEW_METADATA = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}


@dataclass(slots=True)
class NotebookModel:
    """A notebook: its canonical cells, its metadata and its version of format 4."""

    cells: list[Cell] = field(default_factory=list[Cell])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    minor: int = field(default=5, compare=False)

    def as_notebook(self) -> dict[str, Any]:
        """Return the notebook as JSON-able data of format 4."""
        return {"cells": self.cells, "metadata": self.metadata, "nbformat": 4, "nbformat_minor": self.minor}


class Format(Protocol):
    """How a kind of document is read from a file's bytes and written back; `Model` is `NotebookModel` or `str`."""

    def parse(self, data: bytes) -> Any:
        """Return the model; raise NotebookInvalid or FileTypeUnsupported."""
        ...

    def render(self, model: Any, data: bytes) -> bytes:
        """Return the content of the file for `model`: `data`, what the file held before, where nothing changed."""
        ...


class NotebookFormat:
    """Notebooks in .ipynb files."""

    def __init__(self, path: str) -> None:
        self._path = path

    def parse(self, data: bytes) -> NotebookModel:
        """Return the notebook; an empty file is a new one with an empty cell."""
        if not data.strip():
            empty: Cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [], "execution_count": None}
            return NotebookModel(canonical_cells([empty]), dict(NEW_METADATA))
        text = notebook_text.parse(data, self._path)
        if text.values["nbformat"] < 4:
            return self._model(self._upgraded(data))
        return self._model({**text.values, "cells": text.cells})

    def render(self, model: NotebookModel, data: bytes) -> bytes:
        """Return the file's content; cells and keys that mean what they meant keep their bytes."""
        before = self.parse(data)
        if model == before:
            return data
        minor = max(model.minor, 5)
        metadata = ordered_like(model.metadata, before.metadata)
        values: dict[str, Any] = {"metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
        if not data.strip():
            return notebook_text.write_new([written_cell(cell, None) for cell in model.cells], values)
        text = notebook_text.parse(data, self._path)
        if text.values["nbformat"] < 4:
            return notebook_text.write_new([written_cell(cell, None) for cell in model.cells], values)
        if before.metadata == model.metadata:
            del values["metadata"]
        return notebook_text.write(text, _written(text, before.cells, model.cells), values)

    def _model(self, notebook: dict[str, Any]) -> NotebookModel:
        minor = notebook.get("nbformat_minor")
        return NotebookModel(
            canonical_cells(notebook["cells"]),
            valid_notebook_metadata(clean(notebook.get("metadata", {}))),
            minor if isinstance(minor, int) and minor >= 0 else 0,
        )

    def _upgraded(self, data: bytes) -> dict[str, Any]:
        # nbformat takes 145 ms to import and is needed for notebooks of before 2015 only.
        nbformat: Any = import_module("nbformat")
        try:
            found = nbformat.convert(nbformat.reads(data.decode("utf-8"), nbformat.NO_CONVERT), 4)
            for cell in found["cells"]:
                cell.pop("id", None)  # random: ours depend on the file only
            return json.loads(json.dumps(found))
        except Exception as error:
            message = f"The notebook {self._path!r} cannot be opened: it is in an old format and cannot be converted."
            raise NotebookInvalid(message, path=self._path, internal=repr(error)) from error


class TextFormat:
    """Markdown and plain text files; in the document every line ends with a line feed."""

    def __init__(self, path: str) -> None:
        self._path = path

    def parse(self, data: bytes) -> str:
        """Return the text; raise FileTypeUnsupported for what is not UTF-8 text."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._binary() from error
        if "\0" in text:
            raise self._binary()
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def render(self, model: str, data: bytes) -> bytes:
        """Return the file's content with the line ends and the byte order mark that it had."""
        if model == self.parse(data):
            return data
        if data.count(b"\r\n") * 2 > data.count(b"\n"):
            model = model.replace("\n", "\r\n")
        return (b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b"") + model.encode("utf-8", "replace")

    def _binary(self) -> FileTypeUnsupported:
        return FileTypeUnsupported(f"{self._path!r} is not a text file, so it cannot be opened.", path=self._path)


def format_for(kind: str, path: str) -> Format:
    """Return how a kind of document is read and written."""
    return NotebookFormat(path) if kind == "notebook" else TextFormat(path)


def _written(text: NotebookText, before: list[Cell], cells: list[Cell]) -> list[WrittenCell]:
    places = {cell["id"]: place for place, cell in enumerate(before)}
    written: list[WrittenCell] = []
    for cell in cells:
        place = places.get(cell["id"])
        if place is None:
            written.append(WrittenCell(written_cell(cell, None)))
        elif before[place] == cell and text.cells[place].get("id") == cell["id"]:
            written.append(WrittenCell(cell, place))
        else:
            written.append(WrittenCell(written_cell(cell, text.cells[place])))
    return written
