"""Revising what was handed out: nothing that somebody wrote is ever lost."""

import ctypes
import json
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.placing import Placer
from studiolo.core.copying.revising import Reviser
from studiolo.core.copying.revision_report import Revision
from studiolo.core.copying.rules import TEMPORARY_PREFIX, Tally
from studiolo.runtime.copying.resident import GivenUp

TODAY = "2026-11-22"
DATED = f"a.{TODAY}.txt"
Tree = dict[str, str | None]  # a path's content; None: a directory; "-> x": a link


@pytest.fixture(params=[True, False], ids=["by exchange", "in steps"])
def places(tmp_path: Path, request: pytest.FixtureRequest) -> "Places":
    return Places(tmp_path, knows_exchange=request.param)


class Places:
    """The new edition, what was handed out, and what became of it."""

    def __init__(self, root: Path, *, knows_exchange: bool = True) -> None:
        self._knows_exchange = knows_exchange
        self.source, self.base, self.target = (root / name for name in ("source", "base", "target"))
        for path in (self.source, self.base, self.target):
            path.mkdir()

    def revise(
        self, *, knows_base: bool = True, rehearse: bool = False, pulse: Callable[[], None] = lambda: None
    ) -> Revision:
        fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (self.source, self.target, self.base)]
        reviser = Reviser(
            TemporaryNames("0123abcd", os.getpid()),
            pulse,
            stamp=TODAY,
            is_rehearsal=rehearse,
            knows_exchange=self._knows_exchange,
        )
        try:
            reviser.revise_directory(fds[0], fds[1], fds[2] if knows_base else None)
        finally:
            for fd in fds:
                os.close(fd)
        return reviser.tally

    def write(self, **trees: Tree) -> None:
        for name, tree in trees.items():
            _write(getattr(self, name), tree)

    def read(self) -> Tree:
        return _read(self.target)


def _write(root: Path, tree: Tree) -> None:
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        elif content.startswith("-> "):
            path.symlink_to(content[3:])
        else:
            path.write_text(content)


def _read(root: Path) -> Tree:
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = None if path.is_dir() else path.read_text()
    return found


@pytest.mark.parametrize(
    ("base", "target", "source", "expected", "told"),
    [
        (None, {}, "new\n", {"a.txt": "new\n"}, {"added": ["a.txt"]}),
        ("old\n", {}, "new\n", {"a.txt": "new\n"}, {"added": ["a.txt"]}),
        ("old\n", {"a.txt": "old\n"}, "old\n", {"a.txt": "old\n"}, {"unchanged": 1}),
        ("old\n", {"a.txt": "old\n"}, "new\n", {"a.txt": "new\n"}, {"updated": ["a.txt"]}),
        ("old\n", {"a.txt": "mine\n"}, "old\n", {"a.txt": "mine\n"}, {"kept_paths": ["a.txt"]}),
        ("old\n", {"a.txt": "new\n"}, "new\n", {"a.txt": "new\n"}, {"unchanged": 1}),
        ("1\n2\n", {"a.txt": "1\n2\nmine\n"}, "0\n1\n2\n", {"a.txt": "0\n1\n2\nmine\n"}, {"merged": ["a.txt"]}),
        ("old\n", {"a.txt": "mine\n"}, "new\n", {"a.txt": "mine\n", DATED: "new\n"}, {"conflicts": [("a.txt", DATED)]}),
        (None, {"a.txt": "mine\n"}, "new\n", {"a.txt": "mine\n", DATED: "new\n"}, {"conflicts": [("a.txt", DATED)]}),
        (None, {"a.txt": "new\n"}, "new\n", {"a.txt": "new\n"}, {"unchanged": 1}),
        (
            "old\n",
            {"a.txt": "mine\n", DATED: "earlier\n"},
            "new\n",
            {"a.txt": "mine\n", DATED: "earlier\n", f"a.{TODAY}-2.txt": "new\n"},
            {"conflicts": [("a.txt", f"a.{TODAY}-2.txt")]},
        ),
        ("old\n", {"a.txt": None}, "new\n", {"a.txt": None, DATED: "new\n"}, {"conflicts": [("a.txt", DATED)]}),
        (
            "old\n",
            {"a.txt": "-> /etc/passwd"},
            "new\n",
            {"a.txt": "-> /etc/passwd", DATED: "new\n"},
            {"conflicts": [("a.txt", DATED)]},
        ),
    ],
)  # fmt: skip
def test_each_file_goes_by_the_table(
    places: Places, base: str | None, target: Tree, source: str, expected: Tree, told: dict[str, Any]
) -> None:
    places.write(source={"a.txt": source}, target=target, base={} if base is None else {"a.txt": base})
    before = places.read()
    rehearsed = places.revise(rehearse=True)
    assert places.read() == before
    done = places.revise()
    assert done == rehearsed
    assert places.read() == expected
    for name in ("added", "updated", "merged", "kept_paths", "conflicts", "unchanged"):
        assert getattr(done, name) == told.get(name, 0 if name == "unchanged" else [])
    places.revise()
    assert places.read() == expected  # what was done twice is done once


def test_directories_and_links_go_by_the_same_table(places: Places) -> None:
    places.write(
        base={"link": "-> old", "my link": "-> old", "dir/a": "old"},
        target={"link": "-> old", "my link": "-> mine", "dir/a": "old", "dir/own": "x", "file": "I am no directory"},
        source={"link": "-> new", "my link": "-> new", "dir/a": "new", "dir/sub/b": "b", "file/c": "c", "empty": None},
    )
    done = places.revise()
    assert places.read() == {
        "dir": None,
        "dir/a": "new",
        "dir/own": "x",
        "dir/sub": None,
        "dir/sub/b": "b",
        "empty": None,
        "file": "I am no directory",
        f"file.{TODAY}": None,
        f"file.{TODAY}/c": "c",
        "link": "-> new",
        "my link": "-> mine",
        f"my link.{TODAY}": "-> new",
    }
    assert done.conflicts == [("file", f"file.{TODAY}"), ("my link", f"my link.{TODAY}")]
    assert done.updated == ["dir/a", "link"]
    again = places.revise()
    assert (again.added, again.updated, again.conflicts) == ([], [], done.conflicts)


def test_a_directory_that_is_a_link_here_is_not_entered(places: Places, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    places.write(source={"dir/a": "new"}, target={"dir": f"-> {outside}"})
    done = places.revise()
    assert list(outside.iterdir()) == []
    assert done.conflicts == [("dir", f"dir.{TODAY}")]
    assert places.read()[f"dir.{TODAY}/a"] == "new"


def test_new_files_bring_their_mode_without_what_is_dangerous(places: Places) -> None:
    places.write(source={"a": "x"})
    (places.source / "a").chmod(0o4755)
    places.revise()
    assert stat.S_IMODE((places.target / "a").stat().st_mode) == 0o755


def test_long_names_and_names_without_an_ending_get_a_date(places: Places) -> None:
    long = "x" * 251 + ".txt"
    places.write(
        source={long: "new", ".hidden": "new", "plain": "new"},
        target={long: "mine", ".hidden": "mine", "plain": "mine"},
    )
    done = places.revise()
    beside = dict(done.conflicts)
    assert beside[".hidden"] == f".hidden.{TODAY}"
    assert beside["plain"] == f"plain.{TODAY}"
    assert beside[long] == "x" * 240 + f".{TODAY}.txt"
    assert all((places.target / name).read_text() == "new" for name in beside.values())


def test_fifos_and_unreadable_things_hold_nobody_up(places: Places) -> None:
    places.write(source={"a.txt": "new", "b.txt": "new"}, base={"a.txt": "old"})
    os.mkfifo(places.target / "a.txt")
    os.mkfifo(places.source / "c.txt")
    done = places.revise()
    assert done.conflicts == [("a.txt", DATED)]
    assert done.added == ["b.txt"]


def test_giving_up_leaves_no_temporary_name(places: Places) -> None:
    places.write(source={f"{n}.txt": "new" * 50_000 for n in range(5)}, target={"0.txt": "mine"})
    calls = 0

    def pulse() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise GivenUp

    with pytest.raises(GivenUp):
        places.revise(pulse=pulse)
    assert not [name for name in places.read() if name.startswith(TEMPORARY_PREFIX)]
    assert places.read()["0.txt"] == "mine"


def test_a_report_of_long_names_stays_short_and_its_numbers_right(places: Places) -> None:
    deep = "/".join(["\u00e4" * 100] * 9)
    places.write(source={f"{deep}/{number}": "new" for number in range(60)})
    report = places.revise().report()
    assert report["added"] == 60
    assert 0 < len(report["added_paths"]) < 60
    assert len(json.dumps(report)) < 32 * 1024


contents = st.sampled_from(
    ["", "1\n", "1\n2\n", "1\n2\n3\n", "0\n1\n2\n3\n", "1\n2\n3\n4\n", "mine\n", "1\nmine\n3\n", "-> x", "-> y"]
)
names = st.sampled_from(["a.txt", "b", "d/a.txt", "d/e/a", DATED, f"d/a.{TODAY}.txt"])
trees = st.dictionaries(names, contents, max_size=5)


@given(base=trees, target=trees, source=trees, knows_base=st.booleans(), knows_exchange=st.booleans())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_was_written_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory,
    base: Tree,
    target: Tree,
    source: Tree,
    knows_base: bool,
    knows_exchange: bool,
) -> None:
    places = Places(tmp_path_factory.mktemp("places"), knows_exchange=knows_exchange)
    places.write(base=base, target=target, source=source)
    before = places.read()
    rehearsed = places.revise(knows_base=knows_base, rehearse=True)
    assert places.read() == before
    done = places.revise(knows_base=knows_base)
    assert done.report() == rehearsed.report()
    after = places.read()
    assert not done.failed
    for path, content in before.items():
        was_handed_out = knows_base and base.get(path) == content
        if content is None or not was_handed_out:
            assert path in after
            assert after[path] == content or set((content or "").split()) - set((base.get(path) or "").split()) <= set(
                (after[path] or "").split()
            )
    for path, content in source.items():  # and whatever is new has arrived: at its place, merged or beside
        told = {*done.added, *done.updated, *done.merged, *done.kept_paths, *dict(done.conflicts)}
        assert path in told or after.get(path) == content or f"{path.split('/')[0]}.{TODAY}" in after
    places.revise(knows_base=knows_base)
    assert places.read() == after


def test_whoever_saves_meanwhile_gets_theirs_back(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "a").write_text("saved meanwhile")
    fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    placer = Placer(TemporaryNames("0123abcd", os.getpid()), Tally(), lambda: None, "none")
    staged = placer.stage_content(b"new", 0o644, fd)
    assert not placer.put_over(staged, fd, "a", lambda _fd, _name: False, ["other"])
    assert _read(target) == {"a": "saved meanwhile"}
    assert not placer.put_new(placer.stage_content(b"new", 0o644, fd), fd, "a")
    assert _read(target) == {"a": "saved meanwhile"}

    def saves_again(_fd: int, _name: str) -> bool:
        (target / "a").write_text("saved once more")
        return False

    staged = placer.stage_content(b"new", 0o644, fd)
    assert not placer.put_over(staged, fd, "a", saves_again, ["other"])
    assert _read(target) == {"a": "saved meanwhile", "other": "saved once more"}

    def deletes(_fd: int, _name: str) -> bool:
        (target / "a").unlink()
        return False

    staged = placer.stage_content(b"new", 0o644, fd)
    assert not placer.put_over(staged, fd, "a", deletes, ["third"])
    assert _read(target) == {"a": "saved meanwhile", "other": "saved once more"}
    assert not placer.put_over(placer.stage_content(b"new", 0o644, fd), fd, "gone", lambda _fd, _name: True, [])
    os.close(fd)


def test_whoever_saves_meanwhile_gets_theirs_back_where_nothing_can_be_exchanged(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "a").write_text("mine")
    fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    placer = Placer(TemporaryNames("0123abcd", os.getpid()), Tally(), lambda: None, "none", knows_exchange=False)

    def put(is_as_seen: Callable[[int, str], bool]) -> bool:
        return placer.put_over(placer.stage_content(b"new", 0o644, fd), fd, "a", is_as_seen, ["other"])

    def saves_again(_fd: int, _name: str) -> bool:
        (target / "a").write_text("saved")
        return False

    def becomes_a_directory(_fd: int, name: str) -> bool:
        (target / name).unlink()
        (target / name).mkdir()
        return False

    assert not put(lambda _fd, _name: False)
    assert _read(target) == {"a": "mine"}
    assert not put(saves_again)
    assert _read(target) == {"a": "saved", "other": "mine"}
    assert put(lambda _fd, _name: True)
    assert _read(target) == {"a": "new", "other": "mine"}
    assert not placer.put_new(placer.stage_content(b"newer", 0o644, fd), fd, "a")
    assert not put(becomes_a_directory)
    assert _read(target) == {"a": None, "other": "mine"}
    assert not placer.put_over(placer.stage_content(b"new", 0o644, fd), fd, "gone", lambda _fd, _name: True, [])
    os.close(fd)


def test_what_is_saved_again_and_again_while_it_is_revised_survives(places: Places) -> None:
    """A writer replaces the file all the time, as editors do; its last save is there in the end, whole."""
    places.write(source={"a.txt": "new\n"}, base={"a.txt": "0\n"}, target={"a.txt": "0\n"})
    is_over = threading.Event()
    last = "0\n"

    def save() -> None:
        nonlocal last
        for number in range(1, 3000):
            (places.target / "mine.tmp").write_text(f"{number}\n")
            (places.target / "mine.tmp").rename(places.target / "a.txt")
            last = f"{number}\n"
            if is_over.is_set():
                return

    writer = threading.Thread(target=save)
    writer.start()
    for _ in range(20):
        places.revise()
    is_over.set()
    writer.join()
    places.revise()
    assert last in places.read().values()
    assert "new\n" in places.read().values()


def test_a_directory_that_is_swapped_for_a_link_meanwhile_leads_nowhere(places: Places, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("old\n")
    places.write(source={f"d/{n}.txt": "new\n" for n in "abcdefgh"}, base={f"d/{n}.txt": "old\n" for n in "abcdefgh"})
    places.write(target={f"d/{n}.txt": "old\n" for n in "abcdefgh"})
    (places.target / "link").symlink_to(outside)
    is_over = threading.Event()

    one, other = (os.fsencode(places.target / name) for name in ("d", "link"))

    def swap() -> None:
        exchange = ctypes.CDLL(None).renameat2
        while not is_over.is_set():
            assert exchange(-100, one, -100, other, 2) == 0

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(50):
            with suppress(OSError):
                places.revise()
    finally:
        is_over.set()
        swapping.join()
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"a.txt": "old\n"}
