"""What differs between two sequences: Myers' algorithm, bounded, since texts may be made to take for ever."""

from array import array
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

MAX_ITEMS = 50_000  # between what both begin and end with
_MAX_DISTANCE = 1_500  # items that differ
_MAX_STEPS = 2_000_000


class TooDifferent(Exception):
    """Comparing would take too long."""


@dataclass(frozen=True, slots=True)
class Change:
    """Items `start..end` of the old sequence became items `from_..to` of the new one."""

    start: int
    end: int
    from_: int
    to: int


def numbered(*sequences: Sequence[Hashable]) -> list[list[int]]:
    """Return the sequences with numbers in place of items, the same for equal ones, which compare quicker."""
    numbers: dict[Hashable, int] = {}
    return [[numbers.setdefault(item, len(numbers)) for item in sequence] for sequence in sequences]


def differing_middle(old: Sequence[object], new: Sequence[object]) -> Change:
    """Return what is left between what both begin and end with."""
    head = 0
    limit = min(len(old), len(new))
    while head < limit and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return Change(head, len(old) - tail, head, len(new) - tail)


def changes_between(old: Sequence[int], new: Sequence[int], pulse: Callable[[], object] = int) -> list[Change]:
    """Return a smallest list of changes, in order and with something unchanged between them.

    `pulse` is called now and then and may raise to give up. Raises TooDifferent.
    """
    middle = differing_middle(old, new)
    head = middle.start
    if max(middle.end, middle.to) - head > MAX_ITEMS:
        raise TooDifferent
    matches = _matches(old[head : middle.end], new[head : middle.to], pulse)
    found: list[Change] = []
    at_old = at_new = head
    for one, other in [*((i + head, j + head) for i, j in matches), (middle.end, middle.to)]:
        if (one, other) != (at_old, at_new):
            found.append(Change(at_old, one, at_new, other))
        at_old, at_new = one + 1, other + 1
    return found


def _matches(old: Sequence[int], new: Sequence[int], pulse: Callable[[], object]) -> list[tuple[int, int]]:
    """Return the pairs of equal items on a shortest path from one sequence to the other."""
    reached = {1: 0}
    trace: list[array[int]] = []
    steps = 0
    for distance in range(min(len(old) + len(new), _MAX_DISTANCE) + 1):
        trace.append(array("i", (reached.get(k, -1) for k in range(-distance - 1, distance + 2, 2))))
        pulse()
        for k in range(-distance, distance + 1, 2):
            is_down = k == -distance or (k != distance and reached[k - 1] < reached[k + 1])
            x = reached[k + 1] if is_down else reached[k - 1] + 1
            while x < len(old) and x - k < len(new) and old[x] == new[x - k]:
                x += 1
                steps += 1
            reached[k] = x
            if x >= len(old) and x - k >= len(new):
                return _walked_back(trace, len(old), len(new))
        steps += distance
        if steps > _MAX_STEPS:
            break
    raise TooDifferent


def _walked_back(trace: list["array[int]"], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for distance in range(len(trace) - 1, -1, -1):
        reached, k = trace[distance], x - y
        place = (k + distance) // 2  # of k - 1; that of k + 1 comes next
        is_down = k == -distance or (k != distance and reached[place] < reached[place + 1])
        previous = k + 1 if is_down else k - 1
        before_x = reached[place + is_down] if distance else 0
        before_y = before_x - previous if distance else 0
        start_x, start_y = (before_x, before_y + 1) if is_down else (before_x + 1, before_y)
        if not distance:
            start_x = start_y = 0
        while x > start_x and y > start_y:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = before_x, before_y
    return pairs[::-1]
