"""The keeper as hub and workers see it: typed requests over the inherited socket, many at a time."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from studiolo.core import wire
from studiolo.core.errors import RunnerUnavailable, error_from_wire
from studiolo.runtime.keeper.messages import Cancel, Request


class KeeperClient:
    """Speaks to the keeper; made with `await KeeperClient.connect(fd)` in the event loop that uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listening: dict[int, Callable[[dict[str, Any]], None]] = {}
        self._is_closed = False
        self.on_event: Callable[[dict[str, Any]], None] | None = None  # told what nobody asked for
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def connect(cls, fd: int) -> "KeeperClient":
        """Take over the descriptor that the keeper handed down."""
        channel = socket.socket(fileno=fd)
        channel.set_inheritable(False)
        return cls(*await asyncio.open_connection(sock=channel))

    async def ask(
        self, request: Request, on_progress: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Make one request and return its result; raise the keeper's error, RunnerUnavailable when it is gone.

        When the caller is cancelled the keeper is told to give up too.
        """
        if self._is_closed:
            raise RunnerUnavailable("The supervisor is gone.")
        number = next(self._ids)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        if on_progress is not None:
            self._listening[number] = on_progress
        try:
            await self._send(number, request)
            return await future
        except asyncio.CancelledError:
            with contextlib.suppress(OSError, RunnerUnavailable):
                await self._send(next(self._ids), Cancel(number))
            raise
        finally:
            self._waiting.pop(number, None)
            self._listening.pop(number, None)

    def tell(self, request: Request) -> None:
        """Make a request whose answer does not matter; it is lost when the keeper is gone."""
        if not self._is_closed:
            parameters = {"id": next(self._ids), "request": request.NAME, "params": asdict(request)}
            self._writer.write(wire.encode(parameters))

    async def close(self) -> None:
        """Close the socket; requests under way fail."""
        self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._writer.wait_closed()
        self._fail()

    async def _send(self, number: int, request: Request) -> None:
        try:
            await wire.write(self._writer, {"id": number, "request": request.NAME, "params": asdict(request)})
        except OSError as error:
            raise RunnerUnavailable("The supervisor is gone.") from error

    async def _read(self) -> None:
        try:
            while isinstance(answer := await wire.read(self._reader), dict):
                self._take(answer)
        except (OSError, wire.WireError):
            pass
        finally:
            self._fail()

    def _take(self, answer: dict[str, Any]) -> None:
        if "event" in answer:
            if self.on_event is not None:
                self.on_event(answer["event"])
            return
        future = self._waiting.get(answer.get("id", 0))
        if future is None or future.done():
            return
        if "progress" in answer:
            listener = self._listening.get(answer["id"])
            if listener is not None:
                listener(answer["progress"])
        elif "error" in answer:
            error = answer["error"]
            future.set_exception(error_from_wire(error.get("code"), error.get("message"), error.get("details")))
        else:
            future.set_result(answer["result"])

    def _fail(self) -> None:
        self._is_closed = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RunnerUnavailable("The supervisor is gone."))
