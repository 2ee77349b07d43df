"""Put one file or link at its place: under a temporary name beside it first, then renamed.

Whoever looks sees the old entry or the new one. Every name is a single one, looked up in an open directory and never
followed when it is a link, so nothing that is swapped meanwhile leads elsewhere.
"""

import os
import stat
from collections.abc import Callable

from studiolo.core.copying.content import ContentMover
from studiolo.core.copying.looking import READ
from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.rules import CARRIED_MODE, Rules, Tally
from studiolo.core.copying.settling import drop, is_same_moment, keep_backup, settle

_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS = 3  # for a file that is written to while it is read


class FilePlacer:
    """Writes single entries of one copy."""

    def __init__(self, rules: Rules, names: TemporaryNames, tally: Tally, pulse: Callable[[], None]) -> None:
        self._rules = rules
        self._names = names
        self._tally = tally
        self._mover = ContentMover(self._note)
        self._pulse = pulse

    def place_file(
        self, source: int, name: str, target: int, as_name: str, existing: os.stat_result | None
    ) -> os.stat_result | None:
        """Copy a regular file; return what is at its place now, None if the source is gone or no file any more."""
        try:
            opened = os.open(name, READ, dir_fd=source)
        except FileNotFoundError:
            return None  # whoever deleted it did not want it copied
        try:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode):
                return None
            return self._place(opened, found, target, as_name, existing)
        finally:
            os.close(opened)

    def place_link(self, text: str, target: int, as_name: str, existing: os.stat_result | None) -> None:
        """Make a symbolic link with this text."""
        temporary = self._names.next()
        os.symlink(text, temporary, dir_fd=target)
        self._settle(temporary, target, as_name, existing)

    def place_same(
        self, leader: int, leader_name: str, target: int, as_name: str, existing: os.stat_result | None
    ) -> None:
        """Make a further name of a file that is already in the target."""
        temporary = self._names.next()
        os.link(leader_name, temporary, src_dir_fd=leader, dst_dir_fd=target, follow_symlinks=False)
        self._settle(temporary, target, as_name, existing)

    def keep_backup(self, directory: int, name: str) -> None:
        """Give what is at `name` a second name with `~`, in place of what was called so."""
        keep_backup(directory, name, self._names.next())

    def clear_stale(self, directory: int, name: str) -> None:
        """Remove what a copier that lives no more was writing."""
        if self._names.is_stale(name):
            os.unlink(name, dir_fd=directory)

    def _place(
        self, opened: int, found: os.stat_result, target: int, as_name: str, existing: os.stat_result | None
    ) -> os.stat_result:
        temporary = self._names.next()
        fresh = os.open(temporary, _FRESH, 0o600, dir_fd=target)
        try:
            for _ in range(_ATTEMPTS):
                size = self._mover.move(opened, fresh, found)
                now = os.fstat(opened)
                if is_same_moment(now, found):
                    break
                found = now
                os.ftruncate(fresh, 0)
            else:
                size = self._mover.move(opened, fresh, found)  # it never rests: what it is now must do
            os.fchmod(fresh, found.st_mode & CARRIED_MODE)
            os.utime(fresh, ns=(found.st_atime_ns, found.st_mtime_ns))
            if self._rules.fsync != "none":
                os.fsync(fresh)
            placed = os.fstat(fresh)
        except BaseException:
            drop(target, temporary)
            raise
        finally:
            os.close(fresh)
        self._settle(temporary, target, as_name, existing)
        self._tally.files += 1
        self._tally.size_bytes += size
        self._tally.moving_bytes = 0
        return placed

    def _note(self) -> None:
        self._tally.moving_bytes = self._mover.moved
        self._pulse()

    def _settle(self, temporary: str, target: int, as_name: str, existing: os.stat_result | None) -> None:
        settle(target, temporary, as_name, existing, self.keep_backup if self._rules.backup else None)
