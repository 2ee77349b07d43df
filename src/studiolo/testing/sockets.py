"""A WebSocket client for an application in the same event loop, so that a moved clock moves both sides."""

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message

TIMEOUT_SECONDS = 5.0


class SocketClosed(Exception):
    """The application closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class AsgiSocket:
    """One WebSocket, from the browser's side; use it as `async with`."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        *,
        host: str = "hub.test",
        origin: str | None = "https://hub.test",
        address: str = "192.0.2.9",
    ) -> None:
        headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "scheme": "wss",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "client": (address, 1),
            "server": (host, 443),
            "subprotocols": [],
        }
        self._app = app
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "AsgiSocket":
        """Connect."""
        self._in.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(self._run())
        message = await self._next()
        assert message["type"] == "websocket.accept", message
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Go away, and wait until the application noticed."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        assert self._task is not None
        await asyncio.wait_for(self._task, TIMEOUT_SECONDS)

    async def send(self, message: dict[str, Any] | bytes | str) -> None:
        """Send one message."""
        if isinstance(message, bytes):
            self._in.put_nowait({"type": "websocket.receive", "bytes": message})
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> Any:
        """Return the next message: an object, or bytes. Raise SocketClosed."""
        message = await self._next()
        if message["type"] == "websocket.close":
            raise SocketClosed(message.get("code", 1000), message.get("reason") or "")
        return json.loads(message["text"]) if message.get("text") is not None else message["bytes"]

    async def ask(self, message: dict[str, Any] | bytes | str) -> Any:
        """Send one message and return the next that comes."""
        await self.send(message)
        return await self.receive()

    async def _next(self) -> Message:
        return await asyncio.wait_for(self._out.get(), TIMEOUT_SECONDS)

    async def _run(self) -> None:
        async def send(message: Message) -> None:
            self._out.put_nowait(message)

        await self._app(self._scope, self._in.get, send)
