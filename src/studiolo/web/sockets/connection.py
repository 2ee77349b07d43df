"""One browser's socket: greeting, dispatch, and the watch over what it may still do.

1. The handshake's `Origin` must be ours. The socket takes no cookie: the first message brings a bearer.
2. Up to 32 documents share the socket, each under a channel number that the browser chose.
3. Every 30 seconds the bearer is resolved again, which finds a sign-in that was ended, an account that was banned and
   a bearer nobody renewed; and each open document's access is asked for again. Joining asks anyway. What ends a
   sign-in on this hub has it done at once.
4. An error about a message leaves the socket open; an error about who this is closes it with 4401.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from studiolo.core.clock import Clock
from studiolo.core.errors import Forbidden, RoleChanged, StudioloError, Unauthenticated
from studiolo.core.models import Principal
from studiolo.domain.access import Access
from studiolo.domain.documents import Documents
from studiolo.domain.places import Places
from studiolo.domain.sign_ins import SignIns
from studiolo.web.sockets import messages
from studiolo.web.sockets.channel import DocumentChannel

HELLO_TIMEOUT_SECONDS = 10.0
WATCH_EVERY_SECONDS = 30.0
TOO_BIG = 1009

_log = structlog.get_logger("studiolo.socket")


class SocketTooBig(Exception):
    """The browser sent a message over the limit."""


class FrameConnection:
    """A socket from its acceptance to its end."""

    def __init__(
        self,
        websocket: WebSocket,
        sign_ins: SignIns,
        access: Access,
        documents: Documents,
        clock: Clock,
        places: Places,
    ) -> None:
        self._places = places
        self._websocket = websocket
        self._sign_ins = sign_ins
        self._access = access
        self._documents = documents
        self._clock = clock
        self._bearer = ""
        self._principal = Principal()
        self._channels: dict[int, DocumentChannel] = {}
        self._handlers: dict[type[Any], Callable[[Any], Awaitable[None]]] = {
            messages.Hello: self._hello_again,
            messages.Renew: self._renew,
            messages.Join: self._join,
            messages.Leave: self._leave,
            messages.Ping: self._ping,
            messages.Run: self._command,
            messages.Plain: self._command,
            messages.InputReply: self._command,
        }

    async def greet(self) -> None:
        """Wait for the browser to say who it is; raise Unauthenticated."""
        first = await self._first()
        try:
            hello = messages.read_client_message(first) if isinstance(first, str) else None
        except ValueError:
            hello = None
        if not isinstance(hello, messages.Hello):
            raise Unauthenticated("The first message must say hello, with a bearer.")
        self._principal = await self._sign_ins.resolve_bearer(hello.bearer)
        self._bearer = hello.bearer

    async def run(self) -> None:
        """Serve who has said hello until the browser leaves; raise the error that ends the socket from our side."""
        with self._places.hold(account=self._principal.account_id, sign_in=self._principal.sign_in_id):
            await self._send({"type": "welcome", "account_id": self._principal.account_id})
            await self._serve()

    async def _serve(self) -> None:
        reading = asyncio.create_task(self._read())
        watching = asyncio.create_task(self._watch())
        try:
            done, _ = await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            reading.cancel()
            watching.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)
            await asyncio.gather(*[channel.stop() for channel in list(self._channels.values())])

    async def _first(self) -> str | bytes | None:
        """Return the first message, or None if the browser says nothing for too long."""
        receiving = asyncio.create_task(self._receive())
        waiting = asyncio.create_task(self._clock.sleep(HELLO_TIMEOUT_SECONDS))
        try:
            await asyncio.wait({receiving, waiting}, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else None
        finally:
            receiving.cancel()
            waiting.cancel()
            await asyncio.gather(receiving, waiting, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if isinstance(message, bytes):
                await self._update(message)
                continue
            try:
                parsed = messages.read_client_message(message)
            except ValueError as error:
                await self._refuse("invalid_request", str(error))
                continue
            await self._handlers[type(parsed)](parsed)

    async def _receive(self) -> str | bytes:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text, data = event.get("text"), event.get("bytes")
        if text is not None:
            if len(text) > messages.MAX_TEXT_BYTES:
                raise SocketTooBig
            return text
        if data is None or len(data) > messages.MAX_UPDATE_BYTES:
            raise SocketTooBig
        return data

    async def _update(self, message: bytes) -> None:
        channel = self._channels.get(message[0]) if message else None
        if channel is not None and channel.is_joined:
            await channel.take_update(message[1:])

    async def _command(self, command: messages.Run | messages.Plain | messages.InputReply) -> None:
        channel = self._channels.get(command.channel)
        if channel is None or not channel.is_joined:
            await self._refuse("invalid_request", f"No document is open on channel {command.channel}.")
        else:
            await channel.take_command(command.frame())

    async def _hello_again(self, _message: messages.Hello) -> None:
        await self._refuse("invalid_request", "Hello has been said; use renew for a new bearer.")

    async def _renew(self, message: messages.Renew) -> None:
        principal = await self._sign_ins.resolve_bearer(message.bearer)
        self._require_same(principal)
        self._principal, self._bearer = principal, message.bearer
        await self._send({"type": "renewed"})

    async def _join(self, message: messages.Join) -> None:
        if message.channel in self._channels:
            await self._refuse("conflict", f"Channel {message.channel} is in use.")
        elif len(self._channels) >= messages.MAX_CHANNELS:
            await self._refuse("conflict", f"At most {messages.MAX_CHANNELS} documents fit on one socket.")
        else:
            principal = await self._sign_ins.resolve_bearer(self._bearer)
            channel = DocumentChannel(message, self._documents, self._send, self._send_bytes)
            self._channels[message.channel] = channel
            channel.start(principal, self._forget)

    async def _leave(self, message: messages.Leave) -> None:
        channel = self._channels.pop(message.channel, None)
        if channel is not None:
            await channel.stop()

    async def _ping(self, message: messages.Ping) -> None:
        await self._send({"type": "pong", "t": message.t})

    def _forget(self, channel: DocumentChannel) -> None:
        if self._channels.get(channel.number) is channel:
            del self._channels[channel.number]

    async def _watch(self) -> None:
        is_due = asyncio.Event()
        with self._sign_ins.watch(self._principal, is_due.set):
            while True:
                await self._pause(is_due)
                await self._look()

    async def _look(self) -> None:
        principal = await self._sign_ins.resolve_bearer(self._bearer)
        self._require_same(principal)
        self._principal = principal
        for channel in list(self._channels.values()):
            if channel.is_joined:
                await self._check(principal, channel)

    async def _pause(self, is_due: asyncio.Event) -> None:
        """Wait for the next look, or until somebody says that a sign-in of this account may have ended."""
        sleeping = asyncio.create_task(self._clock.sleep(WATCH_EVERY_SECONDS))
        sleeping.add_done_callback(lambda slept: None if slept.cancelled() else is_due.set())
        try:
            await is_due.wait()
        finally:
            sleeping.cancel()
            is_due.clear()

    async def _check(self, principal: Principal, channel: DocumentChannel) -> None:
        """End a channel whose project may no longer be read, or whose right to write has changed."""
        try:
            can_write = await self._may_write(principal, channel)
        except StudioloError as error:
            await channel.fail(error.code, error.message)
            return
        if can_write != channel.can_write:
            await channel.fail(RoleChanged.code, "Your role in this project has changed.")

    async def _may_write(self, principal: Principal, channel: DocumentChannel) -> bool:
        try:
            await self._access.project(principal, channel.project_id, write=True, path=channel.path)
        except Forbidden:
            await self._access.project(principal, channel.project_id, write=False, path=channel.path)
            return False
        return True

    def _require_same(self, principal: Principal) -> None:
        known = self._principal
        if (principal.account_id, principal.sign_in_id) != (known.account_id, known.sign_in_id):
            raise Unauthenticated("This bearer belongs to another sign-in.")

    async def _refuse(self, code: str, message: str) -> None:
        await self._send({"type": "error", "code": code, "message": message})

    async def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        await self._send_event({"type": "websocket.send", "text": text.encode("utf-8", "replace").decode()})

    async def _send_bytes(self, data: bytes) -> None:
        await self._send_event({"type": "websocket.send", "bytes": data})

    async def _send_event(self, event: dict[str, Any]) -> None:
        with suppress(WebSocketDisconnect, WebSocketDisconnected):  # the reading side learns of the end
            await self._websocket.send(event)


def close_code(error: StudioloError) -> int:
    """Return the WebSocket close code for an error that ends a socket."""
    return {401: 4401, 403: 4403, 404: 4404, 429: 4429}.get(error.status, 1011)


def origin_refused(origin: str) -> Forbidden:
    """Return the error for a handshake that a page of another origin began."""
    return Forbidden("origin_refused", internal=f"origin {origin}")
