"""Move the content of one open file into another, by the cheapest way the two file systems know."""

import errno
import fcntl
import os
from collections.abc import Callable

_FICLONE = 0x40049409
_SMALL = 65536  # below, one read and one write cost less than asking the kernel to do it
_PIECE = 32 * 1024 * 1024
_NOT_HERE = frozenset(
    (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF, errno.ETXTBSY)
)


class ContentMover:
    """Moves contents; it remembers what the file systems refused, so that it asks once and not once a file.

    `pulse` is called between pieces: it may raise to give up.
    """

    def __init__(self, pulse: Callable[[], None]) -> None:
        self._pulse = pulse
        self.moved = 0  # of the file at hand
        self._may_clone = True
        self._may_copy_range = True

    def move(self, source: int, target: int, found: os.stat_result) -> int:
        """Copy the source's bytes, as many as `found` says at most, into the empty target; return how many."""
        size = found.st_size
        if size <= _SMALL:
            return self._by_hand(source, target, 0, size)
        if self._clone(source, target):
            return size
        if found.st_blocks * 512 < size:
            return self._sparse(source, target, size)
        return self._range(source, target, 0, size)

    def _clone(self, source: int, target: int) -> bool:
        if not self._may_clone:
            return False
        try:
            fcntl.ioctl(target, _FICLONE, source)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            self._may_clone = False
            return False
        return True

    def _sparse(self, source: int, target: int, size: int) -> int:
        """Copy the data and leave out the holes."""
        moved = position = 0
        while position < size:
            try:
                start = os.lseek(source, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:  # only a hole is left
                    raise
                break
            end = min(size, os.lseek(source, start, os.SEEK_HOLE))
            moved += self._range(source, target, start, end - start)
            position = end
        os.ftruncate(target, size)
        return moved

    def _range(self, source: int, target: int, offset: int, length: int) -> int:
        if not self._may_copy_range:
            return self._by_hand(source, target, offset, length)
        moved = 0
        while moved < length:
            at = offset + moved
            try:
                count = os.copy_file_range(source, target, min(length - moved, _PIECE), at, at)
            except OSError as error:
                if error.errno not in _NOT_HERE or moved:
                    raise
                self._may_copy_range = False
                return self._by_hand(source, target, offset, length)
            if count == 0:  # the source became shorter
                break
            moved += count
            self.moved = offset + moved
            self._pulse()
        return moved

    def _by_hand(self, source: int, target: int, offset: int, length: int) -> int:
        moved = 0
        while moved < length:
            piece = os.pread(source, min(length - moved, 1 << 20), offset + moved)
            if not piece:
                break
            _write_all(target, piece, offset + moved)
            moved += len(piece)
            self.moved = offset + moved
            if moved > _SMALL:
                self._pulse()
        return moved


def _write_all(target: int, piece: bytes, offset: int) -> None:
    written = os.pwrite(target, piece, offset)
    while written < len(piece):
        written += os.pwrite(target, piece[written:], offset + written)
