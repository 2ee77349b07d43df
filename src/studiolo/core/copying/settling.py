"""What is written under a temporary name takes its own: whoever looks sees the old entry or the new one.

Every name is a single one, looked up in an open directory and never followed when it is a link, so nothing that is
swapped meanwhile leads elsewhere.
"""

import errno
import os
from collections.abc import Callable
from contextlib import suppress

LINK_REFUSED = frozenset((errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOENT, errno.EACCES, errno.ENOTDIR))
_SECOND = 1_000_000_000


def settle(
    directory: int,
    temporary: str,
    name: str,
    existing: os.stat_result | None,
    keep_backup: Callable[[int, str], None] | None,
) -> None:
    """Give a finished entry its name, in place of what exists there, of which a backup may be kept first."""
    try:
        if existing is not None and keep_backup is not None:
            keep_backup(directory, name)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        drop(directory, temporary)
        raise
    if existing is not None and existing.st_nlink > 1:
        drop(directory, temporary)  # a rename onto another name of the same file does nothing


def keep_backup(directory: int, name: str, temporary: str) -> None:
    """Give what is at `name` a second name with `~`, in place of what was called so."""
    backup = f"{name}~"
    os.link(name, temporary, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    try:
        with suppress(OSError):
            os.rmdir(backup, dir_fd=directory)
        os.rename(temporary, backup, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        drop(directory, temporary)  # rename does nothing when both are the same file already


def drop(directory: int, temporary: str) -> None:
    """Remove a temporary name, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)


def is_unchanged(size: int, mtime_ns: int, existing: os.stat_result) -> bool:
    """Compare as rsync does, by size and time; to the nanosecond where the target's file system keeps them."""
    if size != existing.st_size:
        return False
    if mtime_ns == existing.st_mtime_ns:
        return True
    return existing.st_mtime_ns % _SECOND == 0 and mtime_ns // _SECOND == existing.st_mtime_ns // _SECOND


def is_same_moment(one: os.stat_result, other: os.stat_result) -> bool:
    """Tell whether nobody wrote to a file between two looks at it."""
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns) == (other.st_size, other.st_mtime_ns, other.st_ctime_ns)
