"""Count a source before the end of its copy is in sight, so that progress has a total."""

import os
import stat
from collections.abc import Callable

from studiolo.agent.copies.directories import open_below
from studiolo.agent.copies.entries import Trail
from studiolo.agent.copies.selection import Selection
from studiolo.core.copying.rules import TEMPORARY_PREFIX

MAX_ENTRIES = 20_000  # the copy waits for it


def count(
    root: int, name: str | None, pulse: Callable[[], None], selection: Selection | None = None
) -> list[int] | None:
    """Return the files and bytes below an open directory, or of its one entry; None if they are too many."""
    try:
        if name is None:
            return _below(root, pulse, selection)
        if selection is not None and name not in selection.names(()):
            return [0, 0]
        return [1, os.stat(name, dir_fd=root, follow_symlinks=False).st_size]
    except OSError:
        return None


def _below(root: int, pulse: Callable[[], None], selection: Selection | None) -> list[int] | None:
    files = size_bytes = entries = 0
    todo: list[Trail] = [()]
    while todo:
        pulse()
        trail = todo.pop()
        chosen = None if selection is None else selection.names(trail)
        directory = open_below(root, trail)
        try:
            with os.scandir(directory) as listed:
                for one in listed:
                    entries += 1
                    if entries > MAX_ENTRIES:
                        return None
                    if one.name.startswith(TEMPORARY_PREFIX) or (chosen is not None and one.name not in chosen):
                        continue
                    found = one.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        todo.append((*trail, one.name))
                    else:
                        files, size_bytes = files + 1, size_bytes + found.st_size
        finally:
            os.close(directory)
    return [files, size_bytes]
