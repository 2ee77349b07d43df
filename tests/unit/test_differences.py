"""What differs between two sequences."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studiolo.core.differences import MAX_ITEMS, Change, TooDifferent, changes_between, numbered

items = st.lists(st.integers(0, 3), max_size=14)


def length_of_common(old: list[int], new: list[int]) -> int:
    """Return the length of a longest common subsequence, the slow and certain way."""
    row = [0] * (len(new) + 1)
    for item in old:
        before = row
        row = [0]
        for at, other in enumerate(new):
            row.append(before[at] + 1 if item == other else max(row[at], before[at + 1]))
    return row[-1]


@given(items, items)
def test_changes_turn_one_into_the_other_and_are_as_few_as_can_be(old: list[int], new: list[int]) -> None:
    changes = changes_between(old, new)
    result = list(old)
    for one in reversed(changes):
        result[one.start : one.end] = new[one.from_ : one.to]
    assert result == new
    assert len(old) - sum(one.end - one.start for one in changes) == length_of_common(old, new)
    assert all(one.end < other.start and one.to < other.from_ for one, other in pairwise(changes))


def test_equal_items_have_equal_numbers() -> None:
    assert numbered("abca", "cab") == [[0, 1, 2, 0], [2, 0, 1]]


def test_what_is_equal_at_both_ends_does_not_count() -> None:
    many = [0] * MAX_ITEMS
    assert changes_between([*many, 1, *many], [*many, 2, 3, *many]) == [
        Change(MAX_ITEMS, MAX_ITEMS + 1, MAX_ITEMS, MAX_ITEMS + 2)
    ]


@pytest.mark.parametrize("count", [2_000, MAX_ITEMS + 1])
def test_what_differs_too_much_is_given_up(count: int) -> None:
    with pytest.raises(TooDifferent):
        changes_between(range(count), range(count, 2 * count))
