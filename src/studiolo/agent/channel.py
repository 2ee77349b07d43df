"""An open stream of frames with one client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from studiolo.core import wire
from studiolo.core.wire import Frame

MAX_FRAME_BYTES = 32 * 1024 * 1024
MAX_UNREAD_BYTES = 32 * 1024 * 1024


class ChannelClosed(Exception):
    """The client is gone; nobody reads what is sent."""


class Channel:
    """Both directions of one channel.

    A room sends to many clients with `post`, which never waits: a client that does not keep up is dropped and comes
    back with a fresh copy, instead of slowing the others. `send` waits until the client keeps up, for large answers
    to one client.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_activity: Callable[[], None],
        on_accept: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_activity = on_activity
        self._on_accept = on_accept
        self.is_accepted = False

    @property
    def is_closed(self) -> bool:
        """Tell whether the client is gone."""
        return self._writer.is_closing()

    async def accept(self, result: dict[str, Any]) -> None:
        """Answer the opening call; raise nothing of `core.errors` after this."""
        self.is_accepted = True
        self._on_accept()
        await self.send({"result": result})

    async def send(self, frame: Frame) -> None:
        """Send one frame and wait until the client keeps up; raise ChannelClosed if it is gone."""
        if self.is_closed:
            raise ChannelClosed
        try:
            await wire.write(self._writer, frame)
        except OSError as error:
            raise ChannelClosed from error

    def post(self, frame: Frame) -> None:
        """Send one frame without waiting; do nothing if the client is gone, drop it if it reads too slowly."""
        if self.is_closed:
            return
        if self._writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._writer.transport.abort()
            return
        self._writer.write(wire.encode(frame))

    async def frames(self) -> AsyncIterator[Frame]:
        """Iterate over the client's frames until it leaves, or sends something that is not a frame."""
        while True:
            try:
                frame = await wire.read(self._reader, MAX_FRAME_BYTES)
            except (OSError, wire.WireError):
                return
            if frame is None:
                return
            self._on_activity()
            yield frame

    def close(self) -> None:
        """Close the stream after what was sent; `frames` of both sides end."""
        self._writer.close()
