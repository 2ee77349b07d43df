"""Our own copiers beside real rsync: over trees, options and existing targets all leave the same tree.

The one that a process carries out between two directories, and the one that two agents carry out between two hosts.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.patterns import exclude_options
from studiolo.core.copying.rules import Rules, Tally
from studiolo.core.errors import CopyFailed
from studiolo.runtime.copying.copier import TreeCopier
from studiolo.testing.hosts import TwoHosts, order, two_hosts

RSYNC = ["rsync", "--recursive", "--links", "--hard-links", "--perms", "--times", "--omit-link-times"]
RSYNC += ["--one-file-system", "--chmod=ug-s,o-t", "--quiet"]
PARTIAL = 23
EXAMPLES = int(os.environ.get("STUDIOLO_TEST_EXAMPLES", "60"))
bounded = settings(
    max_examples=EXAMPLES,
    derandomize="STUDIOLO_TEST_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class File:
    content: bytes
    times: int
    mode: int
    moment: int


@dataclass(frozen=True)
class Link:
    text: str


@dataclass(frozen=True)
class Fifo:
    pass


@dataclass(frozen=True)
class Directory:
    entries: Mapping[str, "Entry"]
    mode: int
    moment: int


Entry = File | Link | Fifo | Directory
moments = st.sampled_from([1_000_000_000, 1_000_000_060, 1_500_000_000])
files = st.builds(
    File,
    st.sampled_from([b"", b"x", b"yy", b"zz"]),
    st.sampled_from([1, 1, 50_000]),
    st.sampled_from([0o644, 0o600, 0o755, 0o4755, 0o444, 0o666]),
    moments,
)
links = st.builds(Link, st.sampled_from(["a", "b/c", "../..", "/etc/passwd", "nowhere"]))
names = st.sampled_from(["a", "b", "c", "d e"])


def trees(more: st.SearchStrategy[Entry], last: st.SearchStrategy[str]) -> st.SearchStrategy[Directory]:
    """Give directories of files, links, `more` and directories; single files may also have names of `last`."""
    modes = st.sampled_from([0o755, 0o700, 0o2775, 0o500])

    def nested(inner: st.SearchStrategy[Entry]) -> st.SearchStrategy[Directory]:
        plain = st.dictionaries(names, inner, max_size=4)
        special = st.dictionaries(last, files, max_size=1)
        entries = st.builds(lambda one, other: {**one, **other}, plain, special)
        return st.builds(Directory, entries, modes, moments)

    return nested(st.recursive(files | links | more, nested, max_leaves=10))


sources = trees(st.builds(Fifo), st.just("only here"))
targets = trees(links, st.sampled_from(["a~", "b~"]))
rules = st.builds(Rules, overwrite_newer=st.booleans(), delete_missing=st.booleans(), backup=st.booleans())


_PLAIN = ["a", "/a", "a/", "b*", "*/b", "/*/b", "a/b", "/a/b/", "a/***", "**/b", "a/**", "[ab]", "[!a]"]
_RARE = ["?", "d e", "*~", "\\a", "d\\ e", "[[:alpha:]]", "c/", "*", "**", "+ a", "+ */", "- b", "!", "/"]
patterns = st.sampled_from([*_PLAIN, *_RARE])


def build(path: Path, entry: Entry) -> None:
    match entry:
        case File(content, times, mode, moment):
            path.write_bytes(content * times)
            path.chmod(mode)
            os.utime(path, (moment, moment))
        case Link(text):
            path.symlink_to(text)
        case Fifo():
            os.mkfifo(path)
        case Directory(entries, mode, moment):
            path.mkdir()
            for name, inner in entries.items():
                build(path / name, inner)
            path.chmod(mode)
            os.utime(path, (moment, moment))


def describe(root: Path, *, with_directory_times: bool = True) -> dict[str, object]:
    """Say all of a tree that both engines promise; names of one file share the first one's name."""
    found: dict[str, object] = {}
    first: dict[int, str] = {}
    for path in sorted([root, *root.rglob("*")]):
        name = str(path.relative_to(root))
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            found[name] = ("link", str(path.readlink()))
        elif stat.S_ISDIR(facts.st_mode):
            found[name] = ("directory", oct(stat.S_IMODE(facts.st_mode)), with_directory_times and int(facts.st_mtime))
        else:
            same = first.setdefault(facts.st_ino, name)
            content = path.read_bytes()
            found[name] = ("file", oct(facts.st_mode), int(facts.st_mtime), len(content), content[:9], same)
    return found


Copy = Callable[..., Tally]


@dataclass(frozen=True)
class Copier:
    """One of our copiers, and where its trees must lie."""

    copy: Copy
    root: Path

    def work(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="oracle-", dir=self.root))


@pytest.fixture(scope="module", params=["by a process", "between hosts"])
def copier(request: pytest.FixtureRequest) -> Generator[Copier]:
    root = Path(tempfile.mkdtemp(prefix="oracle-"))
    try:
        if request.param == "by a process":
            yield Copier(copy_ourselves, root)
        else:
            yield request.getfixturevalue("between_hosts")
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def between_hosts() -> Generator[Copier]:
    root = Path(tempfile.mkdtemp(prefix="oracle-"))
    try:
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(two_hosts(root, (root, root))) as hosts,
        ):
            yield Copier(lambda *given: portal.call(copy_between_hosts, hosts, *given), root)
    finally:
        shutil.rmtree(root)


async def copy_between_hosts(
    hosts: TwoHosts, source: Path, target: Path, rules: Rules, exclude: Sequence[str] = ()
) -> Tally:
    home = hosts.source.home
    chosen = {name: getattr(rules, name) for name in ("overwrite_newer", "delete_missing", "backup")}
    paths = [str(path.relative_to(home)) for path in (source, target)]
    try:
        report = await hosts.engine.copy(order(*paths, exclude=tuple(exclude), **chosen))
    except CopyFailed as error:
        report = error.details["report"]
    return Tally(files=report["files"], failed=report["failed"])


def copy_ourselves(source: Path, target: Path, rules: Rules) -> Tally:
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, target)]
    try:
        copier = TreeCopier(rules, TemporaryNames("00000000", os.getpid()), lambda: None)
        copier.copy_directory(*fds)
        return copier.tally
    finally:
        for fd in fds:
            os.close(fd)


def copy_with_rsync(source: Path, target: Path, rules: Rules, exclude: Sequence[str] = ()) -> int:
    flags = {"--update": not rules.overwrite_newer, "--delete": rules.delete_missing, "--backup": rules.backup}
    chosen = [flag for flag, is_on in flags.items() if is_on] + exclude_options(exclude)
    done = subprocess.run([*RSYNC, *chosen, f"{source}/", f"{target}/"], capture_output=True, check=False)
    assert done.returncode in (0, PARTIAL), done.stderr
    return done.returncode


def as_one_user(path: Path) -> None:
    """Make a tree deletable again."""
    for found in [path, *path.rglob("*")]:
        if found.is_dir() and not found.is_symlink():
            found.chmod(0o700)


@given(source=sources, target=targets, rules=rules)
@bounded
def test_both_engines_leave_the_same_tree(copier: Copier, source: Directory, target: Directory, rules: Rules):
    work = copier.work()
    try:
        build(work / "source", source)
        for name in ("ours", "theirs"):
            build(work / name, target)
        tally = copier.copy(work / "source", work / "ours", rules)
        code = copy_with_rsync(work / "source", work / "theirs", rules)
        has_times = not rules.backup  # with backups rsync leaves the times of directories as they become
        ours, theirs = (describe(work / name, with_directory_times=has_times) for name in ("ours", "theirs"))
        assert ours == theirs
        assert (tally.failed > 0) == (code == PARTIAL), (tally, code)
    finally:
        as_one_user(work)
        shutil.rmtree(work)


@given(source=sources, target=targets, rules=rules, exclude=st.lists(patterns, min_size=1, max_size=4))
@settings(bounded, max_examples=EXAMPLES * 2 // 3)  # three runs of rsync each
def test_what_rsync_excludes_stays_behind_and_is_left_alone(
    between_hosts: Copier, source: Directory, target: Directory, rules: Rules, exclude: list[str]
):
    work = between_hosts.work()
    try:
        build(work / "source", source)
        for name in ("ours", "theirs"):
            build(work / name, target)
        tally = between_hosts.copy(work / "source", work / "ours", rules, exclude)
        code = copy_with_rsync(work / "source", work / "theirs", rules, exclude)
        has_times = not (rules.backup or rules.delete_missing)  # directories that kept something are as they become
        ours, theirs = (describe(work / name, with_directory_times=has_times) for name in ("ours", "theirs"))
        assert ours == theirs
        assert (tally.failed > 0) == (code == PARTIAL), (tally, code)
    finally:
        as_one_user(work)
        shutil.rmtree(work)


@given(source=sources, target=targets, rules=rules)
@bounded
def test_second_copy_changes_nothing_more(copier: Copier, source: Directory, target: Directory, rules: Rules):
    work = copier.work()
    try:
        build(work / "source", source)
        build(work / "ours", target)
        first = copier.copy(work / "source", work / "ours", rules)
        before = describe(work / "ours")
        if first.failed == 0:
            assert copier.copy(work / "source", work / "ours", rules).files == 0
            assert describe(work / "ours") == before
    finally:
        as_one_user(work)
        shutil.rmtree(work)


@given(tree=sources, groups=st.lists(st.tuples(names, st.lists(names, min_size=1, max_size=3)), max_size=4))
@bounded
def test_names_of_one_file_stay_names_of_one_file(copier: Copier, tree: Directory, groups: list[tuple[str, list[str]]]):
    work = copier.work()
    try:
        build(work / "source", tree)
        (work / "source").chmod(0o755)
        for number, (place, further) in enumerate(groups):
            first = work / "source" / f"first {number}"
            first.write_bytes(bytes([number]))
            for name in further:
                directory = work / "source" / f"{place} {number}"
                directory.mkdir(exist_ok=True)
                if not (directory / name).exists():
                    os.link(first, directory / name)
        for name in ("ours", "theirs"):
            (work / name).mkdir()
        assert copier.copy(work / "source", work / "ours", Rules()).failed == 0
        copy_with_rsync(work / "source", work / "theirs", Rules())
        assert describe(work / "ours") == describe(work / "theirs")
    finally:
        as_one_user(work)
        shutil.rmtree(work)
