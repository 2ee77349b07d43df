"""What a job says, kept on disk in a ring of bounded size, and told to whoever follows it from any place on.

An event has a number, counted from 1 without gaps, a kind and data. Events are lines of JSON in segments; when there
are too many segments the oldest goes, and whoever asks for what was in it is told how much is lost. What the disk does
not take is lost the same way.
"""

import asyncio
import codecs
import contextlib
import json
import os
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from studiolo.agent.files import in_thread

SEGMENT_BYTES = 1024 * 1024
SEGMENTS = 8
READ_BYTES = 256 * 1024
MAX_LINE_BYTES = 1024 * 1024
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

Event = dict[str, Any]


@dataclass(slots=True)
class _Segment:
    number: int
    first_id: int
    size_bytes: int = 0


class Log:
    """The log of one job in an open directory of its own."""

    def __init__(self, directory: int, segment_bytes: int = SEGMENT_BYTES, segments: int = SEGMENTS) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._most_segments = segments
        self._segments: deque[_Segment] = deque()
        self._written = 0  # segments ever begun
        self._opened = -1
        self._news = asyncio.Event()
        self._readers = 0
        self._is_removed = False
        self.last_id = 0
        self.is_over = False

    @property
    def first_id(self) -> int:
        """Return the number of the first event that is kept; one after the last if none is."""
        return self._segments[0].first_id if self._segments else self.last_id + 1

    def add(self, kind: str, data: dict[str, Any]) -> None:
        """Add an event."""
        self.last_id += 1
        event = {"id": self.last_id, "event": kind, "data": data}
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        with contextlib.suppress(OSError):  # a full disk: followers see from the number that something is missing
            segment = self._segment()
            _write_whole(self._opened, line, segment.size_bytes)
            segment.size_bytes += len(line)
        self._tell()

    def end(self) -> None:
        """Say that no more events come."""
        self.is_over = True
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1
        self._tell()

    def remove(self) -> None:
        """Delete all that is kept; who follows still is told that it is lost."""
        self.end()
        while self._segments:
            self._drop_oldest()
        self._is_removed = True
        self._close_if_unused()

    async def events(self, after: int, *, is_followed: bool = True) -> AsyncGenerator[Event]:
        """Iterate over the events after a number; with `is_followed` wait for those to come, up to the end."""
        self._readers += 1
        try:
            async for event in self._events(after, is_followed):
                yield event
        finally:
            self._readers -= 1
            self._close_if_unused()

    async def _events(self, after: int, is_followed: bool) -> AsyncGenerator[Event]:
        seen = after
        place: tuple[int, int] = (-1, 0)
        while True:
            news = self._news
            is_over = self.is_over
            lines, place = await self._read(place)
            for line in lines:
                event: Event = json.loads(line)
                if event["id"] <= seen:
                    continue
                if event["id"] > seen + 1:
                    yield lost(seen + 1, event["id"] - 1)
                seen = event["id"]
                yield event
            if lines:
                continue
            if is_over or not is_followed:
                if seen < self.last_id:
                    yield lost(seen + 1, self.last_id)
                return
            await news.wait()

    def _close_if_unused(self) -> None:
        if self._is_removed and not self._readers and self._directory >= 0:
            os.close(self._directory)
            self._directory = -1

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _segment(self) -> _Segment:
        """Return the segment that takes the next line."""
        if self._opened >= 0 and self._segments and self._segments[-1].size_bytes < self._segment_bytes:
            return self._segments[-1]
        opened = os.open(f"{self._written}.jsonl", _WRITE, 0o600, dir_fd=self._directory)
        if self._opened >= 0:
            os.close(self._opened)
        self._opened = opened
        self._segments.append(_Segment(self._written, self.last_id))
        self._written += 1
        while len(self._segments) > self._most_segments:
            self._drop_oldest()
        return self._segments[-1]

    def _drop_oldest(self) -> None:
        oldest = self._segments.popleft()
        with contextlib.suppress(OSError):
            os.unlink(f"{oldest.number}.jsonl", dir_fd=self._directory)

    async def _read(self, place: tuple[int, int]) -> tuple[list[bytes], tuple[int, int]]:
        """Return whole lines from a place on, and the place after them; no lines at the end of what there is."""
        number, offset = place
        for segment in tuple(self._segments):
            if segment.number < number:
                continue
            if segment.number > number:
                number, offset = segment.number, 0
            if offset < segment.size_bytes:
                lines = await in_thread(self._lines, segment.number, offset, segment.size_bytes)
                if lines:
                    return lines, (number, offset + sum(map(len, lines)))
        return [], (number, offset)

    def _lines(self, number: int, offset: int, end: int) -> list[bytes]:
        try:
            opened = os.open(f"{number}.jsonl", _READ, dir_fd=self._directory)
        except OSError:  # it was dropped meanwhile
            return []
        try:
            wanted = min(READ_BYTES, end - offset)
            data = os.pread(opened, wanted, offset)
            if b"\n" not in data:  # one long line
                data = os.pread(opened, min(MAX_LINE_BYTES, end - offset), offset)
        finally:
            os.close(opened)
        return data[: data.rfind(b"\n") + 1].splitlines(keepends=True)


class Speaker:
    """Takes one stream of a process and adds what it says to the log."""

    def __init__(self, log: Log, kind: str) -> None:
        self._log = log
        self._kind = kind
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.size_bytes = 0

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Take what was read."""
        self.size_bytes += len(data)
        text = self._decoder.decode(data, is_last)
        if text:
            self._log.add(self._kind, {"text": text})


def lost(first: int, last: int) -> Event:
    """Return the event that stands for events that are no longer there."""
    return {"id": last, "event": "truncated", "data": {"first": first, "last": last}}


def _write_whole(opened: int, line: bytes, at: int) -> None:
    if os.write(opened, line) != len(line):
        os.ftruncate(opened, at)  # half a line would spoil what follows
        raise OSError("the disk is full")
