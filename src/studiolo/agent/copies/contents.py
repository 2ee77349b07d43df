"""A file's content as blocks, of which those of zeros only are neither read out, sent nor written.

So holes stay holes, and both ends agree on a checksum of any beginning of a file however their disks lay it out.
"""

import errno
import hashlib
import os
import struct
from collections.abc import Callable, Iterator

BLOCK_BYTES = 128 * 1024
AT = struct.Struct(">Q")
_ZEROS = bytes(BLOCK_BYTES)


class Checksum:
    """The checksum of a content: of its blocks that are not all zeros, where they are, and of its length."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=32)

    def add(self, at: int, block: bytes | memoryview) -> None:
        """Take a block in; blocks must come in order."""
        self._hash.update(AT.pack(at))
        self._hash.update(block)

    def of(self, size: int) -> str:
        """Return the checksum, if the content ends at `size`; more may be taken in afterwards."""
        ended = self._hash.copy()
        ended.update(AT.pack(size))
        return ended.hexdigest()


class Blocks:
    """The blocks of an open file from `start`, a multiple of BLOCK_BYTES, to `size`; `reached` is where it ended."""

    def __init__(self, opened: int, start: int, size: int, pulse: Callable[[int], None]) -> None:
        self._opened = opened
        self._size = size
        self._pulse = pulse
        self.reached = start
        self._data_until = start if os.fstat(opened).st_blocks * 512 < size else size

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield where a block begins, and the block; not those of zeros."""
        while self.reached < self._size:
            if self.reached >= self._data_until and not self._skip_hole():
                return
            at = self.reached
            block = os.pread(self._opened, min(BLOCK_BYTES, self._size - at), at)
            if not block:
                return  # the file became shorter
            if len(block) < BLOCK_BYTES and at + len(block) < self._size:
                block += self._rest(at + len(block), BLOCK_BYTES - len(block))
            self.reached = at + len(block)
            self._pulse(self.reached)
            if block != _ZEROS[: len(block)]:
                yield at, block
            if self.reached % BLOCK_BYTES:
                return

    def _rest(self, at: int, count: int) -> bytes:
        """Read on where the system gave less than was asked for."""
        rest = b""
        while len(rest) < count and (piece := os.pread(self._opened, count - len(rest), at + len(rest))):
            rest += piece
        return rest[: max(0, self._size - at)]

    def _skip_hole(self) -> bool:
        try:
            data = os.lseek(self._opened, self.reached, os.SEEK_DATA)
            self._data_until = os.lseek(self._opened, data, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            self.reached = min(self._size, max(self.reached, os.fstat(self._opened).st_size))
            return False  # only a hole is left
        self.reached = min(self._size, max(self.reached, data - data % BLOCK_BYTES))
        return self.reached < self._size
