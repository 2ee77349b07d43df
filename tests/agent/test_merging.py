"""Three-way merges of texts, objects and orders."""

from hypothesis import given
from hypothesis import strategies as st

from studiolo.agent.documents.merging import (
    apply_edits,
    edits_between,
    longest_kept,
    merged_edits,
    merged_object,
    merged_order,
)

texts = st.text(st.sampled_from("ab\ncé😀"), max_size=30)
names = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


def merged(base: str, live: str, disk: str) -> str:
    return apply_edits(live, merged_edits(base, live, disk))


@given(texts, texts)
def test_edits_turn_one_text_into_the_other(old: str, new: str) -> None:
    assert apply_edits(old, edits_between(old, new)) == new


@given(texts, texts)
def test_one_sided_change_is_taken_whole(base: str, other: str) -> None:
    assert merged(base, base, other) == other
    assert merged(base, other, base) == other
    assert merged(base, other, other) == other


@given(texts, texts, texts)
def test_inserted_characters_of_both_sides_survive(base: str, live: str, disk: str) -> None:
    result = merged(base, live, disk)
    for edit in edits_between(base, live):
        assert edit.text in result
    for edit in edits_between(base, disk):
        # what the live side has inserted at the same place counts once
        assert edit.text in result or any(other.start == edit.start for other in edits_between(base, live))


@given(st.data())
def test_edits_of_different_lines_are_both_kept(data: st.DataObject) -> None:
    base = [f"line {number}\n" for number in range(10)]
    live, disk = list(base), list(base)
    live[data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(["", "typed here\n", "one\ntwo\n"]))
    disk[data.draw(st.integers(6, 9))] = data.draw(st.sampled_from(["", "written there\n", "three\nfour\n"]))

    assert merged("".join(base), "".join(live), "".join(disk)) == "".join(live[:5] + disk[5:] if len(live) else disk)


def test_a_large_block_is_merged_without_comparing_its_characters() -> None:
    base = "x" * 100_000 + "\nend\n"

    assert merged(base, base + "typed\n", "y" * 100_000 + "\nend\n") == "y" * 100_000 + "\nend\ntyped\n"


def test_texts_of_equal_lines_are_merged_without_comparing_each_with_each() -> None:
    many = "x\n" * 20_000

    assert merged(f"begin\n{many}{many}", f"begin\n{many}typed\n{many}", f"{many}{many}end\n") == (
        f"{many}typed\n{many}end\n"
    )


def test_texts_that_differ_everywhere_are_merged_as_wholes() -> None:
    base, disk = ("".join(f"{word} {number}\n" for number in range(3_000)) for word in ("old", "new"))

    assert merged(base, base + "typed\n", disk) == disk + "typed\n"


def test_objects_are_merged_by_key_and_live_wins_where_both_changed() -> None:
    base = {"a": 1, "b": 1, "c": {"x": 1, "y": 1}, "gone": 1}
    live = {"a": 2, "b": 1, "c": {"x": 2, "y": 1}, "gone": 1, "mine": 1}
    disk = {"a": 3, "b": 3, "c": {"x": 1, "y": 3}, "theirs": 1}

    assert merged_object(base, live, disk) == {"a": 2, "b": 3, "c": {"x": 2, "y": 3}, "mine": 1, "theirs": 1}


@given(names, names, names)
def test_a_merged_order_has_everything_once(base: list[str], live: list[str], disk: list[str]) -> None:
    result = merged_order(base, live, disk)

    assert sorted(result) == sorted({*live, *disk})


@given(names)
def test_a_reordered_file_puts_the_live_cells_in_its_order(base: list[str]) -> None:
    assert merged_order(base, base, list(reversed(base))) == list(reversed(base))
    assert merged_order(base, list(reversed(base)), base) == list(reversed(base))


@given(names, names)
def test_kept_items_are_in_the_new_order_already(old: list[str], new: list[str]) -> None:
    kept = longest_kept(old, new)

    assert [item for item in old if item in kept] == [item for item in new if item in kept]
