"""Three-way merges of what was handed out, what it became and its new edition."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studiolo.core.copying.merging import merge_contents

line = st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"\n"])
text = st.lists(line, max_size=12).map(b"".join)


def nothing() -> None: ...


def merge(base: str | bytes, mine: str | bytes, theirs: str | bytes, name: str = "a.txt") -> bytes | None:
    contents = [one.encode() if isinstance(one, str) else one for one in (base, mine, theirs)]
    return merge_contents(name, *contents, nothing)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        ("1\n2\n3\n4\n", "1\n2\n3\n4\nmy end\n", "new\n1\n2\n3\n4\n", "new\n1\n2\n3\n4\nmy end\n"),
        ("1\n2\n3\n4\n5\n", "1\nmine\n3\n4\n5\n", "1\n2\n3\ntheirs\n5\n", "1\nmine\n3\ntheirs\n5\n"),
        ("1\n2\n3\n4\n5\n", "1\nmine\n3\n4\n5\n", "1\n2\n3\n5\n", "1\nmine\n3\n5\n"),
        ("1\n2\n3\n", "1\nsame\n3\n", "1\nsame\n3\n", "1\nsame\n3\n"),
        ("1\n2\n", "1\n2\nmine\n", "1\n2\ntheirs\n", None),
        ("1\n2\n3\n", "1\nmine\n3\n", "1\ntheirs\n3\n", None),
        ("1\n2\n3\n", "1\nmine\n3\n", "1\n3\n", None),
        ("1\n2\n3\n", "1\n3\n", "1\ntheirs\n3\n", None),
        ("1\n2\n3\n4", "1\n2\n3\n4\nmine", "0\n1\n2\n3\n4", "0\n1\n2\n3\n4\nmine"),
        ("", "mine\n", "", "mine\n"),
        ("", "mine\n", "theirs\n", None),
    ],
)
def test_texts_are_merged_where_the_sides_do_not_meet(base: str, mine: str, theirs: str, merged: str | None) -> None:
    assert merge(base, mine, theirs) == (None if merged is None else merged.encode())


@given(text, text, text)
@settings(deadline=None, max_examples=400)
def test_a_merge_loses_no_line_of_mine_and_is_plain_when_one_side_rests(
    base: bytes, mine: bytes, theirs: bytes
) -> None:
    assert merge(base, mine, base) == mine
    assert merge(base, base, theirs) == theirs
    merged = merge(base, mine, theirs)
    if merged is not None:
        lines, my_lines, old = (one.splitlines(keepends=True) for one in (merged, mine, base))
        assert all(lines.count(one) >= my_lines.count(one) - old.count(one) for one in my_lines)
        assert merge(base, theirs, mine) == merged or merge(base, theirs, mine) is None


@pytest.mark.parametrize("content", [b"\0", b"\xff\xfe", b"x" * (5 * 1024 * 1024)])
def test_what_is_no_text_is_not_merged(content: bytes) -> None:
    assert merge(b"a\n", b"b\n", content) is None
    assert merge(b"a\n", content, b"b\n") is None


def test_hostile_texts_cost_a_bounded_effort() -> None:
    same, other = b"x\n" * 40_000, b"".join(b"x\ny\n" for _ in range(20_000))
    assert merge(same, other, b"z\n" + same) is None
    assert (
        merge(b"".join(b"%d\n" % n for n in range(40_000)), b"".join(b"%d\n" % -n for n in range(40_000)), b"") is None
    )


def cell(source: str, cell_id: str | None = None, **more: Any) -> dict[str, Any]:
    made = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, **more}
    return made if cell_id is None else {**made, "id": cell_id}


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)})


def test_notebooks_are_merged_cell_by_cell_and_keep_my_outputs() -> None:
    ran = {"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}], "execution_count": 7}
    base = notebook(cell("task 1", "a"), cell("", "b"), cell("task 2", "c"), cell("end", "d"))
    mine = notebook(cell("task 1", "a", **ran), cell("my answer", "b", **ran), cell("task 2", "c"), cell("end", "d"))
    theirs = notebook(
        cell("task 1", "a"), cell("", "b"), cell("task 2", "c"), cell("end", "d"), cell("task 3", "a"), kernelspec={}
    )
    merged = merge(base, mine, theirs, "a.ipynb")
    assert merged is not None
    found = json.loads(merged)
    assert [one["source"] for one in found["cells"]] == ["task 1", "my answer", "task 2", "end", "task 3"]
    assert [one["execution_count"] for one in found["cells"]] == [7, 7, None, None, None]
    assert len({one["id"] for one in found["cells"]}) == 5
    assert found["metadata"] == {"kernelspec": {}}


def test_a_notebook_that_was_only_run_takes_the_new_cells() -> None:
    base, theirs = notebook(cell("a"), cell("b")), notebook(cell("a"), cell("c"))
    mine = notebook(cell("a", execution_count=3), cell("b", execution_count=4))
    merged = merge(base, mine, theirs, "a.ipynb")
    assert merged is not None
    assert [(one["source"], one["execution_count"]) for one in json.loads(merged)["cells"]] == [("a", 3), ("c", None)]


def test_a_cell_that_both_changed_is_no_merge() -> None:
    base, mine, theirs = (notebook(cell("a"), cell(one)) for one in ("", "mine", "theirs"))
    assert merge(base, mine, theirs, "a.ipynb") is None


def test_what_is_there_already_changes_no_byte() -> None:
    base, theirs = notebook(cell("a"), cell("b")), notebook(cell("a"))
    mine = json.dumps(json.loads(notebook(cell("a", execution_count=3))), indent=7)
    assert merge(base, mine, theirs, "a.ipynb") == mine.encode()


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 100_000,
        '{"cells": ' + '["]",' * 50_000,
        '{"nbformat": 4, "cells": 7}',
        '{"nbformat": 4, "cells": [7]}',
        '{"nbformat": 3, "worksheets": []}',
        '{"nbformat": 4, "cells": [], "x": NaN}',
        '{"nbformat": 4, "cells": [], "x": ' + "9" * 10_000 + "}",
        "nonsense",
    ],
)
def test_hostile_notebooks_are_not_merged(hostile: str) -> None:
    fine = notebook(cell("a"))
    assert merge(fine, hostile, notebook(cell("b")), "a.ipynb") is None
