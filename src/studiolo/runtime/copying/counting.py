"""Count a source before the end of its copy is in sight, so that progress has a total."""

import os
import stat
from collections.abc import Callable

from studiolo.core.copying.looking import DIRECTORY
from studiolo.core.copying.names import is_temporary

MAX_ENTRIES = 200_000
_MAX_DEPTH = 200


class Uncountable(Exception):
    """The source is too large, or too deep, to be counted beside the copy."""


def count(source: int, name: str | None, pulse: Callable[[], object]) -> dict[str, int]:
    """Return the files and bytes below the directory `source`, or of its one entry `name`; nothing if too many."""
    try:
        if name is not None:
            return {"files_total": 1, "bytes_total": os.stat(name, dir_fd=source, follow_symlinks=False).st_size}
        files, size_bytes = _below(source, 0, pulse, [0])
    except (OSError, Uncountable):
        return {}
    return {"files_total": files, "bytes_total": size_bytes}


def _below(directory: int, depth: int, pulse: Callable[[], object], seen: list[int]) -> tuple[int, int]:
    pulse()
    files = size_bytes = 0
    below: list[str] = []
    with os.scandir(directory) as listed:
        for entry in listed:
            seen[0] += 1
            if seen[0] > MAX_ENTRIES or depth > _MAX_DEPTH:
                raise Uncountable
            if is_temporary(entry.name):
                continue
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                below.append(entry.name)
            else:
                files += 1
                size_bytes += found.st_size
    for name in below:
        fd = os.open(name, DIRECTORY, dir_fd=directory)
        try:
            more_files, more_bytes = _below(fd, depth + 1, pulse, seen)
        finally:
            os.close(fd)
        files, size_bytes = files + more_files, size_bytes + more_bytes
    return files, size_bytes
