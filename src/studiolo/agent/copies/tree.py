"""Write what another agent's source holds below an open directory.

Requirements, the same as our own copier's (`runtime/copying/copier.py`), which `tests/contracts/` hold it to:
1. Directories, files, symbolic links (as links), further names of one file, holes, permission bits and times arrive;
   devices, fifos, sockets and set-uid bits do not.
2. Directories are opened name by name from the root, refusing links, whenever one is needed. Whoever swaps a directory
   for a link meanwhile makes its entries fail; nothing outside the root can be reached.
3. An entry that fails does not stop the others; the tally names it. A full disk, a broken one and the like stop all.
4. At every moment each file of the target is the old one or the new one, and a new one has the source's checksum.

However deep a tree is, no more than three directories are open at once.
"""

import errno
import os
import stat
from dataclasses import dataclass, field

from studiolo.agent.copies.asking import Source, SourceRefused
from studiolo.agent.copies.directories import OPENED, identity, open_below
from studiolo.agent.copies.entries import (
    DIRECTORY,
    FILE,
    LINK,
    MAX_DEPTH,
    Entry,
    Facts,
    Trail,
)
from studiolo.agent.copies.placing import RESUMED_FROM_BYTES, Arriving, PartIsLost, Placer, resumable_name
from studiolo.agent.copies.selection import Selection
from studiolo.agent.copies.stream import Stream
from studiolo.core.copying.removal import Remover
from studiolo.core.copying.rules import FATAL, TEMPORARY_PREFIX, Rules, Tally
from studiolo.core.copying.settling import LINK_REFUSED, is_unchanged

ASKED_AT_ONCE = 256
MAX_LEADERS = 200_000
_TO_CHANGE_MODE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class _Wanted:
    """A file whose content is to be asked for."""

    entry: Entry
    as_name: str
    existing: os.stat_result | None


@dataclass(slots=True)
class _Here:
    """The open directory that is being written to; `wanted` are small files to be asked for together."""

    directory: int
    trail: Trail
    wanted: list[_Wanted] = field(default_factory=list[_Wanted])

    def path_of(self, name: str) -> str:
        return "/".join((*self.trail, name))


MAX_DEPTH_REMOVED = 200  # each holds a directory open


@dataclass(frozen=True, slots=True)
class _Visit:
    """A directory to be copied, or, with facts, one whose content is there and which gets its mode and times."""

    trail: Trail
    existing: os.stat_result | None = None
    facts: Facts | None = None


class TreeWriter:
    """Carries out one copy at its target."""

    def __init__(
        self,
        root: int,
        source: Source,
        stream: Stream,
        rules: Rules,
        placer: Placer,
        tally: Tally,
        selection: Selection | None = None,
        *,
        is_silent: bool = False,
    ) -> None:
        self._is_silent = is_silent  # about its progress
        self._root = root
        self._source = source
        self._stream = stream
        self._rules = rules
        self._placer = placer
        self._tally = tally
        removable = None if selection is None else selection.names_inside
        self._remover = Remover(rules, placer, tally, self._pulse, MAX_DEPTH_REMOVED, removable)
        self._leaders: dict[str, Trail] = {}  # files with several names: where the first one went
        self._visits: list[_Visit] = []

    def write_directory(self, *, keeps_root_mode: bool) -> None:
        """Copy what is in the source's directory into the root."""
        there = os.fstat(self._root)
        listing = self._source.list(())
        if listing is None:
            raise SourceRefused("it is gone")
        mode = stat.S_IMODE(there.st_mode) if keeps_root_mode else listing.facts.mode
        self._visits.append(_Visit((), facts=Facts(0, mode, listing.facts.atime_ns, listing.facts.mtime_ns)))
        self._contents(_Here(self._root, ()), listing.entries, is_fresh=False)
        while self._visits:
            self._pulse()
            visit = self._visits.pop()
            try:
                self._subdirectory(visit) if visit.facts is None else self._finish(visit.trail, visit.facts)
            except SourceRefused as refusal:
                self._tally.fail("/".join(visit.trail), str(refusal))
            except OSError as error:
                self._fail_or_stop(error, "/".join(visit.trail) or ".")

    def write_entry(self, as_name: str) -> None:
        """Copy the source's one file or link as `as_name` into the root."""
        listing = self._source.list(())
        here = _Here(self._root, ())
        for entry in [] if listing is None else listing.entries[:1]:
            self._present(here, {as_name: entry})
            self._attempt(here, entry, as_name, _look(self._root, as_name))
            self._ask_for_wanted(here)

    def _contents(self, here: _Here, entries: list[Entry], *, is_fresh: bool) -> None:
        present = {} if is_fresh else self._present(here, {entry.name: entry for entry in entries})
        if self._rules.delete_missing and not self._tally.failed:  # what could not be read may be no missing file
            wanted = {entry.name for entry in entries}
            self._remover.remove_missing(here.directory, here.trail, present, wanted)
        for entry in entries:
            if entry.kind != DIRECTORY:
                self._attempt(here, entry, entry.name, present.get(entry.name))
        self._ask_for_wanted(here)
        below = [entry for entry in entries if entry.kind == DIRECTORY]
        self._visits += [_Visit((*here.trail, one.name), present.get(one.name)) for one in reversed(below)]

    def _present(self, here: _Here, wanted: dict[str, Entry]) -> dict[str, os.stat_result]:
        """Return what is in the directory; what was left by copies that are dead is removed."""
        kept = {
            resumable_name(name, entry.facts)
            for name, entry in wanted.items()
            if entry.kind == FILE and entry.facts.size >= RESUMED_FROM_BYTES
        }
        present: dict[str, os.stat_result] = {}
        with os.scandir(here.directory) as listed:
            for one in listed:
                if one.name.startswith(TEMPORARY_PREFIX):
                    self._placer.clear_stale(here.directory, one.name, kept)
                    continue
                try:
                    present[one.name] = one.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
        return present

    def _attempt(self, here: _Here, entry: Entry, as_name: str, existing: os.stat_result | None) -> None:
        try:
            if entry.kind == FILE:
                self._file(here, entry, as_name, existing)
            elif entry.kind == LINK:
                self._link(here, entry, as_name, existing)
        except OSError as error:
            self._fail_or_stop(error, here.path_of(entry.name))
        self._tally.files_done += 1
        self._tally.bytes_done += entry.facts.size
        self._pulse()

    def _file(self, here: _Here, entry: Entry, as_name: str, existing: os.stat_result | None) -> None:
        if existing is not None and stat.S_ISREG(existing.st_mode):
            if is_unchanged(entry.facts.size, entry.facts.mtime_ns, existing) and not self._must_join(
                here, entry, as_name, existing
            ):
                self._keep(here, entry, as_name, existing)
                return
            if entry.facts.mtime_ns < existing.st_mtime_ns and not self._rules.overwrite_newer:
                self._tally.kept += 1
                return
        if self._make_way(here, as_name, existing):
            existing = None
        here.wanted.append(_Wanted(entry, as_name, existing))
        if entry.same_as or entry.facts.size >= RESUMED_FROM_BYTES:
            wanted = here.wanted.pop()
            self._ask_for_wanted(here)
            if not self._join(here, wanted):
                self._ask_for_one(here, wanted)
        elif len(here.wanted) >= ASKED_AT_ONCE:
            self._ask_for_wanted(here)

    def _ask_for_wanted(self, here: _Here) -> None:
        """Ask for the small files that were put together, so that everything happens in the order of names."""
        asked, here.wanted = here.wanted, []
        if not asked:
            return
        self._source.ask(here.trail, [(one.entry.name, 0, "") for one in asked])
        for one in asked:
            try:
                self._take(here, one, None)
            except OSError as error:
                self._fail_or_stop(error, here.path_of(one.entry.name))

    def _ask_for_one(self, here: _Here, wanted: _Wanted) -> None:
        """Ask for a large file, or one with several names; an earlier try's part of it is used."""
        name, facts = wanted.entry.name, wanted.entry.facts
        try:
            with self._placer.arriving(here.directory, wanted.as_name, facts) as arriving:
                checksum = arriving.sums.of(arriving.held) if arriving.held else ""
                self._source.ask(here.trail, [(name, arriving.held, checksum)])
                if not self._take(here, wanted, arriving):
                    raise PartIsLost
                if wanted.entry.same_as and len(self._leaders) < MAX_LEADERS:
                    self._leaders[wanted.entry.same_as] = (*here.trail, wanted.as_name)
        except PartIsLost:
            pass  # the tally knows

    def _take(self, here: _Here, wanted: _Wanted, arriving: Arriving | None) -> bool:
        """Take in the content that comes next; tell whether the file is at its place."""
        try:
            head = self._source.head()
            if head is None:
                return False  # whoever deleted it did not want it copied
            if arriving is not None:
                self._settle(here, wanted, arriving, self._source.receive(head, arriving), head.offset)
                return True
            has_begun = False
            try:
                with self._placer.arriving(here.directory, wanted.as_name, Facts(0, 0, 0, 0)) as fresh:
                    has_begun = True
                    self._settle(here, wanted, fresh, self._source.receive(head, fresh), 0)
            except OSError as error:
                if not has_begun and error.errno not in FATAL:
                    self._source.pass_over()
                raise
        except (SourceRefused, PartIsLost) as refusal:
            self._tally.fail(here.path_of(wanted.entry.name), str(refusal))
            return False
        return True

    def _settle(self, here: _Here, wanted: _Wanted, arriving: Arriving, facts: Facts, resumed: int) -> None:
        self._placer.place(arriving, facts, here.directory, wanted.as_name, wanted.existing)
        self._tally.files += 1
        self._tally.size_bytes += facts.size
        self._tally.resumed_bytes += resumed

    def _keep(self, here: _Here, entry: Entry, name: str, existing: os.stat_result) -> None:
        self._tally.unchanged += 1
        if entry.same_as and len(self._leaders) < MAX_LEADERS:
            self._leaders.setdefault(entry.same_as, (*here.trail, name))
        if existing.st_mode & 0o7777 != entry.facts.mode:
            self._ask_for_wanted(here)
            opened = os.open(name, _TO_CHANGE_MODE, dir_fd=here.directory)
            try:
                os.fchmod(opened, entry.facts.mode)
            finally:
                os.close(opened)

    def _must_join(self, here: _Here, entry: Entry, name: str, existing: os.stat_result) -> bool:
        """Tell whether the unchanged file should be another name of one that is already there, and is not."""
        trail = self._leaders.get(entry.same_as) if entry.same_as else None
        if trail is None or trail == (*here.trail, name):
            return False
        try:
            leader = open_below(self._root, trail[:-1])
        except OSError:
            return False
        try:
            first = _look(leader, trail[-1])
            return first is not None and identity(first) != identity(existing)
        finally:
            os.close(leader)

    def _join(self, here: _Here, wanted: _Wanted) -> bool:
        """Make a further name of a file that was copied already; False where that cannot be done."""
        trail = self._leaders.get(wanted.entry.same_as) if wanted.entry.same_as else None
        if trail is None:
            return False
        try:
            leader = open_below(self._root, trail[:-1])
        except OSError:
            return False
        try:
            self._placer.place_same(leader, trail[-1], here.directory, wanted.as_name, wanted.existing)
        except OSError as error:
            if error.errno not in LINK_REFUSED:
                raise
            return False
        finally:
            os.close(leader)
        self._tally.files += 1
        return True

    def _link(self, here: _Here, entry: Entry, as_name: str, existing: os.stat_result | None) -> None:
        self._ask_for_wanted(here)
        if existing is not None and stat.S_ISLNK(existing.st_mode):
            if os.readlink(as_name, dir_fd=here.directory) == entry.text:
                self._tally.unchanged += 1
                return
        elif self._make_way(here, as_name, existing):
            existing = None
        self._placer.place_link(entry.text, here.directory, as_name, existing)
        self._tally.files += 1

    def _make_way(self, here: _Here, name: str, existing: os.stat_result | None) -> bool:
        """Remove a directory where a file or link is to be; tell whether there was one."""
        if existing is None or not stat.S_ISDIR(existing.st_mode):
            return False
        self._ask_for_wanted(here)
        self._remover.clear(here.directory, (*here.trail, name), existing)
        return True

    def _subdirectory(self, visit: _Visit) -> None:
        if len(visit.trail) > MAX_DEPTH:
            raise OSError(errno.ENAMETOOLONG, f"more than {MAX_DEPTH} directories deep")
        listing = self._source.list(visit.trail)
        if listing is None:
            return
        parent = open_below(self._root, visit.trail[:-1])
        try:
            directory = self._enter(parent, visit.trail, visit.existing)
        finally:
            os.close(parent)
        try:
            self._visits.append(_Visit(visit.trail, facts=listing.facts))
            self._contents(_Here(directory, visit.trail), listing.entries, is_fresh=visit.existing is None)
        finally:
            os.close(directory)

    def _enter(self, parent: int, trail: Trail, existing: os.stat_result | None) -> int:
        """Open the target's directory, made if it is not there, so that we may write in it."""
        name = trail[-1]
        is_there = existing is not None and stat.S_ISDIR(existing.st_mode)
        if existing is not None and not is_there:
            self._remover.clear(parent, trail, existing)
        if not is_there:
            os.mkdir(name, 0o700, dir_fd=parent)
        directory = os.open(name, OPENED, dir_fd=parent)
        there = os.fstat(directory)
        if there.st_mode & 0o700 != 0o700:
            os.fchmod(directory, stat.S_IMODE(there.st_mode) | 0o700)
        return directory

    def _finish(self, trail: Trail, facts: Facts) -> None:
        directory = open_below(self._root, trail)
        try:
            now = os.fstat(directory)
            if stat.S_IMODE(now.st_mode) != facts.mode:
                os.fchmod(directory, facts.mode)
            if now.st_mtime_ns != facts.mtime_ns:
                os.utime(directory, ns=(facts.atime_ns, facts.mtime_ns))
            if self._rules.fsync == "full":
                os.fsync(directory)
        finally:
            os.close(directory)

    def _fail_or_stop(self, error: OSError, path: str) -> None:
        if error.errno in FATAL:
            error.filename = path
            raise error
        self._tally.fail(path, error.strerror or str(error))

    def _pulse(self) -> None:
        done = [self._tally.files_done, self._tally.bytes_done]
        self._stream.note({"at": 0} if self._is_silent else {"progress": done})


def _look(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
