"""The tree copier alone: what it carries, what stops it, and what it leaves behind."""

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from studiolo.core.copying.content import ContentMover
from studiolo.core.copying.names import TemporaryNames, is_temporary
from studiolo.core.copying.rules import TEMPORARY_PREFIX, Rules, Tally
from studiolo.runtime.copying.copier import MAX_DEPTH, MAX_DEPTH_REMOVED, TreeCopier
from studiolo.runtime.copying.resident import GivenUp
from studiolo.testing.keepers import ORDINARY_UID

IS_ROOT = os.geteuid() == 0
ERA = "0123abcd"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.mkdir()
    return path


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Have only the rights of this user, if we are root; the homes are open already."""
    before = os.geteuid()
    os.seteuid(uid if IS_ROOT else before)
    try:
        yield
    finally:
        os.seteuid(before)


@contextmanager
def room_for_deep_trees() -> Iterator[None]:
    """Have the limits that a copier's process gives itself."""
    depth, files = sys.getrecursionlimit(), resource.getrlimit(resource.RLIMIT_NOFILE)
    sys.setrecursionlimit(20_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, files[1]), files[1]))
    try:
        yield
    finally:
        sys.setrecursionlimit(depth)
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


def copy(source: Path, target: Path, rules: Rules | None = None, pulse: Callable[[], None] = lambda: None) -> Tally:
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, target)]
    return copy_open(fds, rules, pulse)


def copy_open(fds: list[int], rules: Rules | None = None, pulse: Callable[[], None] = lambda: None) -> Tally:
    try:
        copier = TreeCopier(rules or Rules(), TemporaryNames(ERA, os.getpid()), pulse)
        copier.copy_directory(*fds)
        return copier.tally
    finally:
        for fd in fds:
            os.close(fd)


def tree(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_holes_stay_holes(source: Path, target: Path):
    with (source / "sparse").open("wb") as file:
        file.seek(5_000_000)
        file.write(b"in the middle" * 1000)
        file.truncate(50_000_000)
    copy(source, target)
    found = (target / "sparse").stat()
    assert found.st_size == 50_000_000
    assert found.st_blocks * 512 < 1_000_000
    assert (target / "sparse").read_bytes() == (source / "sparse").read_bytes()


def test_times_arrive_to_the_nanosecond(source: Path, target: Path):
    (source / "d").mkdir()
    (source / "d" / "f").write_text("x")
    os.utime(source / "d" / "f", ns=(1, 1_234_567_890_123_456_789))
    os.utime(source / "d", ns=(1, 1_111_111_111_123_456_789))
    copy(source, target)
    assert (target / "d" / "f").stat().st_mtime_ns == 1_234_567_890_123_456_789
    assert (target / "d").stat().st_mtime_ns == 1_111_111_111_123_456_789


def test_file_changed_within_the_same_second_is_copied(source: Path, target: Path):
    (source / "f").write_text("one")
    os.utime(source / "f", ns=(1, 1_000_000_000_000_000_001))
    copy(source, target)
    (source / "f").write_text("two")
    os.utime(source / "f", ns=(1, 1_000_000_000_000_000_002))
    assert copy(source, target).files == 1
    assert (target / "f").read_text() == "two"


def test_leftovers_of_dead_copiers_go_and_those_of_living_ones_stay(source: Path, target: Path):
    (source / "d").mkdir()
    (target / "d").mkdir()
    alive = f"{TEMPORARY_PREFIX}{ERA}.{os.getpid()}.99"
    for name in (
        f"{TEMPORARY_PREFIX}ffffffff.{os.getpid()}.1",
        f"{TEMPORARY_PREFIX}{ERA}.4194305.1",
        alive,
        f"{TEMPORARY_PREFIX}rsync",
    ):
        (target / "d" / name).write_text("torn")
    copy(source, target, Rules(delete_missing=True))
    assert tree(target / "d") == sorted([alive, f"{TEMPORARY_PREFIX}rsync"])


def test_temporary_files_in_the_source_are_not_copied(source: Path, target: Path):
    (source / f"{TEMPORARY_PREFIX}ffffffff.1.1").write_text("torn")
    copy(source, target)
    assert tree(target) == []


def test_copy_given_up_in_the_middle_of_a_file_leaves_the_old_one_whole(source: Path, target: Path):
    with (source / "f").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 100_000_000)
    (target / "f").write_text("old")
    os.utime(target / "f", (1, 1))
    calls: list[int] = []

    def pulse() -> None:
        calls.append(1)
        if len(calls) > 2:
            raise GivenUp

    with pytest.raises(GivenUp):
        copy(source, target, pulse=pulse)
    assert tree(target) == ["f"]
    assert (target / "f").read_text() == "old"


def test_entries_that_vanish_meanwhile_are_no_failure(source: Path, target: Path):
    for name in "abc":
        (source / name).mkdir()
        (source / name / "f").write_text("x")

    def pulse() -> None:
        (source / "c" / "f").unlink(missing_ok=True)

    tally = copy(source, target, pulse=pulse)
    assert tally.failed == 0
    assert not (target / "c" / "f").exists()
    assert (target / "a" / "f").exists()


def test_file_that_is_written_to_while_it_is_copied_arrives_as_it_is_in_the_end(source: Path, target: Path):
    big = source / "f"
    with big.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 80_000_000)
    changed: list[int] = []

    def pulse() -> None:
        if not changed and any(is_temporary(path.name) for path in target.iterdir()):
            changed.append(1)
            with big.open("r+b") as file:
                file.write(b"changed")

    copy(source, target, pulse=pulse)
    assert changed
    assert (target / "f").read_bytes()[:7] == b"changed"
    assert (target / "f").stat().st_mtime_ns == big.stat().st_mtime_ns


def test_directory_in_the_way_is_named_and_the_rest_copied(source: Path, target: Path):
    (source / "a").write_text("x")
    (source / "b").write_text("x")
    (target / "a" / "inner").mkdir(parents=True)
    tally = copy(source, target)
    assert tally.failures == ["a: Directory not empty"]
    assert (target / "b").read_text() == "x"
    assert (target / "a" / "inner").is_dir()


def make_deep(root: Path, depth: int) -> None:
    deep = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)


def test_what_is_too_deep_to_be_removed_stays_and_the_rest_goes(source: Path, target: Path):
    for name in ("a", "z"):
        (target / name).write_text("not in the source")
    make_deep(target, MAX_DEPTH_REMOVED + 20)
    try:
        with room_for_deep_trees():
            tally = copy(source, target, Rules(delete_missing=True))
        assert tally.failures == [f"d: could not be deleted: more than {MAX_DEPTH_REMOVED} directories deep"]
        assert [entry.name for entry in target.iterdir()] == ["d"]
    finally:
        os.system(f"rm -rf '{target}'")  # shutil's own removal is not made for this


def test_tree_that_is_too_deep_is_an_error_and_not_a_crash(source: Path, target: Path):
    make_deep(source, MAX_DEPTH + 20)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    try:
        with room_for_deep_trees():
            tally = copy(source, target)
    finally:
        for root in (source, target):
            os.system(f"rm -rf '{root}'")  # shutil's own removal is not made for this
    assert tally.failed == 1
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_mode_bits_that_give_rights_stay_behind(source: Path, target: Path):
    (source / "tool").write_text("x")
    (source / "tool").chmod(0o6755)
    (source / "d").mkdir()
    (source / "d").chmod(0o3777)
    copy(source, target)
    assert stat.S_IMODE((target / "tool").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o777


@pytest.mark.parametrize("policy", ["none", "files", "full"])
def test_every_policy_of_writing_through_leaves_the_same_tree(source: Path, target: Path, policy: str):
    (source / "d").mkdir()
    (source / "d" / "f").write_text("x")
    copy(source, target, Rules(fsync=policy))  # type: ignore[arg-type]
    assert tree(target) == ["d", "d/f"]


def test_content_is_moved_by_hand_where_the_kernel_cannot_do_it(tmp_path: Path):
    content = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(content)
    mover = ContentMover(lambda: None)
    mover._may_clone = mover._may_copy_range = False
    source, target = os.open(tmp_path / "a", os.O_RDONLY), os.open(tmp_path / "b", os.O_WRONLY | os.O_CREAT)
    try:
        assert mover.move(source, target, os.fstat(source)) == len(content)
    finally:
        os.close(source)
        os.close(target)
    assert (tmp_path / "b").read_bytes() == content


_SWAP = """
import os, shutil, sys
place, aside, link, outside = sys.argv[1:]
print("begun", flush=True)
while True:
    for action, *names in (
        (os.symlink, outside, link),
        (os.rename, place, aside),
        (os.rename, link, place),
        (os.rename, place, link),
        (os.rename, aside, place),
        (shutil.rmtree, aside),
        (os.unlink, aside),
    ):
        try:
            action(*names)
        except OSError:
            pass  # the copier was faster and took the link away or put a directory there
"""


@contextmanager
def swapped(place: Path, outside: Path) -> Iterator[None]:
    """Swap a directory for a link to `outside` and back meanwhile, in a process of its own, as fast as it can."""
    aside, link = outside.parent / "aside", outside.parent / "link"
    command = [sys.executable, "-c", _SWAP, str(place), str(aside), str(link), str(outside)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def many_files(directory: Path) -> None:
    """Make files that the copier looks at between listing a directory and entering those below it."""
    for number in range(60):
        (directory / f"file {number}").write_text("x")


def test_source_directories_swapped_for_links_never_let_anything_else_in(source: Path, target: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    many_files(source)
    (source / "d").mkdir()
    with swapped(source / "d", outside):
        for number in range(50):
            place = target / str(number)
            place.mkdir()
            copy(source, place)
    assert not [path for path in target.rglob("secret") if not path.parent.is_symlink()]


def test_target_directories_swapped_for_links_never_let_a_write_out(source: Path, target: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    many_files(source)
    (source / "d").mkdir()
    (target / "d").mkdir()
    with swapped(target / "d", outside):
        for number in range(100):
            (source / "d" / "f").write_text(f"mine {number}")
            copy(source, target, Rules(delete_missing=True, overwrite_newer=True))
    assert tree(outside) == ["kept"]


@pytest.mark.parametrize("side", ["source", "target"])
def test_directory_swapped_after_it_was_listed_is_a_failure_of_that_entry(
    source: Path, target: Path, tmp_path: Path, side: str
):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    for root in (source, target):
        for name in ("a", "d", "e"):
            (root / name).mkdir()
    (source / "d" / "f").write_text("x")
    (source / "e" / "f").write_text("x")
    place = tmp_path / side / "d"

    def swap() -> None:
        place.rename(tmp_path / "aside")
        place.symlink_to(outside)

    pulses = iter([lambda: None, swap])  # the first comes before the roots are listed, the second when `a` is entered
    tally = copy(source, target, Rules(delete_missing=True), lambda: next(pulses, lambda: None)())
    assert place.is_symlink()
    assert tally.failures == ["d: Not a directory"]
    assert tree(outside) == ["kept"]
    assert (target / "e" / "f").exists()


def test_entries_that_cannot_be_read_are_named_and_the_rest_copied(source: Path, target: Path):
    for name in ("a", "closed", "z"):
        (source / name).write_text("x")
    (source / "closed").chmod(0)
    (source / "shut").mkdir(mode=0)
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, target)]
    if IS_ROOT:
        os.chown(target, ORDINARY_UID, ORDINARY_UID)
    with acting_as(ORDINARY_UID):
        tally = copy_open(fds)
    (source / "shut").chmod(0o700)
    assert tally.failures == ["closed: Permission denied", "shut: Permission denied"]
    assert (target / "z").exists()
