"""Notebook files: read, written back, refused."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.agent.documents.cells import canonical_cells
from studiolo.agent.documents.models import NotebookFormat, NotebookModel, TextFormat
from studiolo.core.errors import FileTypeUnsupported, NotebookInvalid

FORMAT = NotebookFormat("x.ipynb")

FILE = """{
  "cells": [
    {"id": "a1", "cell_type":"markdown",  "metadata": {}, "source": "one line",   "custom": 1.10},
    {
      "cell_type": "code", "execution_count": 3, "id": "b2",
      "metadata": {"z": 1, "a": [1,2]},
      "outputs": [ {"output_type":"stream", "name":"stdout", "text": ["x\\n", "y"]},
                   {"output_type":"display_data","metadata":{},"data":{"image/png":"iVBO","text/plain":["a\\n","b"]}} ],
      "source": ["print(1)\\n", "2"]
    },   {"cell_type":"raw","id":"c3","metadata":{},"source":[]}
  ],
  "nbformat_minor": 5, "unknown": {"kept": true},
  "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4
}

"""


def changed(data: bytes, change: Any) -> tuple[NotebookModel, str]:
    model = FORMAT.parse(data)
    change(model)
    return model, FORMAT.render(model, data).decode()


def test_an_unchanged_notebook_keeps_every_byte() -> None:
    data = FILE.encode()

    assert FORMAT.render(FORMAT.parse(data), data) is data


def test_a_changed_cell_leaves_every_other_byte() -> None:
    model, written = changed(FILE.encode(), lambda model: model.cells[0].update(source="two\nlines"))

    start, end = FILE.index('{"id": "a1"'), FILE.index("1.10}") + 5
    assert written.startswith(FILE[:start])
    assert written.endswith(FILE[end:])
    assert FORMAT.parse(written.encode()) == model
    cell = json.loads(written)["cells"][0]
    assert list(cell) == ["id", "cell_type", "metadata", "source", "custom"]
    assert cell["source"] == ["two\n", "lines"]
    assert cell["custom"] == 1.1


def test_a_changed_source_leaves_the_outputs_as_they_were_written() -> None:
    _, written = changed(FILE.encode(), lambda model: model.cells[1].update(source="3"))

    assert json.loads(written)["cells"][1]["outputs"] == json.loads(FILE)["cells"][1]["outputs"]


def test_a_deleted_and_a_moved_cell_keep_the_others() -> None:
    def change(model: NotebookModel) -> None:
        model.cells[:] = [model.cells[2], model.cells[0]]

    model, written = changed(FILE.encode(), change)

    assert FORMAT.parse(written.encode()) == model
    assert '{"id": "a1", "cell_type":"markdown",  "metadata": {}, "source": "one line",   "custom": 1.10}' in written


def test_changed_metadata_leaves_the_cells_alone() -> None:
    _, written = changed(FILE.encode(), lambda model: model.metadata.update(title="é"))

    assert written[: FILE.index('"metadata": {"kernelspec"')] == FILE[: FILE.index('"metadata": {"kernelspec"')]
    assert json.loads(written)["metadata"]["title"] == "é"


@pytest.mark.parametrize("indent", [None, 0, 1, 2, 4, "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_new_cell_is_written_in_the_files_own_style(indent: int | str | None, newline: str) -> None:
    text = json.dumps(json.loads(FILE), indent=indent).replace("\n", newline) + newline
    new = canonical_cells([{"id": "n", "cell_type": "code", "source": "1\n2"}])[0]

    _, written = changed(text.encode(), lambda model: model.cells.append(new))

    again = json.loads(written)
    # everything that nbformat would have written is where it would have put it
    if indent != 0:
        assert json.dumps(again, indent=indent).replace("\n", newline) + newline == written
    assert again["cells"][3]["source"] == ["1\n", "2"]


def test_an_old_minor_version_gets_ids_with_the_first_change() -> None:
    old = json.loads(FILE)
    old["nbformat_minor"] = 2
    for cell in old["cells"]:
        del cell["id"]
    data = json.dumps(old, indent=1).encode()

    model, written = changed(data, lambda model: model.cells[2].update(source="new"))

    again = json.loads(written)
    assert (again["nbformat"], again["nbformat_minor"]) == (4, 5)
    assert [cell["id"] for cell in again["cells"]] == [cell["id"] for cell in model.cells]
    assert [cell["id"] for cell in FORMAT.parse(data).cells] == [cell["id"] for cell in model.cells]


def test_a_notebook_of_version_3_is_converted(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": ["1+1"], "language": "python", "outputs": [], "prompt_number": 1}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    data = json.dumps(old).encode()

    assert FORMAT.parse(data).cells == FORMAT.parse(data).cells
    model, written = changed(data, lambda model: model.cells[0].update(source="2"))

    nbformat.validate(json.loads(written))
    assert FORMAT.parse(written.encode()).cells == model.cells


def test_an_empty_file_is_a_new_notebook() -> None:
    model = FORMAT.parse(b"\n")

    assert [cell["source"] for cell in model.cells] == [""]
    assert FORMAT.render(model, b"\n") == b"\n"
    model.cells[0]["source"] = "1"
    nbformat.validate(json.loads(FORMAT.render(model, b"\n")))


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"not a notebook", 1, 1),
        (b'{"cells": [],\n "nbformat": 4,', 2, 16),
        (b'{"cells": [\n  {"cell_type": "code"},\n  17\n], "nbformat": 4}', 3, 3),
        (b'{"cells": [], "nbformat": 4}\nmore', 2, 1),
        (b"[]", 1, 1),
        (b'{"a": 1}', 1, 1),
        (b'{"nbformat": 4}', 1, 1),
        (b'{"nbformat": 5, "cells": []}', 1, 1),
        (b'{"cells": {}, "nbformat": 4}', 1, 11),
        (b'{"metadata": [],\n"cells": [], "nbformat": 4}', 1, 14),
        (b'\n"\xff"', 2, 2),
        (b'{"cells": ' + b"[" * 100_000, 1, 1),
        (b'{"cells": [], "cells": [], "nbformat": 4}', 1, 24),
        (b'{"cells": [{"cell_type": "code", "source": 3}], "nbformat": 4}', 1, 12),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_place(data: bytes, line: int, column: int) -> None:
    with pytest.raises(NotebookInvalid) as refusal:
        FORMAT.parse(data)

    assert (refusal.value.details["line"], refusal.value.details["column"]) == (line, column)
    assert f"line {line}, column {column}" in refusal.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
cell_keys = st.sampled_from(
    ["id", "cell_type", "source", "metadata", "outputs", "execution_count", "attachments", "execution_state", "x"]
)
likely_outputs = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "display_data", "execute_result", "error", "x"])},
    optional=dict.fromkeys(["name", "text", "data", "metadata", "ename", "evalue", "traceback"], json_values),
)
hostile_cells = st.dictionaries(cell_keys, json_values | st.lists(likely_outputs, max_size=3), max_size=6).map(
    lambda cell: {**cell, "cell_type": cell.get("cell_type") if len(cell) % 3 else "code"}
)


@given(st.lists(hostile_cells | json_values, max_size=5))
def test_whatever_a_client_writes_becomes_a_valid_file(cells: list[Any]) -> None:
    data = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    model = NotebookModel(canonical_cells(cells), {})

    written = FORMAT.render(model, data)

    nbformat.validate(json.loads(written))
    assert [cell["id"] for cell in FORMAT.parse(written).cells] == [cell["id"] for cell in model.cells]


@given(st.text(max_size=40), st.booleans(), st.booleans(), st.text(max_size=10))
def test_a_text_file_keeps_its_line_ends(text: str, has_bom: bool, is_dos: bool, typed: str) -> None:
    text = text.replace("\0", "").replace("\r", "").replace("\ufeff", "")
    data = (b"\xef\xbb\xbf" if has_bom else b"") + text.replace("\n", "\r\n" if is_dos else "\n").encode(
        "utf-8", "replace"
    )
    form = TextFormat("x.txt")
    model = form.parse(data)

    assert form.render(model, data) == data
    written = form.render(model + "typed", data)
    assert written.startswith(data)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\0b", b"\x89PNG\r\n"])
def test_a_binary_file_is_not_opened_as_text(data: bytes) -> None:
    with pytest.raises(FileTypeUnsupported):
        TextFormat("x.txt").parse(data)
