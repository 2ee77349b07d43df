"""The writing end of a copy: what comes from the source goes to its place, or is brought together with what is there.

A copy writes at once. A revision lets the whole new edition arrive in a directory of its own (`handed_out.py`) and then
does what is done on one host, with the same code (`core/copying/revising.py`). Of what is handed out a second copy is
kept, for the next revision; where that is not possible it is not kept, and every file will count as changed.
"""

import os
import re
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

from studiolo.agent import params
from studiolo.agent.copies.asking import Source, SourceRefused
from studiolo.agent.copies.directories import identity
from studiolo.agent.copies.ends import is_home
from studiolo.agent.copies.handed_out import HandedOut, Places
from studiolo.agent.copies.placing import Damaged, DrawnNames, Placer, TemporaryNames
from studiolo.agent.copies.selection import Selection, SelectionFailed
from studiolo.agent.copies.stream import Stream, StreamBroken
from studiolo.agent.copies.tree import TreeWriter
from studiolo.core.copying.revising import Reviser
from studiolo.core.copying.rules import Rules, Tally
from studiolo.core.errors import InvalidRequest, StudioloError

MAX_DEPTH_REVISED = 100  # three directories are held open for each
_FSYNC = ("none", "files", "full")
_MODES = ("copy", "revise", "rehearse")
_KEY = re.compile(r"[0-9a-f]{32}")
_STAMP = re.compile(r"[0-9a-z-]{1,20}")


@dataclass(frozen=True, slots=True)
class Writing:
    """What is asked of the writing end; `key` names the place, if what is handed out there shall be known later."""

    rules: Rules
    exclude: list[str]
    mode: Literal["copy", "revise", "rehearse"]
    stamp: str
    key: str | None
    base_bytes: int  # more than that is not kept
    source_name: str | None  # of a single file
    is_same_home: bool


def read_writing(given: dict[str, Any]) -> Writing:
    """Return what is asked; raise InvalidRequest."""
    fsync = _one_of(given, "fsync", _FSYNC)
    mode = _one_of(given, "mode", _MODES)
    key, stamp = given.get("key"), params.text(given, "stamp", "new")
    if (key is None and mode != "copy") or (key is not None and not _KEY.fullmatch(params.text(given, "key"))):
        raise InvalidRequest("key names no place", fields={"key": "names no place"})
    if not _STAMP.fullmatch(stamp):
        raise InvalidRequest("stamp is no date", fields={"stamp": "is no date"})
    chosen = {name: params.flag(given, name) for name in ("overwrite_newer", "delete_missing", "backup")}
    return Writing(
        rules=Rules(**chosen, fsync=cast("Any", fsync)),
        exclude=params.texts(given, "exclude"),
        mode=cast("Any", mode),
        stamp=stamp,
        key=key,
        base_bytes=params.count(given, "base_bytes") or 0,
        source_name=given.get("name"),
        is_same_home="around" in given,
    )


class Writer:
    """Carries out one copy or revision at its target; `kept` are paths of parts that wait for a later try."""

    def __init__(
        self,
        asked: Writing,
        home: str,
        directory: int | None,
        name: str | None,
        stream: Stream,
        names: TemporaryNames,
        places: Places,
    ) -> None:
        self._places = places
        self.kept: list[str] = []
        self._asked = asked
        self._home = home
        self._directory = directory
        self._name = name
        self._stream = stream
        self._names = names
        self._told: Callable[[], dict[str, Any]] = dict

    def run(self) -> None:
        """Do it, and tell the hub how it ended."""
        end: dict[str, Any]
        try:
            self._carry_out()
            end = {"done": self._told()}
        except SourceRefused as refusal:
            end = {"stopped": f"the source cannot be read: {refusal}"}
        except SelectionFailed as error:
            end = {"stopped": str(error), "done": self._told()}
        except StudioloError as error:
            end = {"broken" if error.is_retryable else "stopped": error.message, "done": self._told()}
        except OSError as error:
            where = "" if error.filename is None else f": '{error.filename}'"
            end = {"stopped": f"{error.strerror or error}{where}", "done": self._told()}
        except Damaged:
            end = {"broken": "what arrived is not what was sent"}
        except StreamBroken as error:
            end = {"broken": str(error)}
        with suppress(StreamBroken):
            self._stream.note(end, is_due=True)

    def _carry_out(self) -> None:
        if self._asked.mode != "copy":
            self._revise()
            return
        assert self._directory is not None
        tally = Tally()
        self._told = lambda: _told(tally)
        selection = None
        if self._asked.exclude and self._asked.rules.delete_missing:
            selection = Selection(self._directory, self._asked.exclude, self._pulse, self._name)
        keeps_root_mode = is_home(self._directory, self._home)
        self._arrive(self._directory, self._name, self._asked.rules, tally, selection, keeps_root_mode=keeps_root_mode)
        if self._asked.key is not None and self._may_keep(tally):
            with suppress(SourceRefused, StudioloError, OSError):  # then it is not known what was handed out
                self._remember(self._asked.key)

    def _remember(self, key: str) -> None:
        """Let the same arrive once more, for the next revision to know it."""
        with self._places.one_at(key), closing(HandedOut(self._home, key)) as handed_out:
            tally = Tally()
            self._arrive(handed_out.new, self._asked.source_name, Rules(), tally, is_silent=True)
            if not tally.failed:
                handed_out.keep()

    def _revise(self) -> None:
        key = self._asked.key
        assert key is not None
        with self._places.one_at(key), closing(HandedOut(self._home, key)) as handed_out:
            arrived = Tally()
            self._arrive(handed_out.new, self._asked.source_name, Rules(), arrived)
            base = handed_out.base()
            try:
                tally = self._bring_together(handed_out.new, base, arrived)
            finally:
                if base is not None:
                    os.close(base)
            if self._asked.mode == "revise" and not tally.failed and self._may_keep(arrived):
                handed_out.keep()

    def _may_keep(self, arrived: Tally) -> bool:
        """Tell whether what has arrived may be kept: it is whole, small, and not of this home."""
        is_small = arrived.bytes_done <= self._asked.base_bytes  # of this home it might hold itself, again and again
        return is_small and not arrived.failed and not self._asked.is_same_home

    def _bring_together(self, new: int, base: int | None, arrived: Tally) -> Tally:
        is_rehearsal = self._asked.mode == "rehearse"
        with closing(DrawnNames(self._names)) as names:
            reviser = Reviser(
                names,
                self._pulse,
                stamp=self._asked.stamp,
                is_rehearsal=is_rehearsal,
                fsync=self._asked.rules.fsync,
                max_depth=MAX_DEPTH_REVISED,
            )
            tally = reviser.tally
            self._told = tally.report
            tally.failed, tally.failures = arrived.failed, [*arrived.failures]
            if self._name is None or self._asked.source_name is None:
                reviser.revise_directory(new, self._directory, base)
            else:
                reviser.revise_entry(new, self._asked.source_name, self._directory, self._name, base)
            return tally

    def _arrive(
        self,
        directory: int,
        name: str | None,
        rules: Rules,
        tally: Tally,
        selection: Selection | None = None,
        *,
        keeps_root_mode: bool = False,
        is_silent: bool = False,
    ) -> None:
        """Write all that the source holds into an open directory, or its one file under a name there."""
        placer = Placer(rules, self._names, lambda at: self._stream.note({"at": at}))
        source = Source(self._stream, identity(os.fstat(directory)) if self._asked.is_same_home else None)
        writer = TreeWriter(directory, source, self._stream, rules, placer, tally, selection, is_silent=is_silent)
        try:
            if name is None:
                writer.write_directory(keeps_root_mode=keeps_root_mode)
            else:
                writer.write_entry(name)
        finally:
            self.kept += placer.kept

    def _pulse(self) -> None:
        self._stream.note({"at": 0})


def _one_of(given: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = params.text(given, name, known[0])
    if value not in known:
        words = f"must be {', '.join(known[:-1])} or {known[-1]}"
        raise InvalidRequest(f"{name} {words}", fields={name: words})
    return value


def _told(tally: Tally) -> dict[str, Any]:
    return {
        **tally.as_dict(),
        **tally.progress(),
        "resumed_bytes": tally.resumed_bytes,
        "failures": tally.failures,
    }
