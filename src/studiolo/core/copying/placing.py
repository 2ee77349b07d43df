"""Put files where somebody else may be at work: never over what was not seen, never half.

A file is staged under a temporary name, then takes its place in one step: a free name (RENAME_NOREPLACE), or that of
the file that was looked at (RENAME_EXCHANGE), which is then looked at again. If it is not what was seen, the two are
exchanged back.

Where the file system knows neither (NFS), a free name is taken by a link. The file that was looked at is first renamed
to a backup name and looked at there: for a moment its own name is free, and a crash then leaves it under this one.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from studiolo.core.copying.content import ContentMover
from studiolo.core.copying.names import Names
from studiolo.core.copying.rules import CARRIED_MODE, Fsync, Tally
from studiolo.core.copying.settling import drop

_LONGEST_KEPT = 240  # bytes of a name that a mark is added to
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOREPLACE, _EXCHANGE = 1, 2
_UNKNOWN = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP))
_libc: Any = ctypes.CDLL(None, use_errno=True)


class Placer:
    """Stages and places the files of one revision.

    `knows_exchange` may be false from the start; else the first refusal of the file system is remembered.
    """

    def __init__(
        self, names: Names, tally: Tally, pulse: Callable[[], None], fsync: Fsync, *, knows_exchange: bool = True
    ) -> None:
        self._knows_exchange = knows_exchange
        self._names = names
        self._tally = tally
        self._pulse = pulse
        self._fsync = fsync
        self._mover = ContentMover(self._note)

    def stage_file(self, source: int, target: int) -> str:
        """Copy an open file under a temporary name into a directory and return the name."""
        found = os.fstat(source)

        def fill(fresh: int) -> None:
            self._mover.move(source, fresh, found)
            self._tally.moving_bytes = 0
            os.fchmod(fresh, found.st_mode & CARRIED_MODE)
            os.utime(fresh, ns=(found.st_atime_ns, found.st_mtime_ns))

        return self._stage(target, fill)

    def stage_content(self, content: bytes, mode: int, target: int) -> str:
        """Write a content under a temporary name into a directory and return the name."""

        def fill(fresh: int) -> None:
            left = memoryview(content)
            while left:
                left = left[os.write(fresh, left) :]
            os.fchmod(fresh, mode & CARRIED_MODE)

        return self._stage(target, fill)

    def stage_link(self, text: str, target: int) -> str:
        """Make a symbolic link under a temporary name in a directory and return the name."""
        temporary = self._names.next()
        os.symlink(text, temporary, dir_fd=target)
        return temporary

    def put_new(self, temporary: str, target: int, name: str) -> bool:
        """Give a staged file its name; False, and the staged file is gone, if something has it."""
        try:
            self._take_free(target, temporary, name)
        except FileExistsError:
            return False
        else:
            return True
        finally:
            drop(target, temporary)

    def put_over(
        self,
        temporary: str,
        target: int,
        name: str,
        is_as_seen: Callable[[int, str], bool],
        other_names: Iterable[str],
    ) -> bool:
        """Let a staged file take the place of the one that was seen; False, and nothing is done, if it is another.

        `is_as_seen` looks again, at what now has the temporary name. Should somebody save once more between the two
        exchanges, that content gets one of the other names.
        """
        if not self._knows_exchange:
            return self._put_over_in_steps(temporary, target, name, is_as_seen, other_names)
        staged = os.stat(temporary, dir_fd=target, follow_symlinks=False)
        try:
            _rename(target, temporary, name, _EXCHANGE)
        except FileNotFoundError:
            drop(target, temporary)
            return False
        except OSError as error:
            if error.errno not in _UNKNOWN:
                drop(target, temporary)
                raise
            self._knows_exchange = False
            return self._put_over_in_steps(temporary, target, name, is_as_seen, other_names)
        except BaseException:
            drop(target, temporary)
            raise
        if is_as_seen(target, temporary):
            drop(target, temporary)
            return True
        try:
            _rename(target, temporary, name, _EXCHANGE)
        except FileNotFoundError:  # deleted meanwhile: what was saved before comes back
            return self._rescue(temporary, target, (name, *other_names))
        if _is_unchanged(os.stat(temporary, dir_fd=target, follow_symlinks=False), staged):
            drop(target, temporary)
            return False
        return self._rescue(temporary, target, other_names)

    def _put_over_in_steps(
        self,
        temporary: str,
        target: int,
        name: str,
        is_as_seen: Callable[[int, str], bool],
        other_names: Iterable[str],
    ) -> bool:
        self._require_links(temporary, target)
        aside = f"{os.fsdecode(os.fsencode(name)[:_LONGEST_KEPT])}.{os.urandom(4).hex()}~"
        try:
            os.rename(name, aside, src_dir_fd=target, dst_dir_fd=target)
        except BaseException as error:
            drop(target, temporary)
            if isinstance(error, FileNotFoundError):
                return False
            raise
        if not is_as_seen(target, aside):
            drop(target, temporary)
            return self._rescue(aside, target, (name, *other_names))
        is_placed = self.put_new(temporary, target, name)
        drop(target, aside)  # was seen; who saved a new one meanwhile replaced it themselves
        return is_placed

    def _take_free(self, target: int, temporary: str, name: str) -> None:
        """Give a staged file a name that nothing has; raise FileExistsError."""
        if self._knows_exchange:
            try:
                _rename(target, temporary, name, _NOREPLACE)
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise
                self._knows_exchange = False
            else:
                return
        if stat.S_ISDIR(os.stat(temporary, dir_fd=target, follow_symlinks=False).st_mode):
            os.rename(temporary, name, src_dir_fd=target, dst_dir_fd=target)  # replaces an empty directory at most
            return
        os.link(temporary, name, src_dir_fd=target, dst_dir_fd=target, follow_symlinks=False)
        drop(target, temporary)

    def _require_links(self, temporary: str, target: int) -> None:
        """Raise OSError, and the staged file is gone, where a file cannot have two names: nothing is moved there."""
        further = self._names.next()
        try:
            os.link(temporary, further, src_dir_fd=target, dst_dir_fd=target, follow_symlinks=False)
        except BaseException:
            drop(target, temporary)
            raise
        drop(target, further)

    def _rescue(self, temporary: str, target: int, names: Iterable[str]) -> bool:
        for name in names:
            with suppress(FileExistsError):
                self._take_free(target, temporary, name)
                return False
        raise FileExistsError(errno.EEXIST, "too many files of this name lie beside it")

    def _stage(self, target: int, fill: Callable[[int], None]) -> str:
        temporary = self._names.next()
        fresh = os.open(temporary, _FRESH, 0o600, dir_fd=target)
        try:
            fill(fresh)
            if self._fsync != "none":
                os.fsync(fresh)
        except BaseException:
            drop(target, temporary)
            raise
        finally:
            os.close(fresh)
        return temporary

    def _note(self) -> None:
        self._tally.moving_bytes = self._mover.moved
        self._pulse()


def _is_unchanged(now: os.stat_result, seen: os.stat_result) -> bool:
    """Compare identity, size and time; the rename itself changes the inode's own time."""
    same_kind = stat.S_IFMT(now.st_mode) == stat.S_IFMT(seen.st_mode)
    same_file = (now.st_dev, now.st_ino) == (seen.st_dev, seen.st_ino)
    return same_kind and same_file and (now.st_size, now.st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)


def _rename(directory: int, name: str, to: str, flags: int) -> None:
    old, new = os.fsencode(name), os.fsencode(to)
    result = _libc.renameat2(ctypes.c_int(directory), old, ctypes.c_int(directory), new, ctypes.c_uint(flags))
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), to)
