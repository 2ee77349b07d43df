"""Bring a new edition of a tree to where an earlier one was handed out, and keep whatever was changed there.

`base` is what was handed out last, kept outside of every home; without it nothing is known of who changed what.

    here             in the base       what happens
    nothing          -                 the new file is added (deleting a file is how to get a fresh one)
    as new           -                 nothing
    as the base      -                 the new file takes its place
    changed          as new            nothing: there is no news
    changed          another           both changes merged, where they do not meet; else the new file goes beside it
    changed          unknown           the new file goes beside it, under a name with the date
    other kind       -                 the same

1. Nothing in the target is followed, deleted or overwritten unseen: a file takes another's place by exchanging the
   two, and whoever saved meanwhile gets theirs back, then the look begins again.
2. A name is looked up in an open directory, links refused, as everywhere in the copier.
3. What was done twice is done once: a new file that lies beside already is not put there again.
4. A rehearsal takes every decision and writes nothing.
"""

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from studiolo.core.copying.looking import (
    DIRECTORY,
    PIECE,
    READ,
    entries,
    has_content,
    link_text,
    look,
    open_directory,
    open_file,
    read_whole,
)
from studiolo.core.copying.merging import merge_contents
from studiolo.core.copying.names import Names
from studiolo.core.copying.placing import Placer
from studiolo.core.copying.revision_report import Revision
from studiolo.core.copying.rules import CARRIED_MODE, FATAL, Fsync

MAX_DEPTH = 1000  # three directories are held open for each
_ATTEMPTS = 5  # for a file that is saved while we look at it
_MOST_BESIDE = 50


@dataclass(frozen=True, slots=True)
class _Place:
    """Open directories; no target: it would only be made. `trail` are the names from the target's root to here."""

    source: int
    target: int | None
    base: int | None
    trail: tuple[str, ...]

    def path_of(self, name: str) -> str:
        return "/".join((*self.trail, name))


class Reviser:
    """Carries out one revision, or rehearses it; `stamp` is the date that names carry."""

    def __init__(
        self,
        names: Names,
        pulse: Callable[[], None],
        *,
        stamp: str,
        is_rehearsal: bool,
        fsync: Fsync = "none",
        max_depth: int = MAX_DEPTH,
        knows_exchange: bool = True,
    ) -> None:
        self.tally = Revision()
        self._max_depth = max_depth
        self._pulse = pulse
        self._stamp = stamp
        self._is_rehearsal = is_rehearsal
        self._placer = Placer(names, self.tally, pulse, fsync, knows_exchange=knows_exchange)

    def revise_directory(self, source: int, target: int | None, base: int | None) -> None:
        """Bring what is in the directory `source` into `target`."""
        self._contents(_Place(source, target, base, ()))

    def revise_entry(self, source: int, name: str, target: int | None, as_name: str, base: int | None) -> None:
        """Bring one file or link to the name `as_name` in `target`; in the base it has its name of old."""
        try:
            found = os.stat(name, dir_fd=source, follow_symlinks=False)
        except FileNotFoundError:
            return
        self._attempt(_Place(source, target, base, ()), name, as_name, found)

    def _contents(self, here: _Place) -> None:
        self._pulse()
        if len(here.trail) >= self._max_depth:
            self.tally.fail(here.path_of("..."), f"more than {self._max_depth} directories deep")
            return
        try:
            listed = sorted(entries(here.source))
        except OSError as error:
            if error.errno in FATAL:
                raise
            self.tally.fail("/".join(here.trail) or ".", error.strerror or "cannot be read")
            return
        for name, found in listed:
            self._attempt(here, name, name, found)

    def _attempt(self, here: _Place, name: str, as_name: str, found: os.stat_result) -> None:
        try:
            if stat.S_ISDIR(found.st_mode):
                self._directory(here, name, found)
                return
            if stat.S_ISREG(found.st_mode):
                self._file(here, name, as_name)
            elif stat.S_ISLNK(found.st_mode):
                self._link(here, name, as_name)
        except OSError as error:
            if error.errno in FATAL:
                error.filename = here.path_of(as_name)
                raise
            self.tally.fail(here.path_of(as_name), error.strerror or str(error))
        self.tally.files_done += 1
        self.tally.bytes_done += found.st_size

    def _directory(self, here: _Place, name: str, found: os.stat_result) -> None:
        source = os.open(name, DIRECTORY, dir_fd=here.source)
        base = open_directory(here.base, name)
        target = None
        try:
            as_name = self._directory_name(here, name)
            if as_name != name and base is not None:
                os.close(base)
                base = None
            target = self._enter(here, as_name, found)
            self._contents(_Place(source, target, base, (*here.trail, as_name)))
        finally:
            for fd in (source, target, base):
                if fd is not None:
                    os.close(fd)

    def _directory_name(self, here: _Place, name: str) -> str:
        """Return the name, or one with the date if something that is no directory has it."""
        for candidate in (name, *self._dated(here, name)):
            existing = look(here.target, candidate)
            if existing is None or stat.S_ISDIR(existing.st_mode):
                if candidate != name:
                    self.tally.conflicts.append((here.path_of(name), here.path_of(candidate)))
                return candidate
        raise FileExistsError("too many directories of this name and date lie beside it")

    def _enter(self, here: _Place, name: str, found: os.stat_result) -> int | None:
        """Open the target's directory, made if it is not there; nothing in a rehearsal of making it."""
        if here.target is None:
            return None
        if look(here.target, name) is None:
            if self._is_rehearsal:
                return None
            os.mkdir(name, 0o700, dir_fd=here.target)
            fd = os.open(name, DIRECTORY, dir_fd=here.target)
            os.fchmod(fd, found.st_mode & CARRIED_MODE | 0o700)
            return fd
        return os.open(name, DIRECTORY, dir_fd=here.target)

    def _file(self, here: _Place, name: str, as_name: str) -> None:
        try:
            source = os.open(name, READ, dir_fd=here.source)
        except FileNotFoundError:
            return  # gone since it was listed
        try:
            if not stat.S_ISREG(os.fstat(source).st_mode):
                return
            base = open_file(here.base, name)
            try:
                for _ in range(_ATTEMPTS):
                    if self._decide(here, as_name, source, base):
                        return
                self._beside(here, as_name, lambda to: self._placer.stage_file(source, to), source)
            finally:
                if base is not None:
                    os.close(base)
        finally:
            os.close(source)

    def _decide(self, here: _Place, name: str, source: int, base: int | None) -> bool:
        """Do what the table says; False if somebody saved the file meanwhile."""
        existing = look(here.target, name)
        if existing is None or here.target is None:
            return self._add(here, name, lambda to: self._placer.stage_file(source, to))
        mine = open_file(here.target, name) if stat.S_ISREG(existing.st_mode) else None
        if mine is None:
            self._beside(here, name, lambda to: self._placer.stage_file(source, to), source)
            return True
        try:
            return self._decide_between(here, name, source, base, mine)
        finally:
            os.close(mine)

    def _decide_between(self, here: _Place, name: str, source: int, base: int | None, mine: int) -> bool:
        path = here.path_of(name)
        if self._is_same(source, mine):
            self.tally.unchanged += 1
        elif base is not None and self._is_same(mine, base):
            return self._replace(
                here,
                name,
                lambda to: self._placer.stage_file(source, to),
                lambda target, old: self._lies_there(target, old, base, ""),
                self.tally.updated,
            )
        elif base is not None and self._is_same(source, base):
            self.tally.kept_paths.append(path)
        else:
            return self._bring_together(here, name, source, base, mine)
        return True

    def _bring_together(self, here: _Place, name: str, source: int, base: int | None, mine: int) -> bool:
        old, written, new = (None if fd is None else read_whole(fd) for fd in (base, mine, source))
        merged = None
        if old is not None and written is not None and new is not None:
            merged = merge_contents(name, old, written, new, self._pulse)
        if merged is None:
            self._beside(here, name, lambda to: self._placer.stage_file(source, to), source)
            return True
        if merged == written:
            self.tally.kept_paths.append(here.path_of(name))
            return True
        mode = os.fstat(mine).st_mode
        return self._replace(
            here,
            name,
            lambda to: self._placer.stage_content(merged, mode, to),
            lambda target, now: has_content(target, now, written),
            self.tally.merged,
        )

    def _add(self, here: _Place, name: str, stage: Callable[[int], str]) -> bool:
        if not self._put_new(here, name, stage):
            return False
        self.tally.added.append(here.path_of(name))
        return True

    def _put_new(self, here: _Place, name: str, stage: Callable[[int], str]) -> bool:
        if self._is_rehearsal or here.target is None:
            return True
        return self._placer.put_new(stage(here.target), here.target, name)

    def _replace(
        self,
        here: _Place,
        name: str,
        stage: Callable[[int], str],
        is_as_seen: Callable[[int, str], bool],
        told: list[str],
    ) -> bool:
        if not self._is_rehearsal and here.target is not None:
            staged = stage(here.target)
            if not self._placer.put_over(staged, here.target, name, is_as_seen, self._dated(here, name)):
                return False
        told.append(here.path_of(name))
        return True

    def _beside(self, here: _Place, name: str, stage: Callable[[int], str], source: int | None, text: str = "") -> None:
        """Put the new file or link under a name with the date, unless it is there already."""
        for candidate in self._dated(here, name):
            existing = look(here.target, candidate)
            is_there = existing is not None and here.target is not None
            if is_there and not self._lies_there(here.target, candidate, source, text):
                continue
            if not is_there and not self._put_new(here, candidate, stage):
                continue
            self.tally.conflicts.append((here.path_of(name), here.path_of(candidate)))
            return
        raise FileExistsError("too many files of this name and date lie beside it")

    def _lies_there(self, target: int | None, name: str, source: int | None, text: str) -> bool:
        if source is None:
            return link_text(target, name) == text
        there = open_file(target, name)
        if there is None:
            return False
        try:
            return self._is_same(source, there)
        finally:
            os.close(there)

    def _link(self, here: _Place, name: str, as_name: str) -> None:
        text = os.readlink(name, dir_fd=here.source)
        for _ in range(_ATTEMPTS):
            if self._decide_link(here, name, as_name, text):
                return
        raise OSError("it is changed again and again")

    def _decide_link(self, here: _Place, name: str, as_name: str, text: str) -> bool:
        def stage(target: int) -> str:
            return self._placer.stage_link(text, target)

        existing = look(here.target, as_name)
        if existing is None or here.target is None:
            return self._add(here, as_name, stage)
        mine, base = link_text(here.target, as_name), link_text(here.base, name)
        if mine == text:
            self.tally.unchanged += 1
        elif mine is not None and base == text:
            self.tally.kept_paths.append(here.path_of(as_name))
        elif mine is not None and mine == base:
            return self._replace(
                here, as_name, stage, lambda target, old: link_text(target, old) == mine, self.tally.updated
            )
        else:
            self._beside(here, as_name, stage, None, text)
        return True

    def _dated(self, here: _Place, name: str) -> Iterable[str]:
        """Return names beside a name, none of which the new edition has itself."""
        stem, dot, suffix = name.rpartition(".")
        if not stem:
            stem, dot, suffix = name, "", ""
        for number in range(1, _MOST_BESIDE + 1):
            mark = f".{self._stamp}{'' if number == 1 else f'-{number}'}{dot}{suffix}"
            room = 255 - len(os.fsencode(mark))
            dated = os.fsdecode(os.fsencode(stem)[: max(room, 1)]) + mark
            if look(here.source, dated) is None:
                yield dated

    def _is_same(self, one: int, other: int) -> bool:
        if os.fstat(one).st_size != os.fstat(other).st_size:
            return False
        at = 0
        while True:
            piece = os.pread(one, PIECE, at)
            if piece != os.pread(other, PIECE, at):
                return False
            if not piece:
                return True
            at += len(piece)
            self._pulse()
