"""HTTP as uvicorn speaks it, with the limits that it leaves to a proxy.

Anybody can connect, so before anybody is known:

1. Headers, trailers and the framing of a body may take `MAX_HEAD_BYTES` together (uvicorn with httptools takes any
   number of them into memory).
2. Whoever has begun a request, or opened a connection to make one, must send `LEAST_BYTES` in each
   `LOOK_EVERY_SECONDS` until the request is whole (uvicorn waits for ever, and open files are few).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
LOOK_EVERY_SECONDS = 30.0
LEAST_BYTES = 1024
_FRAMING = 16  # bytes around one byte of body, in chunks as small as can be


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    look_every_seconds = LOOK_EVERY_SECONDS
    _message_bytes = 0  # of the request that is coming in
    _body_bytes = 0
    _recent_bytes = 0
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._begin_watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._end_watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, unless too many of them are no body."""
        self._recent_bytes += len(data)
        self._message_bytes += len(data)
        super().data_received(data)
        is_coming = self._watch is not None and not self.transport.is_closing()
        if is_coming and self._message_bytes - self._body_bytes > MAX_HEAD_BYTES + _FRAMING * self._body_bytes:
            self.send_400_response("The headers are too large.")

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the protocol of sockets."""
        self._end_watch()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Note the start of a request."""
        self._message_bytes = self._body_bytes = 0
        self._begin_watch()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Count a piece of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole: now it is on us."""
        self._end_watch()
        super().on_message_complete()

    def _begin_watch(self) -> None:
        if self._watch is None:
            self._recent_bytes = 0
            self._watch = self.loop.call_later(self.look_every_seconds, self._look)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self) -> None:
        self._watch = None
        flow: Any = self.flow
        if self._recent_bytes < LEAST_BYTES and not flow.read_paused:
            self.transport.abort()
        else:
            self._begin_watch()
