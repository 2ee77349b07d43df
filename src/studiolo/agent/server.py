"""The agent's server: connections in, calls out.

1. A connection makes one call after another; connections do not wait for each other.
2. A connection that sends no whole call for `idle_seconds`, or does not read an answer for `write_seconds`, is closed.
3. What is not a frame ends the connection; what is not a call gets an error.
4. An error of `core.errors` goes to the client as it is. Any other exception is `internal_error`: its trace goes to
   stderr, never to the client.
5. At the end: no new connections, stop hooks (documents saved, kernels and commands ended), running calls get a last
   moment to answer, then every connection closes.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

from studiolo.agent.agent import Agent
from studiolo.agent.calls import HOUSEKEEPING, Registry
from studiolo.agent.channel import Channel, ChannelClosed
from studiolo.core import wire
from studiolo.core.errors import InvalidRequest, StudioloError, TooLarge, Unavailable
from studiolo.core.wire import Frame

INTERNAL_ERROR: dict[str, Any] = {
    "code": "internal_error",
    "message": "The project's agent failed inside.",
    "details": {},
}

UPLOADS = ".studiolo/uploads"
REAP_AFTER_SECONDS = 60.0

log = logging.getLogger("studiolo.agent")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take from the agent."""

    connections: int = 400  # a process may open 1,024 files, and kernels and commands need some
    call_bytes: int = wire.MAX_FRAME_BYTES
    idle_seconds: float = 300.0
    write_seconds: float = 60.0
    last_moment_seconds: float = 2.0


class Server:
    """Answers calls on a listening socket until the agent is asked to stop."""

    def __init__(self, agent: Agent, registry: Registry, limits: Limits = Limits()) -> None:
        self._agent = agent
        self._registry = registry
        self._limits = limits
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._in_call: set[asyncio.Task[None]] = set()

    async def serve(self, listening: socket.socket) -> None:
        """Serve until the agent's stop is requested, then end everything."""
        # start_server and not start_unix_server: from Python 3.13 on that one removes the socket's path at the end,
        # and the path belongs to whoever handed us the socket
        server = await asyncio.start_server(self._welcome, sock=listening, limit=1024 * 1024, backlog=128)
        await self._agent.wait_until_stop()
        server.close()
        await self._agent.run_stop_hooks()
        if self._in_call:
            await asyncio.wait(self._in_call, timeout=self._limits.last_moment_seconds)
        ending = dict(self._connections)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.last_moment_seconds):  # for what is still on its way to clients
                await asyncio.gather(*[writer.wait_closed() for writer in ending.values()], return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            if len(self._connections) > self._limits.connections:
                # said instead of dropped, so that the hub can say it on
                await self._write(writer, _refusal(Unavailable("Too many connections to the project's agent.")))
            else:
                await self._converse(task, reader, writer)
        except (OSError, TimeoutError, wire.WireError, ChannelClosed) as error:
            log.debug("connection ended: %s", error)
        except asyncio.CancelledError:
            pass  # the agent ends; asyncio.streams would log the cancellation as a failure
        finally:
            self._connections.pop(task, None)
            writer.close()
            if writer.transport.get_write_buffer_size():
                asyncio.get_running_loop().call_later(self._limits.write_seconds, _abort_unsent, writer.transport)

    async def _converse(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        goes_on = True
        while goes_on:
            async with asyncio.timeout(self._limits.idle_seconds):
                frame = await wire.read(reader, self._limits.call_bytes)
            if frame is None:
                return
            self._in_call.add(task)
            try:
                channel = Channel(reader, writer, self._agent.touch, lambda: self._in_call.discard(task))
                answer = await self._answer(frame, channel)
                if answer is not None:
                    await self._write(writer, answer)
                goes_on = answer is not None and not self._agent.is_stopping
            finally:
                self._in_call.discard(task)

    async def _answer(self, frame: Frame, channel: Channel) -> dict[str, Any] | None:
        """Return the answer to a call, or None after a channel that was accepted and is over."""
        try:
            name, params = _read_call(frame)
            is_housekeeping = name in HOUSEKEEPING
            if self._agent.is_stopping and not is_housekeeping:
                raise Unavailable("The project is stopping.")
            return await self._housekeep(name, params) if is_housekeeping else await self._use(name, params, channel)
        except ChannelClosed:
            return None
        except StudioloError as error:
            answer = _refusal(error)
        except Exception:  # the last edge: whatever a handler did not foresee
            log.exception("a call failed")
            answer = {"error": INTERNAL_ERROR}
        return None if channel.is_accepted else answer

    async def _housekeep(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        handler = self._registry.handler(name)
        assert handler is not None
        return {"result": await handler(self._agent, params)}

    async def _use(self, name: str, params: dict[str, Any], channel: Channel) -> dict[str, Any] | None:
        handler = self._registry.handler(name)
        channel_handler = self._registry.channel_handler(name)
        if channel_handler is not None:
            self._agent.touch()
            await channel_handler(self._agent, params, channel)
            return None if channel.is_accepted else {"error": INTERNAL_ERROR}
        if handler is None:
            raise InvalidRequest(f"There is no call {name[:100]!r}.")
        self._agent.begin()
        try:
            return {"result": await handler(self._agent, params)}
        finally:
            self._agent.end()

    async def _write(self, writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
        try:
            encoded = wire.encode(answer)
        except (TypeError, ValueError, RecursionError):
            log.exception("a call's result is not JSON")
            encoded = wire.encode({"error": INTERNAL_ERROR})
        if len(encoded) > wire.MAX_FRAME_BYTES:
            encoded = wire.encode(_refusal(TooLarge("The answer is too large to be sent.")))
        writer.write(encoded)
        try:
            async with asyncio.timeout(self._limits.write_seconds):
                await writer.drain()
        except TimeoutError:
            writer.transport.abort()  # closing would wait for the client to read the rest
            raise


def run(listen_fd: int, home: str, template: socket.socket | None = None) -> None:
    """Serve the socket `listen_fd` as the agent of the project at `home`; return after an orderly end.

    `template` leads to the process that kernels are forked from (`kernels/template.py`); without it one is started
    when the first kernel is.
    """
    logging.basicConfig(stream=sys.stderr, format="agent %(levelname)s %(message)s", level=logging.INFO)
    listening = socket.socket(fileno=listen_fd)
    listening.setblocking(False)
    os.set_inheritable(listen_fd, False)
    asyncio.run(_run(listening, home, template))


async def _run(listening: socket.socket, home: str, template: socket.socket | None) -> None:
    agent = Agent(home, template)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.request_stop)
    if os.path.isdir(f"{home}/{UPLOADS}"):  # noqa: ASYNC240, PTH112 - before anybody calls; pathlib is not loaded yet
        loop.call_later(REAP_AFTER_SECONDS, _look_after_uploads, agent)
    await Server(agent, Registry()).serve(listening)


def _look_after_uploads(agent: Agent) -> None:
    """Have uploads that were given up deleted, though nobody uploads any more."""
    from studiolo.agent.uploads import Uploads

    agent.part(Uploads, lambda: Uploads(agent))


def _abort_unsent(transport: asyncio.WriteTransport) -> None:
    if transport.get_write_buffer_size():  # asyncio fails at aborting what closed itself after the last byte was sent
        transport.abort()


def _read_call(frame: Frame) -> tuple[str, dict[str, Any]]:
    if isinstance(frame, bytes) or not isinstance(frame.get("call"), str):
        raise InvalidRequest("A call is an object with the name of the call and its params.")
    params = frame.get("params", {})
    if not isinstance(params, dict):
        raise InvalidRequest("A call's params must be an object.")
    return frame["call"], params  # pyright: ignore[reportUnknownVariableType] - keys of a JSON object are text


def _refusal(error: StudioloError) -> dict[str, Any]:
    return {"error": error.as_dict()}
