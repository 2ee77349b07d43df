"""The keeper's end of the socket to one child: frames in, answers out, nothing that can block us."""

import os
import socket
from collections.abc import Callable
from typing import Any

from studiolo.core.errors import StudioloError, Unavailable
from studiolo.runtime.keeper.loop import Loop, Running, Task
from studiolo.runtime.keeper.messages import Cancel, Request, encode, parse_request, take

_MAX_UNSENT_BYTES = 8 * 1024 * 1024
_MOST_UNSENT_EVENTS = 256 * 1024
_MAX_RUNNING = 1000

Report = Callable[[dict[str, Any]], None]  # tells who asked how far it is; may be dropped
Dispatch = Callable[[Request, Report], Task[dict[str, Any]] | dict[str, Any]]


class Peer:
    """One child that makes requests; what it started is cancelled when it goes away."""

    def __init__(self, loop: Loop, channel: socket.socket, dispatch: Dispatch, allowed: tuple[type, ...]) -> None:
        channel.setblocking(False)
        self._loop = loop
        self._channel = channel
        self._dispatch = dispatch
        self._allowed = allowed
        self._received = bytearray()
        self._unsent = bytearray()
        self._running: dict[int, Running] = {}
        loop.watch(channel.fileno(), self._read)

    def close(self) -> None:
        """Cancel what this peer asked for and forget it."""
        if self._channel.fileno() < 0:
            return
        self._loop.unwatch(self._channel.fileno())
        self._channel.close()
        for running in list(self._running.values()):
            running.cancel()
        self._running.clear()

    def _read(self) -> None:
        try:
            piece = self._channel.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self.close()
            return
        self._received += piece
        try:
            while (message := take(self._received)) is not None:
                self._handle(message)
        except ValueError:
            self.close()  # not a frame: the child is broken or taken over

    def _handle(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if type(number) is not int:
            raise ValueError("a request has no id")
        try:
            request = parse_request(message.get("request"), message.get("params"))
            if isinstance(request, Cancel):
                self._cancel(request.request_id)
                self._answer(number, {}, None)
                return
            self._start(number, request)
        except Exception as error:  # noqa: BLE001 - an edge: every failure becomes the answer of the request
            self._answer(number, None, error)

    def _start(self, number: int, request: Request) -> None:
        if not isinstance(request, self._allowed):
            raise Unavailable(f"{request.NAME} is not for this process.")
        if number in self._running or len(self._running) >= _MAX_RUNNING:
            raise Unavailable("Too many requests at once.")
        work = self._dispatch(request, lambda progress: self._tell(number, progress))
        if isinstance(work, dict):
            self._answer(number, work, None)
            return
        is_over: list[bool] = []

        def end(value: Any, error: BaseException | None) -> None:
            is_over.append(True)
            self._running.pop(number, None)
            self._answer(number, value, error)

        running = self._loop.start(work, end)
        if not is_over:
            self._running[number] = running

    def _cancel(self, number: int) -> None:
        running = self._running.pop(number, None)
        if running is not None:
            running.cancel()
            self._answer(number, None, Unavailable("The request was cancelled."))

    def send_event(self, event: dict[str, Any]) -> None:
        """Tell the child something it did not ask for; dropped when it is behind: it must not rely on it."""
        if self._channel.fileno() >= 0 and len(self._unsent) < _MOST_UNSENT_EVENTS:
            self._unsent += encode({"event": event})
            self._write()

    def _tell(self, number: int, progress: dict[str, Any]) -> None:
        if self._channel.fileno() >= 0 and not self._unsent:  # whoever does not listen can do without
            self._unsent += encode({"id": number, "progress": progress})
            self._write()

    def _answer(self, number: int, value: Any, error: BaseException | None) -> None:
        if self._channel.fileno() < 0:
            return
        self._unsent += encode({"id": number, **_outcome(value, error)})
        self._write()

    def _write(self) -> None:
        try:
            sent = self._channel.send(self._unsent)
            del self._unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self._unsent) > _MAX_UNSENT_BYTES:
            self.close()  # it asks and does not listen
            return
        self._loop.watch(self._channel.fileno(), self._read, self._write if self._unsent else None)


def _outcome(value: Any, error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {"result": value}
    if isinstance(error, StudioloError):
        return {"error": error.as_dict()}
    reason = f"The supervisor failed: {error}" if isinstance(error, OSError) else "The supervisor failed."
    os.write(2, f"keeper: {type(error).__name__}: {error}\n".encode(errors="replace"))
    return {"error": {"code": "runner_unavailable", "message": reason[:2000], "details": {}}}
