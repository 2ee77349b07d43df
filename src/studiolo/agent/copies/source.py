"""The reading end of a copy: answers what the target asks, about one directory and what is below it.

The channel's result says what the path is. Then, as records (`stream.py`):

`{"list": TRAIL}`, perhaps with `never`, the identity of a directory to leave out, is answered by
`{"directory": FACTS}`, `{"entries": [...]}` as often as needed and `{"end": true}`, or by `{"failed": WHY}`, or by
`{"gone": true}`.

`{"read": TRAIL, "files": [[NAME, OFFSET, CHECKSUM], ...]}` is answered for each file by `{"file": FACTS, "offset": N}`,
its blocks as data from the offset on, and `{"end": CHECKSUM, "size": N}`; `{"again": FACTS}` in between begins anew
when the file was written to meanwhile. Offset and checksum are those of what the target holds already: they are taken
if the file begins so, else the file begins at 0.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from studiolo.agent.copies.contents import AT, BLOCK_BYTES, Blocks, Checksum
from studiolo.agent.copies.directories import identity, open_below
from studiolo.agent.copies.entries import (
    LINK,
    OTHER,
    Entry,
    Facts,
    Trail,
    checked_name,
    kind_of,
    unpacked_trail,
)
from studiolo.agent.copies.selection import Selection
from studiolo.agent.copies.stream import DATA, MESSAGE, Stream, StreamBroken, parsed
from studiolo.core.copying.rules import TEMPORARY_PREFIX
from studiolo.core.copying.settling import is_same_moment

MAX_FILES_ASKED = 1000
_TOLD_CHARACTERS = 32 * 1024
_ATTEMPTS = 3  # for a file that is written to while it is read
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Root:
    """The open directory that may be read; with a name, only that entry of it."""

    directory: int
    name: str | None = None


class Reader:
    """Answers one target until it leaves; what is not in the selection is not there."""

    def __init__(self, root: Root, stream: Stream, selection: Selection | None = None) -> None:
        self._root = root
        self._stream = stream
        self._selection = selection
        self._never: Any = None  # device and inode of a directory that is left out
        self._device = os.fstat(root.directory).st_dev

    def serve(self) -> None:
        """Answer until the target leaves; raise StreamBroken if it breaks the rules."""
        while (request := self._stream.read()) is not None:
            self._answer(_request(request))
            self._stream.flush()

    def refuse(self, why: str) -> None:
        """Answer whatever the target asks by a refusal, until it leaves."""
        while self._stream.read() is not None:
            self._stream.tell({"failed": why})
            self._stream.flush()

    def _answer(self, request: dict[str, Any]) -> None:
        if "list" in request:
            self._never = request.get("never")
            self._list(unpacked_trail(request["list"]))
        elif "read" in request:
            self._read(unpacked_trail(request["read"]), _files(request.get("files")))
        else:
            raise StreamBroken("what was asked is nothing that is answered")

    def _list(self, trail: Trail) -> None:
        if self._root.name is not None and trail:
            raise StreamBroken("only one entry was ordered")
        if self._selection is not None and not self._selection.holds(trail):
            self._stream.tell({"gone": True})
            return
        try:
            directory = open_below(self._root.directory, trail)
        except FileNotFoundError:
            self._stream.tell({"gone": True})
            return
        except OSError as error:
            self._stream.tell({"failed": error.strerror or "cannot be read"})
            return
        try:
            self._tell_entries(directory, trail)
        finally:
            os.close(directory)

    def _tell_entries(self, directory: int, trail: Trail) -> None:
        found = os.fstat(directory)
        self._stream.tell({"directory": Facts.of(found).packed()})
        told: list[list[Any]] = []
        characters = 0
        try:
            if found.st_dev == self._device:  # what is mounted there is somebody else's
                for entry in self._entries(directory, trail):
                    told.append(entry.packed())
                    characters += 50 + len(entry.name) + len(entry.text)
                    if characters > _TOLD_CHARACTERS:
                        self._stream.tell({"entries": told})
                        told, characters = [], 0
        except OSError as error:
            self._stream.tell({"failed": error.strerror or "cannot be read"})
            return
        if told:
            self._stream.tell({"entries": told})
        self._stream.tell({"end": True})

    def _entries(self, directory: int, trail: Trail) -> Iterator[Entry]:
        chosen = None if self._selection is None else self._selection.names(trail)
        if self._root.name is not None:
            with suppress(FileNotFoundError):
                if chosen is None or self._root.name in chosen:
                    found = os.stat(self._root.name, dir_fd=directory, follow_symlinks=False)
                    yield self._entry(directory, self._root.name, found)
            return
        with os.scandir(directory) as listed:
            for one in listed:
                if not one.name.startswith(TEMPORARY_PREFIX) and (chosen is None or one.name in chosen):
                    with suppress(FileNotFoundError):  # gone since it was listed
                        yield self._entry(directory, one.name, one.stat(follow_symlinks=False))

    def _entry(self, directory: int, name: str, found: os.stat_result) -> Entry:
        kind = kind_of(found)
        if self._never == list(identity(found)):
            kind = OTHER
        text = os.readlink(name, dir_fd=directory) if kind == LINK else ""
        same_as = f"{found.st_dev}:{found.st_ino}" if found.st_nlink > 1 and stat.S_ISREG(found.st_mode) else ""
        return Entry(name, kind, Facts.of(found), same_as, text)

    def _read(self, trail: Trail, files: list[tuple[str, int, str]]) -> None:
        try:
            directory = open_below(self._root.directory, trail)
        except OSError as error:
            for _ in files:
                self._stream.tell({"failed": error.strerror or "cannot be read"})
            return
        chosen = None if self._selection is None else self._selection.names(trail)
        try:
            for name, offset, checksum in files:
                if self._root.name not in (None, name):
                    raise StreamBroken("only one entry was ordered")
                if chosen is not None and name not in chosen:
                    raise StreamBroken("what is excluded was asked for")
                self._send_file(directory, name, offset, checksum)
        finally:
            os.close(directory)

    def _send_file(self, directory: int, name: str, offset: int, checksum: str) -> None:
        try:
            opened = os.open(name, _READ, dir_fd=directory)
        except FileNotFoundError:
            self._stream.tell({"gone": True})  # whoever deleted it did not want it copied
            return
        except OSError as error:
            self._stream.tell({"failed": error.strerror or "cannot be read"})
            return
        try:
            if stat.S_ISREG(os.fstat(opened).st_mode):
                self._send_content(opened, offset, checksum)
            else:
                self._stream.tell({"gone": True})
        except OSError as error:
            self._stream.tell({"failed": error.strerror or "cannot be read"})
        finally:
            os.close(opened)

    def _send_content(self, opened: int, offset: int, checksum: str) -> None:
        found = os.fstat(opened)
        sums = self._beginning(opened, offset, found.st_size)
        if offset and sums.of(offset) != checksum:
            sums, offset = Checksum(), 0
        self._stream.tell({"file": Facts.of(found).packed(), "offset": offset})
        for _ in range(_ATTEMPTS):
            size = self._send_blocks(opened, offset, found.st_size, sums)
            now = os.fstat(opened)
            if is_same_moment(now, found):
                break
            found, sums, offset = now, Checksum(), 0
            self._stream.tell({"again": Facts.of(found).packed()})
        else:
            size = self._send_blocks(opened, 0, found.st_size, sums)  # it never rests: what it is now must do
        self._stream.tell({"end": sums.of(size), "size": size})

    def _beginning(self, opened: int, until: int, size: int) -> Checksum:
        sums = Checksum()
        if until <= size:
            for at, block in Blocks(opened, 0, until, self._pulse):
                sums.add(at, block)
        return sums

    def _send_blocks(self, opened: int, offset: int, size: int, sums: Checksum) -> int:
        blocks = Blocks(opened, offset, size, self._pulse)
        for at, block in blocks:
            sums.add(at, block)
            self._stream.write(DATA, AT.pack(at), block)
        return blocks.reached

    def _pulse(self, at: int) -> None:
        self._stream.note({"at": at})


def _request(record: tuple[bytes, bytes]) -> dict[str, Any]:
    kind, payload = record
    if kind != MESSAGE:
        raise StreamBroken("a request was due")
    return parsed(payload)


def _files(value: Any) -> list[tuple[str, int, str]]:
    if not isinstance(value, list) or not 0 < len(cast("list[Any]", value)) <= MAX_FILES_ASKED:
        raise StreamBroken("what came is no list of files")
    return [_file(one) for one in cast("list[Any]", value)]


def _file(value: Any) -> tuple[str, int, str]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) != 3:
        raise StreamBroken("what came is no file")
    name, offset, checksum = cast("list[Any]", value)
    is_offset = isinstance(offset, int) and not isinstance(offset, bool) and offset >= 0 and offset % BLOCK_BYTES == 0
    if not is_offset or not isinstance(checksum, str):
        raise StreamBroken("what came is no offset and checksum")
    return checked_name(name), offset, checksum
