"""Copy a tree between two open directories.

Requirements:
1. Directories, files, symbolic links (as links), further names of one file, holes, permission bits and times arrive;
   devices, fifos, sockets and set-uid bits do not.
2. A directory is only ever entered by opening one name in its open parent, refusing links. Whoever swaps a directory
   for a link meanwhile makes that entry fail; nothing outside the two trees can be reached.
3. An entry that fails does not stop the others; the tally names it. A full disk, a broken one and the like stop all.
4. At every moment each file of the target is the old one or the new one.

The rules are rsync's `--recursive --links --perms --times --hard-links --one-file-system`, with `--update`, `--delete`
and `--backup` as asked for; `tests/contracts/` holds the two together.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from studiolo.core.copying.looking import DIRECTORY
from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.removal import Remover
from studiolo.core.copying.rules import CARRIED_MODE, FATAL, TEMPORARY_PREFIX, Rules, Tally
from studiolo.core.copying.settling import LINK_REFUSED, is_unchanged
from studiolo.runtime.copying.files import FilePlacer

MAX_DEPTH = 1000  # two directories are held open for each
MAX_DEPTH_REMOVED = 2000  # below that; with one for each it stays within what a copier may hold open
_NAME = itemgetter(0)
_PULSE_EVERY = 256
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Directory:
    """A pair of open directories; `trail` are the names from the roots to here."""

    source: int
    target: int
    trail: tuple[str, ...]

    def path_of(self, name: str) -> str:
        return "/".join((*self.trail, name))


class TreeCopier:
    """Carries out one copy; `pulse` is called now and then and may raise to give up."""

    def __init__(self, rules: Rules, names: TemporaryNames, pulse: Callable[[], None]) -> None:
        self.tally = Tally()
        self._rules = rules
        self._names = names
        self._pulse = pulse
        self._placer = FilePlacer(rules, names, self.tally, pulse)
        self._remover = Remover(rules, self._placer, self.tally, pulse, MAX_DEPTH_REMOVED)
        self._leaders: dict[_Identity, tuple[str, ...]] = {}  # files with several names: where the first one went
        self._device = -1
        self._never: frozenset[_Identity] = frozenset()
        self._root = -1

    def copy_directory(self, source: int, target: int, *, keeps_root_mode: bool = False) -> None:
        """Copy what is in the directory `source` into the directory `target`."""
        found = os.fstat(source)
        there = os.fstat(target)
        self._device = found.st_dev
        self._never = frozenset({(there.st_dev, there.st_ino)})  # a copy into itself does not copy the copy
        self._root = target
        self._contents(_Directory(source, target, ()), is_fresh=False)
        self._finish_directory(target, there, there if keeps_root_mode else found, found)

    def copy_entry(self, source: int, name: str, target: int, as_name: str) -> None:
        """Copy one file or link as `as_name` into the directory `target`."""
        try:
            found = os.stat(name, dir_fd=source, follow_symlinks=False)
        except FileNotFoundError:
            return
        try:
            existing = os.stat(as_name, dir_fd=target, follow_symlinks=False)
        except FileNotFoundError:
            existing = None
        self._root = target
        self._attempt(_Directory(source, target, ()), name, as_name, found, existing)

    def _contents(self, here: _Directory, *, is_fresh: bool) -> None:
        self._pulse()
        entries = self._list(here, here.source)
        if entries is None:
            return
        present = {} if is_fresh else self._present(here)
        if self._rules.delete_missing and not self.tally.failed:  # what could not be read may be no missing file
            self._remover.remove_missing(here.target, here.trail, present, {name for name, _ in entries})
        directories: list[tuple[str, os.stat_result]] = []
        for name, found in entries:
            existing = present.get(name)
            if existing is not None and _is_settled(found, existing):  # most files of a tree that is copied again
                self._pass_over(found)
            elif stat.S_ISDIR(found.st_mode):
                directories.append((name, found))
            else:
                self._attempt(here, name, name, found, existing)
        for name, found in directories:
            self._attempt(here, name, name, found, present.get(name))

    def _pass_over(self, found: os.stat_result) -> None:
        tally = self.tally
        tally.unchanged += 1
        tally.files_done += 1
        tally.bytes_done += found.st_size
        if not tally.unchanged % _PULSE_EVERY:
            self._pulse()

    def _list(self, here: _Directory, fd: int) -> list[tuple[str, os.stat_result]] | None:
        try:
            return sorted(_entries(fd), key=_NAME)
        except OSError as error:
            if error.errno in FATAL:
                raise
            self.tally.fail("/".join(here.trail) or ".", error.strerror or "cannot be read")
            return None

    def _present(self, here: _Directory) -> dict[str, os.stat_result]:
        present: dict[str, os.stat_result] = {}
        with os.scandir(here.target) as listed:
            for entry in listed:
                name = entry.name
                if not name.startswith(TEMPORARY_PREFIX):
                    try:
                        present[name] = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                elif self._names.is_stale(name):
                    os.unlink(name, dir_fd=here.target)
        return present

    def _attempt(
        self, here: _Directory, name: str, as_name: str, found: os.stat_result, existing: os.stat_result | None
    ) -> None:
        try:
            if stat.S_ISREG(found.st_mode):
                self._file(here, name, as_name, found, existing)
            elif stat.S_ISDIR(found.st_mode):
                self._subdirectory(here, name, found, existing)
            elif stat.S_ISLNK(found.st_mode):
                self._link(here, name, as_name, existing)
        except OSError as error:
            if error.errno in FATAL:
                error.filename = here.path_of(name)
                raise
            self.tally.fail(here.path_of(name), error.strerror or str(error))
        if not stat.S_ISDIR(found.st_mode):
            self.tally.files_done += 1
            self.tally.bytes_done += found.st_size
            self._pulse()

    def _file(
        self, here: _Directory, name: str, as_name: str, found: os.stat_result, existing: os.stat_result | None
    ) -> None:
        if existing is not None and stat.S_ISREG(existing.st_mode):
            if is_unchanged(found.st_size, found.st_mtime_ns, existing) and not self._must_join(
                here, as_name, found, existing
            ):
                self._keep(here, as_name, found, existing)
                return
            if found.st_mtime_ns < existing.st_mtime_ns and not self._rules.overwrite_newer:
                self.tally.kept += 1
                return
        if self._make_way(here, as_name, existing):
            existing = None
        if found.st_nlink > 1 and self._join(here, as_name, found, existing):
            return
        placed = self._placer.place_file(here.source, name, here.target, as_name, existing)
        if placed is not None and found.st_nlink > 1:
            self._leaders[found.st_dev, found.st_ino] = (*here.trail, as_name)

    def _keep(self, here: _Directory, name: str, found: os.stat_result, existing: os.stat_result) -> None:
        self.tally.unchanged += 1
        if found.st_nlink > 1:
            self._leaders.setdefault((found.st_dev, found.st_ino), (*here.trail, name))
        if existing.st_mode & 0o7777 != found.st_mode & CARRIED_MODE:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here.target)
            try:
                os.fchmod(fd, found.st_mode & CARRIED_MODE)
            finally:
                os.close(fd)

    def _must_join(self, here: _Directory, name: str, found: os.stat_result, existing: os.stat_result) -> bool:
        """Tell whether the unchanged file should be another name of one that is already there, and is not."""
        trail = self._leaders.get((found.st_dev, found.st_ino)) if found.st_nlink > 1 else None
        if trail is None or trail == (*here.trail, name):
            return False
        leader = self._open_parent(trail)
        if leader is None:
            return False
        try:
            first = os.stat(trail[-1], dir_fd=leader, follow_symlinks=False)
        except OSError:
            return False
        finally:
            os.close(leader)
        return (first.st_dev, first.st_ino) != (existing.st_dev, existing.st_ino)

    def _join(self, here: _Directory, as_name: str, found: os.stat_result, existing: os.stat_result | None) -> bool:
        """Make a further name of a file that was copied already; False where that cannot be done."""
        trail = self._leaders.get((found.st_dev, found.st_ino))
        leader = None if trail is None else self._open_parent(trail)
        if trail is None or leader is None:
            return False
        try:
            self._placer.place_same(leader, trail[-1], here.target, as_name, existing)
        except OSError as error:
            if error.errno not in LINK_REFUSED:
                raise
            return False
        finally:
            os.close(leader)
        self.tally.files += 1
        return True

    def _open_parent(self, trail: tuple[str, ...]) -> int | None:
        """Open the target's directory that holds the last name of `trail`, name by name."""
        fd = os.open(".", DIRECTORY, dir_fd=self._root)
        for name in trail[:-1]:
            try:
                below = os.open(name, DIRECTORY, dir_fd=fd)
            except OSError:
                return None
            finally:
                os.close(fd)
            fd = below
        return fd

    def _link(self, here: _Directory, name: str, as_name: str, existing: os.stat_result | None) -> None:
        try:
            text = os.readlink(name, dir_fd=here.source)
        except FileNotFoundError:
            return
        if existing is not None and stat.S_ISLNK(existing.st_mode):
            if os.readlink(as_name, dir_fd=here.target) == text:
                self.tally.unchanged += 1
                return
        elif self._make_way(here, as_name, existing):
            existing = None
        self._placer.place_link(text, here.target, as_name, existing)
        self.tally.files += 1

    def _make_way(self, here: _Directory, name: str, existing: os.stat_result | None) -> bool:
        """Remove a directory where a file or link is to be; tell whether there was one."""
        if existing is None or not stat.S_ISDIR(existing.st_mode):
            return False
        self._remover.clear(here.target, (*here.trail, name), existing)
        return True

    def _subdirectory(
        self, here: _Directory, name: str, found: os.stat_result, existing: os.stat_result | None
    ) -> None:
        if (found.st_dev, found.st_ino) in self._never:
            return
        if len(here.trail) >= MAX_DEPTH:
            raise OSError(errno.ENAMETOOLONG, f"more than {MAX_DEPTH} directories deep")
        try:
            source = os.open(name, DIRECTORY, dir_fd=here.source)
        except FileNotFoundError:
            return
        try:
            target, there = self._enter(here, name, existing)
            try:
                below = _Directory(source, target, (*here.trail, name))
                found = os.fstat(source)
                if found.st_dev == self._device:
                    self._contents(below, is_fresh=existing is None)
                self._finish_directory(target, there, found, found)
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _enter(self, here: _Directory, name: str, existing: os.stat_result | None) -> tuple[int, os.stat_result]:
        """Open the target's directory, made if it is not there, so that we may write in it."""
        is_there = existing is not None and stat.S_ISDIR(existing.st_mode)
        if existing is not None and not is_there:
            self._remover.clear(here.target, (*here.trail, name), existing)
        if not is_there:
            os.mkdir(name, 0o700, dir_fd=here.target)
        target = os.open(name, DIRECTORY, dir_fd=here.target)
        there = os.fstat(target)
        if there.st_mode & 0o700 != 0o700:
            os.fchmod(target, stat.S_IMODE(there.st_mode) | 0o700)
        return target, there

    def _finish_directory(
        self, target: int, there: os.stat_result, mode_of: os.stat_result, time_of: os.stat_result
    ) -> None:
        now = os.fstat(target)
        if stat.S_IMODE(now.st_mode) != mode_of.st_mode & CARRIED_MODE:
            os.fchmod(target, mode_of.st_mode & CARRIED_MODE)
        if now.st_mtime_ns != time_of.st_mtime_ns:
            os.utime(target, ns=(time_of.st_atime_ns, time_of.st_mtime_ns))
        if self._rules.fsync == "full":
            os.fsync(target)


def _entries(fd: int) -> list[tuple[str, os.stat_result]]:
    found: list[tuple[str, os.stat_result]] = []
    with os.scandir(fd) as listed:
        for entry in listed:
            name = entry.name
            if name.startswith(TEMPORARY_PREFIX):  # is_temporary, without a call for each file of a large tree
                continue
            try:
                found.append((name, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue  # gone since it was listed
    return found


def _is_settled(found: os.stat_result, existing: os.stat_result) -> bool:
    """Tell at a glance whether a plain file with one name is there with all that is carried."""
    return (
        found.st_mtime_ns == existing.st_mtime_ns
        and found.st_size == existing.st_size
        and found.st_nlink == 1
        and stat.S_ISREG(found.st_mode)
        and existing.st_mode == stat.S_IFREG | found.st_mode & CARRIED_MODE
    )
