"""Records between two agents: one kind and one payload each, in one stream of bytes cut into frames.

A copy is carried out by a thread, since it waits for disks; the frames go through the event loop's channel. A thread
that writes faster than the other side reads waits, so an end never holds more than two frames.
"""

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from studiolo.agent.channel import ChannelClosed

if TYPE_CHECKING:
    from studiolo.agent.channel import Channel
    from studiolo.core.wire import Frame

FRAME_BYTES = 256 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024  # a thousand names, each at the end of the deepest trail
MESSAGE, DATA = b"J", b"D"
_HEADER = struct.Struct(">cI")
_NOTE_EVERY_SECONDS = 0.5


class StreamBroken(Exception):
    """The other side is gone, or sent what is no record or not the one that is due."""


class Stream:
    """Both directions of one copy, for one thread."""

    def __init__(self, channel: "Channel", loop: asyncio.AbstractEventLoop) -> None:
        self._channel = channel
        self._loop = loop
        self._frames: AsyncIterator[Frame] = channel.frames()
        self._unsent = bytearray()
        self._unread = bytearray()
        self._at = 0  # in `_unread`
        self._noted_at = time.monotonic()
        self._sending: Future[None] | None = None

    def write(self, kind: bytes, *parts: bytes) -> None:
        """Write one record; it leaves with the frame it fills, or with `flush`."""
        self._unsent += _HEADER.pack(kind, sum(map(len, parts)))
        for part in parts:
            self._unsent += part
        while len(self._unsent) >= FRAME_BYTES:
            self._send(bytes(self._unsent[:FRAME_BYTES]))
            del self._unsent[:FRAME_BYTES]

    def tell(self, message: dict[str, Any]) -> None:
        """Write a message."""
        self.write(MESSAGE, json.dumps(message, separators=(",", ":")).encode())

    def flush(self) -> None:
        """Send what was written."""
        if self._unsent:
            self._send(bytes(self._unsent))
            self._unsent.clear()

    def read(self) -> tuple[bytes, bytes] | None:
        """Read one record's kind and payload; None when the other side has left. Raises StreamBroken."""
        if not self._fill(_HEADER.size):
            return None
        kind, length = _HEADER.unpack(self._take(_HEADER.size))
        if length > MAX_RECORD_BYTES or kind not in (MESSAGE, DATA):
            raise StreamBroken("what came is no record")
        if not self._fill(length):
            raise StreamBroken("the stream ended inside a record")
        return kind, self._take(length)

    def hear(self) -> dict[str, Any]:
        """Read one record, which must be a message. Raises StreamBroken."""
        record = self.read()
        if record is None:
            raise StreamBroken("the other side has left")
        kind, payload = record
        if kind != MESSAGE:
            raise StreamBroken("a message was due")
        return parsed(payload)

    def note(self, frame: dict[str, Any], *, is_due: bool = False) -> None:
        """Tell the hub something, which the other agent does not see; only now and then, unless it is due."""
        now = time.monotonic()
        if is_due or now - self._noted_at >= _NOTE_EVERY_SECONDS:
            self._noted_at = now
            self._send(frame)
            if is_due:
                self._settle()

    def _fill(self, count: int) -> bool:
        """Wait until so many bytes are there; False if the stream ends before the first of them."""
        while len(self._unread) - self._at < count:
            frame = self._next_frame()
            if frame is None:
                if len(self._unread) > self._at:
                    raise StreamBroken("the stream ended inside a record")
                return count == 0
            if not isinstance(frame, bytes) or len(frame) > FRAME_BYTES:
                raise StreamBroken("what came is no frame of this stream")
            del self._unread[: self._at]
            self._at = 0
            self._unread += frame
        return True

    def _take(self, count: int) -> bytes:
        taken = bytes(memoryview(self._unread)[self._at : self._at + count])
        self._at += count
        return taken

    def _send(self, frame: "Frame") -> None:
        """Begin to send a frame once the one before has left, so that a disk is read while a frame is on its way."""
        self._settle()
        try:
            self._sending = asyncio.run_coroutine_threadsafe(self._channel.send(frame), self._loop)
        except RuntimeError as error:
            raise StreamBroken("the agent ends") from error

    def _settle(self) -> None:
        """Wait until the last frame has left."""
        sending, self._sending = self._sending, None
        if sending is None:
            return
        try:
            sending.result()
        except ChannelClosed as error:
            raise StreamBroken("the other side has left") from error
        except CancelledError as error:
            raise StreamBroken("the agent ends") from error

    def _next_frame(self) -> "Frame | None":
        self._settle()
        try:
            return asyncio.run_coroutine_threadsafe(self._read_frame(), self._loop).result()
        except (RuntimeError, CancelledError) as error:
            raise StreamBroken("the agent ends") from error

    async def _read_frame(self) -> "Frame | None":
        return await anext(self._frames, None)


def parsed(payload: bytes) -> dict[str, Any]:
    """Return the message that a record holds. Raises StreamBroken."""
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise StreamBroken("a message is not JSON") from error
    if not isinstance(message, dict):
        raise StreamBroken("a message must be an object")
    return message  # pyright: ignore[reportUnknownVariableType] - keys of a JSON object are text
