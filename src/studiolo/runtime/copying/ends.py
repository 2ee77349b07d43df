"""Find where a copy begins and ends: paths of a request become open directories, held until the copy is over.

Links in the paths are followed inside the home and refused when they lead out (`keeper/resolve.py`). What was found
stays open, so a name that is swapped afterwards changes nothing.
"""

import os
import stat
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from studiolo.core.errors import CopyFailed, FileNotFound, PathOutsideProject
from studiolo.runtime.keeper.messages import CopyTree
from studiolo.runtime.keeper.resolve import WORDS_FOR_SOURCE, WORDS_FOR_TARGET, Walk, normalise_ends, require_within


@dataclass(frozen=True, slots=True)
class Ends:
    """Open directories; without names the content of one goes into the other, else one entry under a name."""

    source: int
    source_name: str | None
    target: int
    target_name: str | None
    is_target_home: bool


@contextmanager
def open_ends(request: CopyTree, source_home: int, target_home: int) -> Generator[Ends]:
    """Open both ends; raise FileNotFound, PathOutsideProject or CopyFailed."""
    with ExitStack() as stack:
        source_inside, target_inside = f"/projects/{request.source_id}", f"/projects/{request.target_id}"
        source_path, target_path = normalise_ends(
            request.source_id, request.source_path, request.target_id, request.target_path
        )
        with outside_means(WORDS_FOR_SOURCE):
            within = request.source_within
            from_walk, source_name = find_source(stack, source_home, source_inside, source_path, within)
        source = opened(stack, from_walk)
        to_walk = stack.enter_context(Walk(target_home, target_inside))
        with outside_means(WORDS_FOR_TARGET):
            target_name = None
            if source_name is None:
                to_walk.make_directories(target_path)
                _refuse_to_delete_the_source(request, from_walk, to_walk)
            else:
                is_directory = request.target_path.endswith("/") or not target_path
                target_name = _go_to_file(to_walk, target_home, target_inside, target_path, source_name, is_directory)
        yield Ends(source, source_name, opened(stack, to_walk), target_name, not to_walk.here().path)


@contextmanager
def outside_means(words: str) -> Generator[None]:
    """Give PathOutsideProject the words for one of the ends."""
    try:
        yield
    except PathOutsideProject as error:
        raise PathOutsideProject(words) from error


def opened(stack: ExitStack, walk: Walk) -> int:
    """Open the directory where a walk is, until the stack ends."""
    fd = walk.open()
    stack.callback(os.close, fd)
    return fd


def find_source(
    stack: ExitStack, home: int, inside: str, path: str, within: str | None = None
) -> tuple[Walk, str | None]:
    """Go to the source directory, or to the directory of a source file; a link to a file stays the link.

    Raises PathOutsideProject where links lead further than `within`.
    """
    walk = stack.enter_context(Walk(home, inside))
    found = walk.follow(path)
    require_within(home, inside, found, within)
    if found.mode is None:
        raise FileNotFound(f"ENOENT: no such file or directory, stat '{inside}/{path}'")
    if found.is_directory:
        return walk, None
    if not stat.S_ISREG(found.mode):
        raise CopyFailed(f"'{path}' is neither a file nor a directory; it cannot be copied.")
    parent, _, name = path.rpartition("/")
    walk = stack.enter_context(Walk(home, inside))
    walk.follow(parent)
    return walk, name


def _go_to_file(walk: Walk, home: int, inside: str, path: str, name: str, is_directory: bool) -> str:
    """Go to the directory that takes a single file and return the name there; inside `path` if that is a directory."""
    if not is_directory:
        with Walk(home, inside) as look:
            is_directory = look.follow(path).is_directory
    if is_directory:
        walk.make_directories(path)
        return name
    parent, _, last = path.rpartition("/")
    walk.make_directories(parent)
    return last


def _refuse_to_delete_the_source(request: CopyTree, source: Walk, target: Walk) -> None:
    around, directory = source.identities(), target.identities()[-1]
    if request.delete_missing and directory in around[:-1]:
        raise CopyFailed("The source lies inside the target: delete_missing would delete it.")
