"""Take entries of the target away: what the source lacks, and what is in the way of something of another kind."""

import errno
import os
import stat
from collections.abc import Callable

from studiolo.runtime.copying.files import DIRECTORY, FilePlacer
from studiolo.runtime.copying.names import is_temporary
from studiolo.runtime.copying.rules import FATAL, Rules, Tally


class Remover:
    """Removes entries of one copy's target, and keeps backups where they were asked for."""

    def __init__(self, rules: Rules, placer: FilePlacer, tally: Tally, pulse: Callable[[], None]) -> None:
        self._rules = rules
        self._placer = placer
        self._tally = tally
        self._pulse = pulse

    def remove_missing(
        self, directory: int, trail: tuple[str, ...], present: dict[str, os.stat_result], wanted: set[str]
    ) -> None:
        """Remove what is present and not wanted; forget it in `present`, where its backup may appear."""
        for name in sorted(present.keys() - wanted):
            if self._rules.backup and name.endswith("~"):
                continue  # a backup of an earlier copy
            try:
                if self._remove(directory, name, present[name]):
                    del present[name]
            except OSError as error:
                if error.errno in FATAL:
                    raise
                self._tally.fail("/".join((*trail, name)), f"could not be deleted: {error.strerror}")
        if self._rules.backup:
            _look_again(directory, present)

    def clear(self, directory: int, name: str, existing: os.stat_result, trail: tuple[str, ...]) -> None:
        """Make way for an entry of another kind; raise OSError when a directory is in the way and may not go."""
        if not stat.S_ISDIR(existing.st_mode):
            self._remove_single(directory, name)
        elif not self._rules.delete_missing:
            os.rmdir(name, dir_fd=directory)
        elif not self._remove(directory, name, existing):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), "/".join(trail))

    def _remove(self, directory: int, name: str, found: os.stat_result) -> bool:
        """Remove an entry with all that is in it; False if something in it had to stay."""
        if not stat.S_ISDIR(found.st_mode):
            self._remove_single(directory, name)
            return True
        self._pulse()
        is_empty = True
        below = os.open(name, DIRECTORY, dir_fd=directory)
        try:
            if found.st_mode & 0o700 != 0o700:
                os.fchmod(below, 0o700)
            with os.scandir(below) as listed:
                entries = [(entry.name, entry.stat(follow_symlinks=False)) for entry in listed]
            for inner, inner_found in sorted(entries):
                keeps = self._rules.backup and not stat.S_ISDIR(inner_found.st_mode)
                if is_temporary(inner) or (keeps and inner.endswith("~")):
                    is_empty = False
                    continue
                is_gone = self._remove(below, inner, inner_found)
                is_empty = is_empty and is_gone and not keeps
            if not is_empty and found.st_mode & 0o700 != 0o700:
                os.fchmod(below, stat.S_IMODE(found.st_mode))
        finally:
            os.close(below)
        if is_empty:
            os.rmdir(name, dir_fd=directory)
            self._tally.deleted += 1
        return is_empty

    def _remove_single(self, directory: int, name: str) -> None:
        if self._rules.backup and not name.endswith("~"):
            self._placer.keep_backup(directory, name)
        os.unlink(name, dir_fd=directory)
        self._tally.deleted += 1


def _look_again(directory: int, present: dict[str, os.stat_result]) -> None:
    with os.scandir(directory) as listed:
        for entry in listed:
            if entry.name.endswith("~") and not is_temporary(entry.name):
                present[entry.name] = entry.stat(follow_symlinks=False)
