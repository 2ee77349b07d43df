"""Take entries of the target away: what the source lacks, and what is in the way of something of another kind."""

import errno
import os
import stat
from collections.abc import Callable, Collection
from typing import Protocol

from studiolo.core.copying.rules import FATAL, TEMPORARY_PREFIX, Rules, Tally

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Backups(Protocol):
    """What a copier does for a removal."""

    def keep_backup(self, directory: int, name: str) -> None:
        """Give what is at `name` a second name with `~`, in place of what was called so."""
        ...

    def clear_stale(self, directory: int, name: str) -> None:
        """Remove a temporary name if no copy uses it."""
        ...


Trail = tuple[str, ...]


class Remover:
    """Removes entries of one copy's target, and keeps backups where they were asked for.

    Each directory on the way down is held open, so what is more than `max_depth` deep stays, with a clear error. If
    there is `removable`, it tells which names of a directory may go; no others do.
    """

    def __init__(
        self,
        rules: Rules,
        backups: Backups,
        tally: Tally,
        pulse: Callable[[], None],
        max_depth: int,
        removable: Callable[[Trail], Collection[str]] | None = None,
    ) -> None:
        self._rules = rules
        self._backups = backups
        self._tally = tally
        self._pulse = pulse
        self._max_depth = max_depth
        self._removable = removable

    def remove_missing(
        self, directory: int, trail: Trail, present: dict[str, os.stat_result], wanted: set[str]
    ) -> None:
        """Remove what is present and not wanted; forget it in `present`, where its backup may appear."""
        missing = present.keys() - wanted
        if missing and self._removable is not None:
            missing &= set(self._removable(trail))
        for name in sorted(missing):
            if self._rules.backup and name.endswith("~"):
                continue  # a backup of an earlier copy
            try:
                if self._remove(directory, (*trail, name), present[name], 0):
                    del present[name]
            except OSError as error:
                if error.errno in FATAL:
                    raise
                self._tally.fail("/".join((*trail, name)), f"could not be deleted: {error.strerror}")
        if self._rules.backup:
            _look_again(directory, present)

    def clear(self, directory: int, trail: Trail, existing: os.stat_result) -> None:
        """Make way for an entry of another kind; raise OSError when a directory is in the way and may not go.

        `trail` leads to what is in the way, which is the last name of it in the open directory.
        """
        if not stat.S_ISDIR(existing.st_mode):
            self._remove_single(directory, trail[-1])
        elif not self._rules.delete_missing:
            os.rmdir(trail[-1], dir_fd=directory)
        elif not self._remove(directory, trail, existing, 0):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))

    def _remove(self, directory: int, trail: Trail, found: os.stat_result, depth: int) -> bool:
        """Remove an entry with all that is in it; False if something in it had to stay."""
        name = trail[-1]
        if not stat.S_ISDIR(found.st_mode):
            self._remove_single(directory, name)
            return True
        if depth > self._max_depth:
            raise OSError(errno.ENAMETOOLONG, f"more than {self._max_depth} directories deep")
        self._pulse()
        below = os.open(name, _DIRECTORY, dir_fd=directory)
        try:
            is_empty = self._empty(below, trail, found, depth)
        finally:
            os.close(below)
        if is_empty:
            os.rmdir(name, dir_fd=directory)
            self._tally.deleted += 1
        return is_empty

    def _empty(self, directory: int, trail: Trail, found: os.stat_result, depth: int) -> bool:
        if found.st_mode & 0o700 != 0o700:
            os.fchmod(directory, 0o700)
        with os.scandir(directory) as listed:
            entries = [(entry.name, entry.stat(follow_symlinks=False)) for entry in listed]
        removable = None if self._removable is None else self._removable(trail)
        is_empty = True
        for name, inner in sorted(entries):
            keeps = self._rules.backup and not stat.S_ISDIR(inner.st_mode)
            if name.startswith(TEMPORARY_PREFIX):
                self._backups.clear_stale(directory, name)
                is_empty = is_empty and not _exists(directory, name)
            elif (keeps and name.endswith("~")) or (removable is not None and name not in removable):
                is_empty = False
            else:
                is_gone = self._remove(directory, (*trail, name), inner, depth + 1)
                is_empty = is_empty and is_gone and not keeps
        if not is_empty and found.st_mode & 0o700 != 0o700:
            os.fchmod(directory, stat.S_IMODE(found.st_mode))
        return is_empty

    def _remove_single(self, directory: int, name: str) -> None:
        if self._rules.backup and not name.endswith("~"):
            self._backups.keep_backup(directory, name)
        os.unlink(name, dir_fd=directory)
        self._tally.deleted += 1


def _exists(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _look_again(directory: int, present: dict[str, os.stat_result]) -> None:
    with os.scandir(directory) as listed:
        for entry in listed:
            if entry.name.endswith("~") and not entry.name.startswith(TEMPORARY_PREFIX):
                present[entry.name] = entry.stat(follow_symlinks=False)
