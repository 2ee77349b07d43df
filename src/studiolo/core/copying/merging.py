"""Three-way merges of what was handed out (base), what it became (mine) and its new edition (theirs).

Nothing of mine is ever dropped: where both sides changed the same place there is no merge at all. The texts come from
anybody, so comparing is bounded: a merge that would take long is no merge either.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from studiolo.core.differences import Change, TooDifferent, changes_between, numbered

MAX_BYTES = 4 * 1024 * 1024
_MAX_DEPTH = 100
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
Item = TypeVar("Item")


class Unmergeable(Exception):
    """The three cannot be brought together, or not within bounds."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of items of the result: of the side `mine`, or else of theirs."""

    is_mine: bool
    start: int
    end: int


def merge_contents(name: str, base: bytes, mine: bytes, theirs: bytes, pulse: Callable[[], object]) -> bytes | None:
    """Return the merged content of a file, None where there is none; `pulse` may raise to give up."""
    if max(map(len, (base, mine, theirs))) > MAX_BYTES:
        return None
    try:
        if name.endswith(".ipynb"):
            return _merge_notebooks(base, mine, theirs, pulse)
        return _merge_texts(base, mine, theirs, pulse)
    except (Unmergeable, TooDifferent, ValueError, RecursionError):
        return None


def _merge_texts(base: bytes, mine: bytes, theirs: bytes, pulse: Callable[[], object]) -> bytes:
    for text in (base, mine, theirs):
        if b"\0" in text:
            raise Unmergeable
        text.decode()
    lines = [text.splitlines(keepends=True) for text in (base, mine, theirs)]
    pieces = _merge(lines[0], lines[1], lines[2], pulse)
    return b"".join(b"".join(lines[1 if one.is_mine else 2][one.start : one.end]) for one in pieces)


def _merge_notebooks(base: bytes, mine: bytes, theirs: bytes, pulse: Callable[[], object]) -> bytes:
    """Merge cell by cell. A cell is its kind, source and attachments; outputs stay with the cell of mine."""
    notebooks = [_notebook(text) for text in (base, mine, theirs)]
    cells = [_cells(notebook) for notebook in notebooks]
    keys = [[_key(cell) for cell in some] for some in cells]
    pieces = _merge(keys[0], keys[1], keys[2], pulse)
    merged = dict(notebooks[1])
    merged["cells"] = _with_own_ids(
        [cell for one in pieces for cell in cells[1 if one.is_mine else 2][one.start : one.end]]
    )
    if notebooks[0].get("metadata") == notebooks[1].get("metadata"):
        merged["metadata"] = notebooks[2].get("metadata", {})
    text = json.dumps(merged, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"
    if merged["cells"] == cells[1] and merged.get("metadata") == notebooks[1].get("metadata"):
        return mine  # what is new is there already: not a byte changes
    return text.encode()


def _notebook(text: bytes) -> dict[str, Any]:
    depth = deepest = 0
    for char in _STRING.sub(b"", text):
        depth += (char in b"[{") - (char in b"]}")
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise Unmergeable
    notebook: object = json.loads(text.decode())
    if not isinstance(notebook, dict):
        raise Unmergeable
    found = cast("dict[str, Any]", notebook)
    if found.get("nbformat") != 4 or not isinstance(found.get("cells"), list):
        raise Unmergeable
    return found


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    cells = cast("list[object]", notebook["cells"])
    if not all(isinstance(cell, dict) for cell in cells):
        raise Unmergeable
    return cast("list[dict[str, Any]]", cells)


def _key(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(map(str, cast("list[object]", source)))
    return json.dumps([cell.get("cell_type"), source, cell.get("attachments")], sort_keys=True)


def _with_own_ids(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a cell another id where two of them have the same one."""
    seen: set[str] = set()
    result: list[dict[str, Any]] = []
    for number, cell in enumerate(cells):
        cell_id = cell.get("id")
        if isinstance(cell_id, str):
            if cell_id in seen:
                cell = {**cell, "id": f"{cell_id[:50]}-{number}"}
            seen.add(cast("str", cell["id"]))
        result.append(cell)
    return result


def _merge(
    base: Sequence[Item], mine: Sequence[Item], theirs: Sequence[Item], pulse: Callable[[], object]
) -> list[_Piece]:
    """Return the pieces of the merged sequence; raise Unmergeable where both sides changed one place differently."""
    base_ids, my_ids, their_ids = numbered(base, mine, theirs)
    left = changes_between(base_ids, my_ids, pulse)
    right = changes_between(base_ids, their_ids, pulse)
    pieces: list[_Piece] = []
    done = 0  # of mine
    for group in _grouped(left, right):
        my_part, their_part = (_part(group[0], group[1], side) for side in (left, right))
        touched = [_is_touched(group, side) for side in (left, right)]
        same = my_ids[my_part[0] : my_part[1]] == their_ids[their_part[0] : their_part[1]]
        if all(touched) and not same:
            raise Unmergeable
        pieces.append(_Piece(True, done, my_part[0]))
        is_mine = touched[0]
        pieces.append(_Piece(True, *my_part) if is_mine else _Piece(False, *their_part))
        done = my_part[1]
    pieces.append(_Piece(True, done, len(mine)))
    return pieces


def _grouped(left: list[Change], right: list[Change]) -> list[tuple[int, int]]:
    """Return the ranges of the base that changes cover, those that overlap or touch taken together."""
    groups: list[tuple[int, int]] = []
    for change in sorted((*left, *right), key=lambda one: (one.start, one.end)):
        if groups and change.start <= groups[-1][1]:
            groups[-1] = (groups[-1][0], max(groups[-1][1], change.end))
        else:
            groups.append((change.start, change.end))
    return groups


def _is_touched(group: tuple[int, int], changes: list[Change]) -> bool:
    return any(group[0] <= change.start and change.end <= group[1] for change in changes)


def _part(start: int, end: int, changes: list[Change]) -> tuple[int, int]:
    """Return where a side has what was `start..end` of the base; no change lies across these bounds."""
    before = [change for change in changes if change.end < start or (change.end == start and change.start < start)]
    within = [change for change in changes if start <= change.start and change.end <= end]
    from_ = start + (before[-1].to - before[-1].end if before else 0)
    last = within[-1] if within else before[-1] if before else None
    return from_, end + (last.to - last.end if last is not None else 0)
