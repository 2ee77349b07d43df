"""Look at single names in an open directory, which may belong to anybody: nothing is followed, nothing waits."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from studiolo.core.copying.merging import MAX_BYTES
from studiolo.core.copying.names import is_temporary

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PIECE = 1 << 20


def entries(fd: int) -> Iterable[tuple[str, os.stat_result]]:
    """List a directory without the temporary names of copies; what goes away meanwhile is left out."""
    with os.scandir(fd) as listed:
        for entry in listed:
            if not is_temporary(entry.name):
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False)


def look(directory: int | None, name: str) -> os.stat_result | None:
    """Look at an entry, following no link; None where there is nothing."""
    if directory is None:
        return None
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def open_directory(parent: int | None, name: str) -> int | None:
    """Open a directory, following no link; None for anything else."""
    if parent is None:
        return None
    try:
        return os.open(name, DIRECTORY, dir_fd=parent)
    except OSError:
        return None


def open_file(directory: int | None, name: str) -> int | None:
    """Open a regular file; None for anything else, and for what may not be read."""
    if directory is None:
        return None
    try:
        fd = os.open(name, READ, dir_fd=directory)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def link_text(directory: int | None, name: str) -> str | None:
    """Return where a symbolic link leads; None for anything else."""
    if directory is None:
        return None
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return None


def has_content(directory: int, name: str, content: bytes | None) -> bool:
    """Tell whether a regular file has exactly this content."""
    fd = open_file(directory, name)
    if fd is None:
        return False
    try:
        return read_whole(fd) == content
    finally:
        os.close(fd)


def read_whole(fd: int) -> bytes | None:
    """Return a file's content, None if it is large."""
    pieces: list[bytes] = []
    size = 0
    while piece := os.pread(fd, PIECE, size):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            return None
    return b"".join(pieces)
