"""Carry out one revision, or rehearse it: find its three ends and have the reviser work between them."""

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.revising import Reviser
from studiolo.core.copying.rules import Fsync, Tally
from studiolo.core.errors import CopyFailed, StudioloError
from studiolo.runtime.copying.batch import Check
from studiolo.runtime.copying.counting import count
from studiolo.runtime.copying.ends import Ends, find_source, open_ends, opened, outside_means
from studiolo.runtime.keeper.messages import CopyTree
from studiolo.runtime.keeper.resolve import WORDS_FOR_SOURCE, WORDS_FOR_TARGET, Walk, normalise_ends


class Pulse(Protocol):
    """Is called now and then, and may raise to give up."""

    tally: Tally
    count: Callable[[], dict[str, int]]

    def __call__(self) -> None:
        """Tell how far the work is."""
        ...

    def look(self) -> float:
        """Only look whether it shall go on."""
        ...


@dataclass(frozen=True, slots=True)
class _Ends:
    """Open directories; no target: a rehearsal found none. Without names the content of one goes into the other."""

    source: int
    source_name: str | None
    target: int | None
    target_name: str | None


def carry_out(
    request: CopyTree,
    source_home: int,
    target_home: int,
    base_home: int | None,
    era: str,
    fsync: Fsync,
    pulse: Pulse,
    check: Check | None = None,
) -> dict[str, Any]:
    """Revise what was handed out and report; raise FileNotFound, PathOutsideProject or CopyFailed.

    `check` may raise to leave it to somebody else.
    """
    is_rehearsal = request.mode == "rehearse"
    names = TemporaryNames(era, os.getpid())
    reviser = Reviser(names, pulse, stamp=request.stamp or "new", is_rehearsal=is_rehearsal, fsync=fsync)
    pulse.tally = reviser.tally
    try:
        with ExitStack() as stack:
            find = _look_for_ends if is_rehearsal else _make_ends
            ends = stack.enter_context(find(request, source_home, target_home))
            if check is not None:
                check(Ends(ends.source, ends.source_name, ends.source, None, is_target_home=False))
            base = None if base_home is None else _find_base(stack, request, base_home, ends)
            pulse.count = lambda: count(ends.source, ends.source_name, pulse.look)
            if ends.source_name is None or ends.target_name is None:
                reviser.revise_directory(ends.source, ends.target, base)
            else:
                reviser.revise_entry(ends.source, ends.source_name, ends.target, ends.target_name, base)
    except OSError as error:
        where = "" if error.filename is None else f": '{error.filename}'"
        raise CopyFailed(
            f"The revision stopped: {error.strerror or error}{where}. What was done before is whole.",
            report=reviser.tally.report(),
        ) from error
    tally = reviser.tally
    if tally.failed:
        more = "; ..." if tally.failed > len(tally.failures) else ""
        words = f"{tally.failed} could not be revised: {'; '.join(tally.failures)}{more}"
        raise CopyFailed(words, report=tally.report())
    return tally.report()


@contextmanager
def _make_ends(request: CopyTree, source_home: int, target_home: int) -> Generator[_Ends]:
    with open_ends(request, source_home, target_home) as ends:
        yield _Ends(ends.source, ends.source_name, ends.target, ends.target_name)


@contextmanager
def _look_for_ends(request: CopyTree, source_home: int, target_home: int) -> Generator[_Ends]:
    """Find the same ends, and make no directory on the way."""
    source_path, target_path = normalise_ends(
        request.source_id, request.source_path, request.target_id, request.target_path
    )
    with ExitStack() as stack:
        with outside_means(WORDS_FOR_SOURCE):
            source_inside = f"/projects/{request.source_id}"
            walk, name = find_source(stack, source_home, source_inside, source_path, request.source_within)
        source = opened(stack, walk)
        inside = f"/projects/{request.target_id}"
        with outside_means(WORDS_FOR_TARGET):
            target_name = None
            if name is not None:
                parent, _, last = target_path.rpartition("/")
                is_directory = request.target_path.endswith("/") or not target_path
                is_directory = is_directory or _is_directory(target_home, inside, target_path)
                target_name = name if is_directory else last
                target_path = target_path if is_directory else parent
            target = _look_for(stack, target_home, inside, target_path)
        yield _Ends(source, name, target, target_name)


def _is_directory(home: int, inside: str, path: str) -> bool:
    with Walk(home, inside) as walk:
        return walk.follow(path).is_directory


def _look_for(stack: ExitStack, home: int, inside: str, path: str) -> int | None:
    walk = stack.enter_context(Walk(home, inside))
    found = walk.follow(path)
    if found.mode is None:
        return None
    if not found.is_directory:
        raise CopyFailed(f"ENOTDIR: not a directory, mkdir '{inside}/{path}'")
    return opened(stack, walk)


def _find_base(stack: ExitStack, request: CopyTree, home: int, ends: _Ends) -> int | None:
    """Open the directory of the base that answers to the source's; None when it has none."""
    inside = f"/projects/{request.source_id}"
    path, _ = normalise_ends(request.source_id, request.source_path, request.target_id, request.target_path)
    if ends.source_name is not None:
        path = path.rpartition("/")[0]
    try:
        return _look_for(stack, home, inside, path)
    except (OSError, StudioloError):
        return None
