"""Revising between hosts beside revising on one: over what was handed out, changed and renewed, both do the same."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.revising import Reviser
from studiolo.core.models import CopyOrder
from studiolo.testing.hosts import TwoHosts, order, two_hosts

TODAY = "2026-11-22"
Tree = dict[str, str]
contents = st.sampled_from(["", "1\n", "1\n2\n3\n", "0\n1\n2\n3\n", "1\n2\n3\n4\n", "mine\n", "-> x", "-> y"])
names = st.sampled_from(["a.txt", "b", "d/a.txt", "d/e/a", f"a.{TODAY}.txt"])
trees = st.dictionaries(names, contents, max_size=5)
bounded = settings(
    max_examples=int(os.environ.get("STUDIOLO_TEST_EXAMPLES", "30")),
    derandomize="STUDIOLO_TEST_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Hosts:
    """Two hosts, and a way to have copies carried out between them."""

    hosts: TwoHosts
    copy: Callable[[CopyOrder], dict[str, Any]]


@pytest.fixture(scope="module")
def between() -> Generator[Hosts]:
    root = Path(tempfile.mkdtemp(prefix="hosts-"))
    try:
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(two_hosts(root)) as hosts:
            yield Hosts(hosts, lambda one: portal.call(hosts.engine.copy, one))
    finally:
        shutil.rmtree(root)


def renew(root: Path, tree: Tree) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("-> "):
            path.symlink_to(content[3:])
        else:
            path.write_text(content)


def read(root: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = None if path.is_dir() else path.read_text()
    return found


def revise_here(root: Path, base: Tree | None, target: Tree, source: Tree) -> dict[str, Any]:
    """Revise on one host, and return the report."""
    for name, tree in (("base", base), ("target", target), ("source", source)):
        renew(root / name, tree or {})
    fds = [os.open(root / name, os.O_RDONLY | os.O_DIRECTORY) for name in ("source", "target", "base")]
    reviser = Reviser(TemporaryNames("00000000", os.getpid()), lambda: None, stamp=TODAY, is_rehearsal=False)
    try:
        reviser.revise_directory(fds[0], fds[1], None if base is None else fds[2])
    finally:
        for fd in fds:
            os.close(fd)
    return reviser.tally.report()


@given(base=st.none() | trees, target=trees, source=trees)
@bounded
def test_both_leave_the_same_and_say_the_same(
    between: Hosts, tmp_path_factory: pytest.TempPathFactory, base: Tree | None, target: Tree, source: Tree
):
    between.hosts.empty()
    there, here = between.hosts.source.home / "ps1", between.hosts.target.home / "ps1"
    if base is not None:
        renew(there, base)
        between.copy(order("ps1", is_handed_out=True))
    renew(here, target)
    renew(there, source)
    revision = order("ps1", mode="revise", stamp=TODAY)
    rehearsed = between.copy(order("ps1", mode="rehearse", stamp=TODAY))
    assert read(here) == read_of(target, tmp_path_factory)
    done = between.copy(revision)
    root = tmp_path_factory.mktemp("here")
    assert done == rehearsed == revise_here(root, base, target, source)
    assert read(here) == read(root / "target")


def read_of(tree: Tree, factory: pytest.TempPathFactory) -> dict[str, str | None]:
    root = factory.mktemp("tree") / "tree"
    renew(root, tree)
    return read(root)
