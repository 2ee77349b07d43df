"""The hub's side of the frames to projects' agents (`core/wire.py`).

An agent is trusted no more than the project's user, so here:

1. an answer is a frame of bounded size and of the right shape, or the agent counts as unavailable;
2. an agent can report only failures that an agent may meet: it cannot tell the hub that somebody's key is invalid;
3. every wait has an end;
4. it has two large frames in our memory at most, and what it pushes into channels as JSON is small.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, SupportsIndex, TypeVar, cast
from weakref import WeakValueDictionary

import pydantic_core

from studiolo.core import wire
from studiolo.core.clock import Clock
from studiolo.core.errors import AgentUnavailable, StudioloError, error_from_wire
from studiolo.core.wire import Frame

Part = TypeVar("Part")

IDLE_CONNECTIONS = 8  # per agent
IDLE_SECONDS = 60.0  # the agent's own limit is longer, so a connection rarely goes stale in our hands
SEND_SECONDS = 30.0
CLOSE_SECONDS = 5.0
BUFFER_BYTES = 256 * 1024
MAX_DETAILS_CHARACTERS = 4000
MAX_SOCKET_PATH_BYTES = 100  # sun_path holds 108
MAX_PUSHED_JSON_BYTES = 1024 * 1024
MAX_ANSWER_BYTES = 8 * 1024 * 1024
LONG_ANSWERS = {  # of calls whose answers may be longer
    "documents.history": wire.MAX_FRAME_BYTES,
    "documents.open": wire.MAX_FRAME_BYTES,
    "documents.join": wire.MAX_FRAME_BYTES,
    "exec.collect": 32 * 1024 * 1024,
    "exec.run": wire.MAX_FRAME_BYTES,
    "files.list": 64 * 1024 * 1024,
    "files.page": 64 * 1024 * 1024,
    "files.read_text": wire.MAX_FRAME_BYTES,
    "kernels.execute": wire.MAX_FRAME_BYTES,
}
LARGE_BYTES = 4 * 1024 * 1024
LARGE_AT_ONCE = 2  # per agent
CONNECT_ATTEMPTS = 20
CONNECT_PAUSE_SECONDS = 0.05

# What becomes a header of an answer is for the hub alone to say.
HUBS_DETAILS = frozenset({"allow", "retry_after_seconds"})
# What an agent may answer; any other code would let a project speak for the hub.
AGENT_ERROR_CODES = frozenset(
    {
        "already_exists",
        "checksum_mismatch",
        "command_failed",
        "conflict",
        "directory_not_empty",
        "exec_job_not_found",
        "file_not_found",
        "file_too_large",
        "file_type_unsupported",
        "forbidden",
        "invalid_request",
        "kernel_died",
        "kernel_start_timeout",
        "not_found",
        "notebook_invalid",
        "path_outside_project",
        "precondition_failed",
        "quota_exceeded",
        "too_large",
        "unavailable",
        "upload_not_found",
        "upload_offset_mismatch",
    }
)


class UnixAgentConnector:
    """Calls agents over their Unix sockets and keeps idle connections for the next call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._idle: dict[str, list[_Connection]] = {}
        self._large: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._is_closed = False

    async def call(
        self, socket_path: str, call: str, params: dict[str, Any], *, timeout_seconds: float
    ) -> dict[str, Any]:
        """Make one call and return its result; raise the agent's error, or AgentUnavailable.

        `details["was_sent"]` of AgentUnavailable is False when the agent cannot have seen the call.
        """
        connection, answer = await self._ask(socket_path, call, params, timeout_seconds)
        self._keep(socket_path, connection)
        return _result(answer)

    @asynccontextmanager
    async def channel(
        self, socket_path: str, call: str, params: dict[str, Any], *, timeout_seconds: float
    ) -> AsyncGenerator["Channel", None]:
        """Open a channel for the length of a `with` block."""
        connection, answer = await self._ask(socket_path, call, params, timeout_seconds)
        if "error" in answer:
            self._keep(socket_path, connection)
        channel = Channel(connection, _result(answer))
        try:
            yield channel
        finally:
            await channel.close()

    async def close(self) -> None:
        """Close every idle connection; those in use close at the end of their call."""
        self._is_closed = True
        for connections in tuple(self._idle.values()):
            for connection in tuple(connections):
                connection.close()
        self._idle.clear()

    async def _ask(
        self, socket_path: str, call: str, params: dict[str, Any], timeout_seconds: float
    ) -> tuple["_Connection", dict[str, Any]]:
        was_sent = False
        try:
            async with asyncio.timeout(timeout_seconds):
                idle = self._take(socket_path)
                if idle is not None:
                    was_sent = True
                    # it may have been closed at the very moment: if no byte came back, one more try is due
                    with contextlib.suppress(_NoAnswer):
                        return idle, await idle.ask(call, params)
                fresh = await self._connect(socket_path)
                was_sent = True
                return fresh, await fresh.ask(call, params)
        except TimeoutError as error:
            raise _unavailable(f"{call}: no answer in {timeout_seconds} s", was_sent=was_sent) from error
        except (OSError, wire.WireError, _NoAnswer) as error:
            raise _unavailable(f"{call}: {error!r}", was_sent=was_sent) from error

    def _take(self, socket_path: str) -> "_Connection | None":
        connections = self._idle.get(socket_path, [])
        while connections:
            connection = connections.pop()
            if connection.wake():
                return connection
            connection.close()
        return None

    def _keep(self, socket_path: str, connection: "_Connection") -> None:
        connections = self._idle.setdefault(socket_path, [])
        if self._is_closed or len(connections) >= IDLE_CONNECTIONS:
            connection.close()
            return
        connections.append(connection)
        connection.rest(IDLE_SECONDS, lambda: self._forget(socket_path, connection))

    def _forget(self, socket_path: str, connection: "_Connection") -> None:
        connection.close()
        connections = self._idle.get(socket_path, [])
        if connection in connections:
            connections.remove(connection)
        if not connections:
            self._idle.pop(socket_path, None)

    async def _connect(self, socket_path: str) -> "_Connection":
        sock = await self._connected_socket(socket_path)
        loop = asyncio.get_running_loop()
        reader = _Reader(limit=BUFFER_BYTES, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_unix_connection(lambda: protocol, sock=sock)
        except BaseException:
            sock.close()
            raise
        large = self._large.setdefault(socket_path, asyncio.Semaphore(LARGE_AT_ONCE))
        return _Connection(sock, reader, asyncio.StreamWriter(transport, protocol, reader, loop), large)

    async def _connected_socket(self, socket_path: str) -> socket.socket:
        # connecting to a Unix socket never waits: it is done, refused, or (EAGAIN) the agent's queue is full, which
        # asyncio takes for success
        for attempt in range(CONNECT_ATTEMPTS):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                _connect_now(sock, socket_path)
            except BlockingIOError:
                sock.close()
                if attempt == CONNECT_ATTEMPTS - 1:
                    raise
                await self._clock.sleep(CONNECT_PAUSE_SECONDS)
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise AssertionError("the last attempt returned or raised")


class Channel:
    """An open stream of frames with an agent; a slow reader slows the agent down and costs the hub no memory."""

    def __init__(self, connection: "_Connection", result: dict[str, Any]) -> None:
        self._connection = connection
        self.result = result

    async def send(self, frame: Frame) -> None:
        """Send one frame; raise AgentUnavailable when the agent is gone or does not read."""
        if self._connection.writer.is_closing():
            raise _unavailable("the channel is closed")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await wire.write(self._connection.writer, frame)
        except (OSError, TimeoutError) as error:
            self._connection.close()
            raise _unavailable(f"sending failed: {error!r}") from error

    async def frames(self, max_bytes: int = wire.MAX_FRAME_BYTES) -> AsyncIterator[Frame]:
        """Iterate over the agent's frames until it closes; raise AgentUnavailable when it breaks or one is too long."""
        while True:
            head = await self._read(wire.read_head(self._connection.reader))
            if head is None:
                return
            if head.length > max_bytes or (head.is_json and head.length > MAX_PUSHED_JSON_BYTES):
                self._connection.close()
                raise _unavailable(f"a message of {head.length} bytes is over the limit")
            async with self._connection.turn(head):  # until it was taken, or slow takers would pile them up
                yield await self._read(wire.read_rest(self._connection.reader, head, _loads))

    async def _read(self, reading: Awaitable[Part]) -> Part:
        try:
            return await reading
        except (OSError, wire.WireError) as error:
            self._connection.close()
            raise _unavailable(f"the channel broke: {error!r}") from error

    async def close(self) -> None:
        """Close the stream after what was sent."""
        self._connection.close_after_sending()


class _NoAnswer(Exception):
    """The agent closed the connection before the first byte of an answer."""


class _Reader(asyncio.StreamReader):
    """A stream reader that knows whether anything has come since it was asked."""

    has_received = False
    unread_bytes = 0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.has_received = True
        self.unread_bytes += len(bytes(data))
        super().feed_data(data)

    async def readexactly(self, n: int) -> bytes:
        found = await super().readexactly(n)
        self.unread_bytes -= len(found)
        return found


class _Connection:
    """One connection to an agent: in use, or resting until the next call or its end."""

    def __init__(
        self, sock: socket.socket, reader: _Reader, writer: asyncio.StreamWriter, large: asyncio.Semaphore
    ) -> None:
        self._sock = sock
        self._large = large
        self.reader = reader
        self.writer = writer
        self._alarm: asyncio.TimerHandle | None = None

    def turn(self, head: wire.Head) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to read a frame, if it is a large one."""
        return self._large if head.length > LARGE_BYTES else nullcontext()

    def rest(self, seconds: float, on_end: Callable[[], None]) -> None:
        self.reader.has_received = self.reader.unread_bytes > 0  # what nobody asked for spoils the connection
        self._alarm = asyncio.get_running_loop().call_later(seconds, on_end)

    def wake(self) -> bool:
        """Tell whether the connection can still be used: open, and nothing was said that nobody asked for."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self.writer.is_closing() or self.reader.at_eof() or self.reader.has_received:
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)  # the event loop may not have looked yet
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    async def ask(self, call: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a call and return a well-formed answer; close the connection on any failure."""
        try:
            return _checked(await self._ask(call, params))
        except BaseException:
            self.close()
            raise

    async def _ask(self, call: str, params: dict[str, Any]) -> Frame | None:
        self.reader.has_received = False
        try:
            await wire.write(self.writer, {"call": call, "params": params})
            head = await wire.read_head(self.reader, LONG_ANSWERS.get(call, MAX_ANSWER_BYTES))
            if head is None:
                return None
            async with self.turn(head):
                return await wire.read_rest(self.reader, head, _loads)
        except OSError as error:
            if self.reader.has_received:
                raise
            raise _NoAnswer from error

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self.writer.transport.abort()

    def close_after_sending(self) -> None:
        self.writer.close()
        # an agent that does not read would keep the transport alive with what is not sent
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, _abort_unsent, self.writer.transport)


def _loads(payload: bytes) -> object:
    """Read JSON without making one text of all of it first, which may take four times as much memory."""
    try:
        return pydantic_core.from_json(payload, cache_strings="none")
    except ValueError:
        if len(payload) > MAX_ANSWER_BYTES:
            raise
    return json.loads(payload.decode("utf-8", "surrogatepass"))  # a name of a file that is no UTF-8


def _abort_unsent(transport: asyncio.WriteTransport) -> None:
    if transport.get_write_buffer_size():  # asyncio fails at aborting what closed itself after the last byte was sent
        transport.abort()


def _connect_now(sock: socket.socket, path: str) -> None:
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        sock.connect(path)
        return
    # an address holds 108 bytes; through a descriptor of its directory every path is short
    directory, name = os.path.split(path)
    descriptor = os.open(directory, os.O_PATH | os.O_CLOEXEC)
    try:
        sock.connect(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)


def _checked(frame: Frame | None) -> dict[str, Any]:
    if frame is None:
        raise _NoAnswer
    if isinstance(frame, bytes) or len(frame) != 1:
        raise wire.WireError("the answer is not one result or one error")
    if not isinstance(frame.get("result"), dict) and not isinstance(frame.get("error"), dict):
        raise wire.WireError("the answer's result or error is not an object")
    return frame


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer's result, or raise its error."""
    if "error" in answer:
        raise agent_error(answer["error"])
    return answer["result"]


def agent_error(error: dict[str, Any]) -> StudioloError:
    """Return the error that an agent reports, as far as an agent may."""
    code, details = error.get("code"), error.get("details")
    if not isinstance(code, str) or code not in AGENT_ERROR_CODES:
        return error_from_wire(None, error.get("message"), {"was_sent": True})
    if not isinstance(details, dict) or len(json.dumps(details)) > MAX_DETAILS_CHARACTERS:
        return error_from_wire(code, error.get("message"))
    known = {name: value for name, value in cast("dict[str, Any]", details).items() if name not in HUBS_DETAILS}
    return error_from_wire(code, error.get("message"), known)


def _unavailable(internal: str, *, was_sent: bool = True) -> AgentUnavailable:
    return AgentUnavailable("The project's agent does not answer.", internal=internal, was_sent=was_sent)
