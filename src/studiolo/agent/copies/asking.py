"""The target's view of the source: ask for a directory or for contents, and prove that what comes is an answer.

What comes was written by somebody else's project. It can fill the target's own disk up to the target's own limits, as
any copy can; it can name nothing but single names, and say nothing out of turn.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from studiolo.agent.copies.contents import AT, BLOCK_BYTES, Checksum
from studiolo.agent.copies.entries import Entry, Facts, Trail, unpacked_entry, unpacked_facts
from studiolo.agent.copies.placing import Arriving, Damaged, PartIsLost
from studiolo.agent.copies.stream import DATA, Stream, StreamBroken, parsed

MAX_ENTRIES_OF_DIRECTORY = 200_000
MAX_ENTRIES = 10_000_000  # of one copy
_MAX_TIMES_ANEW = 3


class SourceRefused(Exception):
    """The source could not read something; the message is for people."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A directory of the source."""

    facts: Facts
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before a content: what the file is, and from where on its content follows."""

    facts: Facts
    offset: int


class Source:
    """Asks one source, one question after the other."""

    def __init__(self, stream: Stream, never: tuple[int, int] | None = None) -> None:
        self._stream = stream
        self._entries = 0
        self._never = never  # in one and the same home: the target, so that a copy into itself ends

    def list(self, trail: Trail) -> Listing | None:
        """Return what is in a directory; None if it is gone. Raises SourceRefused."""
        self._stream.tell({"list": trail} if self._never is None else {"list": trail, "never": self._never})
        self._stream.flush()
        head = self._stream.hear()
        if "gone" in head:
            return None
        _raise_refused(head)
        facts = unpacked_facts(head.get("directory"))
        entries: list[Entry] = []
        for entry in self._told():
            entries.append(entry)
            if len(entries) > MAX_ENTRIES_OF_DIRECTORY:
                raise StreamBroken(f"a directory has more than {MAX_ENTRIES_OF_DIRECTORY} entries")
        self._entries += len(entries)
        if self._entries > MAX_ENTRIES:
            raise StreamBroken(f"there are more than {MAX_ENTRIES} entries")
        if len({entry.name for entry in entries}) < len(entries):
            raise StreamBroken("a directory has a name twice")
        return Listing(facts, sorted(entries, key=lambda entry: entry.name))

    def ask(self, trail: Trail, files: "list[tuple[str, int, str]]") -> None:
        """Ask for contents: names, and how much of each is here already with which checksum; `head` says what comes."""
        self._stream.tell({"read": trail, "files": files})
        self._stream.flush()

    def head(self) -> Head | None:
        """Return what the next content is; None if the file is gone or no file any more. Raises SourceRefused."""
        head = self._stream.hear()
        if "gone" in head:
            return None
        _raise_refused(head)
        offset = head.get("offset")
        if not isinstance(offset, int) or isinstance(offset, bool):
            raise StreamBroken("what came is no offset")
        return Head(unpacked_facts(head.get("file")), offset)

    def receive(self, head: Head, into: Arriving) -> Facts:
        """Write the content that follows; return what the file was when it was read.

        Raises PartIsLost if the source could read no further, Damaged if what came is not what was sent.
        """
        if head.offset not in (0, into.held):
            raise StreamBroken("the offset was not asked for")
        facts = self._begin(head.facts, into, head.offset)
        position, times = head.offset, 0
        while True:
            kind, payload = self._record()
            if kind == DATA:
                position = _write_block(into, payload, position, facts.size)
                continue
            message = parsed(payload)
            if "again" in message and times < _MAX_TIMES_ANEW:
                facts, times, position = self._begin(unpacked_facts(message["again"]), into, 0), times + 1, 0
                continue
            _raise_failed(message)
            return _ended(message, facts, into)

    def pass_over(self) -> None:
        """Take in a content that cannot be written."""
        while True:
            kind, payload = self._record()
            if kind != DATA and "again" not in parsed(payload):
                return

    def _begin(self, facts: Facts, into: Arriving, offset: int) -> Facts:
        os.ftruncate(into.opened, offset)
        if offset == 0:
            into.sums = Checksum()
        return facts

    def _told(self) -> Iterator[Entry]:
        while "entries" in (message := self._stream.hear()):
            told = message["entries"]
            if not isinstance(told, list) or not told:
                raise StreamBroken("what came are no entries")
            yield from map(unpacked_entry, cast("list[Any]", told))
        _raise_refused(message)
        if message.get("end") is not True:
            raise StreamBroken("the end of a directory was due")

    def _record(self) -> tuple[bytes, bytes]:
        record = self._stream.read()
        if record is None:
            raise StreamBroken("the other side has left")
        return record


def _write_block(into: Arriving, payload: bytes, position: int, size: int) -> int:
    """Write one block and return where the next one may begin."""
    block = memoryview(payload)[AT.size :]
    at = AT.unpack(payload[: AT.size])[0] if len(payload) > AT.size else -1
    if at < position or at % BLOCK_BYTES or len(block) > BLOCK_BYTES or at + len(block) > size:
        raise StreamBroken("a block does not belong here")
    written = 0
    while written < len(block):
        written += os.pwrite(into.opened, block[written:], at + written)
    into.sums.add(at, block)
    return at + BLOCK_BYTES


def _ended(message: dict[str, Any], facts: Facts, into: Arriving) -> Facts:
    size = message.get("size")
    held = os.fstat(into.opened).st_size
    if not isinstance(size, int) or isinstance(size, bool) or not held <= size <= facts.size:
        raise StreamBroken("what came is no end of a content")
    if into.sums.of(size) != message.get("end"):
        raise Damaged
    os.ftruncate(into.opened, size)
    return replace(facts, size=size)


def _raise_refused(message: dict[str, Any]) -> None:
    if "failed" in message:
        raise SourceRefused(str(message["failed"])[:200])


def _raise_failed(message: dict[str, Any]) -> None:
    if "failed" in message:
        raise PartIsLost(str(message["failed"])[:200])
