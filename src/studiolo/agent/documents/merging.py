"""Three-way merges of plain values: what changed from `base` to `disk`, carried over to `live`.

For texts the rule is that of a CRDT: a character of the base that either side deleted is gone, everything that either
side inserted stays (where both inserted at one place, the live text comes first, the same insertion counts once).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from studiolo.core.differences import Change, TooDifferent, changes_between, differing_middle, numbered

# Above this product of lengths, a changed block is replaced as a whole instead of being compared by characters.
_FINE_LIMIT = 250_000


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `start..end` (offsets in characters) by `text`."""

    start: int
    end: int
    text: str


def edits_between(old: str, new: str) -> list[Edit]:
    """Return small edits, in order and not touching one another, that turn `old` into `new`."""
    if old == new:
        return []
    old_lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    old_at, new_at = _offsets(old_lines), _offsets(new_lines)
    found: list[Edit] = []
    for one in _changed_lines(old_lines, new_lines):
        found += _fine_edits(
            old[old_at[one.start] : old_at[one.end]], new[new_at[one.from_] : new_at[one.to]], old_at[one.start]
        )
    return found


def merged_edits(base: str, live: str, disk: str) -> list[Edit]:
    """Return the edits, in order, that bring into `live` what changed from `base` to `disk`."""
    if disk in (base, live):
        return []
    live_edits = edits_between(base, live)
    found: list[Edit] = []
    for edit in edits_between(base, disk):
        text = _not_yet_inserted(edit, live_edits)
        if text:
            place = _live_place(edit.start, live_edits)
            found.append(Edit(place, place, text))
        found += [Edit(start, end, "") for start, end in _surviving(edit.start, edit.end, live_edits)]
    return sorted(found, key=lambda edit: edit.start)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Apply edits that are in order."""
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def merged_object(base: dict[str, Any], live: dict[str, Any], disk: dict[str, Any]) -> dict[str, Any]:
    """Return `live` with the keys that changed from `base` to `disk`; where both changed one value, live wins."""
    merged = dict(live)
    for key in [*disk, *(key for key in base if key not in disk)]:
        before, now, after = base.get(key, _ABSENT), live.get(key, _ABSENT), disk.get(key, _ABSENT)
        if after == before or now == after:
            continue
        if isinstance(before, dict) and isinstance(now, dict) and isinstance(after, dict):
            merged[key] = merged_object(before, now, after)  # pyright: ignore[reportUnknownArgumentType] - JSON
        elif now == before:
            if after is _ABSENT:
                merged.pop(key, None)
            else:
                merged[key] = after
    return merged


def merged_order(base: Sequence[str], live: Sequence[str], disk: Sequence[str]) -> list[str]:
    """Return the order of the items that `live` should have: its own, with the moves and additions of `disk`.

    The result holds every item of `live` and of `disk`; who is deleted is decided by the caller.
    """
    known = set(live)
    if [item for item in disk if item in known] == [item for item in base if item in known and item in set(disk)]:
        result = list(live)
        _insert_after_neighbours(result, disk)
        return result
    # The file was put in a new order: it leads, and what only the live side has follows its neighbour.
    result = list(disk)
    _insert_after_neighbours(result, live)
    return result


def _insert_after_neighbours(result: list[str], other: Sequence[str]) -> None:
    present = set(result)
    before: str | None = None
    for item in other:
        if item not in present:
            result.insert(result.index(before) + 1 if before is not None else 0, item)
            present.add(item)
        before = item


def longest_kept(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Return as many items as can stay where they are while `old` is brought into the order `new`."""
    place = {item: index for index, item in enumerate(new)}
    piles: list[tuple[int, str]] = []
    before: dict[str, str | None] = {}
    for item in old:
        if item not in place:
            continue
        pile = _first_pile(piles, place[item])
        before[item] = piles[pile - 1][1] if pile else None
        piles[pile : pile + 1] = [(place[item], item)]
    kept: set[str] = set()
    last = piles[-1][1] if piles else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


class _Absent:
    """Stands for a key that is not there, and equals nothing but itself."""


_ABSENT = _Absent()


def _first_pile(piles: list[tuple[int, str]], place: int) -> int:
    low, high = 0, len(piles)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if piles[middle][0] < place else (low, middle)
    return low


def _changed_lines(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """Return what differs; everything in between where that would take too long."""
    old_ids, new_ids = numbered(old, new)
    try:
        return changes_between(old_ids, new_ids)
    except TooDifferent:
        return [differing_middle(old_ids, new_ids)]


def _fine_edits(old: str, new: str, offset: int) -> list[Edit]:
    if not old or not new or len(old) * len(new) > _FINE_LIMIT:
        return [Edit(offset, offset + len(old), new)]
    middle = differing_middle(old, new)
    matcher = SequenceMatcher(None, old[middle.start : middle.end], new[middle.from_ : middle.to], autojunk=False)
    offset += middle.start
    return [
        Edit(offset + i1, offset + i2, new[middle.from_ + j1 : middle.from_ + j2])
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _offsets(lines: Sequence[str]) -> list[int]:
    found = [0]
    for line in lines:
        found.append(found[-1] + len(line))
    return found


def _live_place(place: int, live_edits: Sequence[Edit]) -> int:
    """Map an offset of the base to one of the live text, behind what was inserted there."""
    shift = 0
    for edit in live_edits:
        if edit.start > place:
            break
        if edit.end > place:  # inside of what the live side replaced
            return edit.start + shift + len(edit.text)
        shift += len(edit.text) - (edit.end - edit.start)
    return place + shift


def _surviving(start: int, end: int, live_edits: Sequence[Edit]) -> list[tuple[int, int]]:
    """Return where in the live text those characters of `start..end` of the base are that are still there."""
    found: list[tuple[int, int]] = []
    shift = 0
    position = start
    for edit in live_edits:
        if edit.start >= end:
            break
        if edit.end >= position:
            if edit.start > position:
                found.append((position + shift, edit.start + shift))
            position = max(position, edit.end)
        shift += len(edit.text) - (edit.end - edit.start)
    if position < end:
        found.append((position + shift, end + shift))
    return found


def _not_yet_inserted(edit: Edit, live_edits: Sequence[Edit]) -> str:
    """Return what of the edit's text the live side has not inserted at the same place itself."""
    for other in live_edits:
        if other.start == edit.start and other.text:
            if other.text.startswith(edit.text):
                return ""
            if edit.text.startswith(other.text):
                return edit.text[len(other.text) :]
    return edit.text
