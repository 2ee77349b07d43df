"""Have copies carried out by our own copiers: one resident process, which forks a copier for each order.

We open the two homes, which lie in directories of ours, and hand them over as descriptors; we never look into them.
See `runtime/copying/resident.py` for the other side.
"""

import json
import math
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from studiolo.core.errors import CopyFailed, RunnerUnavailable, StudioloError, error_from_wire
from studiolo.runtime.keeper.directories import DataDirectory
from studiolo.runtime.keeper.loop import Loop, Task, Wait, wait_for_child
from studiolo.runtime.keeper.messages import CopyTree, CopyTrees
from studiolo.runtime.keeper.peers import Report
from studiolo.runtime.keeper.plan import KeeperPlan
from studiolo.runtime.keeper.resolve import normalise_ends
from studiolo.runtime.keeper.spawn import Launch, spawn

_HOME = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_MAX_ANSWER_BYTES = 64 * 1024
_SEND_AGAIN_SECONDS = 0.005
_SHORTEST_TIMEOUT = 1.0
_STARTS = 2


class Copiers:
    """The resident copier of this data directory, started with the first copy."""

    def __init__(self, plan: KeeperPlan, directory: DataDirectory, loop: Loop) -> None:
        self._plan = plan
        self._directory = directory
        self._loop = loop
        self._era = os.urandom(4).hex()
        self._channel: socket.socket | None = None
        self._busy: set[tuple[str, str]] = set()

    def copy(self, request: CopyTree, report: Report) -> Task[dict[str, Any]]:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed."""
        key = _target_of(request)
        if key is None:
            return {}
        yield from self._reserve({key})
        try:
            answers = yield from self._order([request], is_batch=False)
            return (yield from _await(answers, request.timeout_seconds, report))
        except OSError as error:
            raise CopyFailed(f"The copy could not be begun: {error.strerror or error}") from error
        finally:
            self._busy.discard(key)

    def copy_all(self, request: CopyTrees) -> Task[dict[str, Any]]:
        """Carry out several small copies; answer with an outcome for each: `result`, `error` or `not_begun`."""
        keys = {key for key in map(_target_of, request.copies) if key is not None}
        yield from self._reserve(keys)
        try:
            answers = yield from self._order(request.copies, is_batch=True)
            return {"outcomes": (yield from _await_all(answers, len(request.copies)))}
        except OSError as error:
            raise CopyFailed(f"The copy could not be begun: {error.strerror or error}") from error
        finally:
            self._busy -= keys

    def _reserve(self, keys: set[tuple[str, str]]) -> Task[None]:
        """Wait until nobody else copies there."""
        while not self._busy.isdisjoint(keys):
            yield Wait(None, 0.01)
        self._busy |= keys

    def _forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _order(self, requests: Sequence[CopyTree], *, is_batch: bool) -> Task[socket.socket]:
        """Hand copies to a copier and return the socket on which it will answer."""
        homes: dict[str, int] = {}
        places: dict[str, int] = {}
        answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            copies: list[dict[str, Any]] = []
            for request in requests:
                ends = ((request.source_id, request.source_uid), (request.target_id, request.target_uid))
                for project_id, uid in ends:
                    if project_id not in homes:
                        homes[project_id] = os.open(self._directory.make_home(project_id, uid), _HOME)
                        places[project_id] = len(places)
                base = self._open_base(request, homes, places)
                copies.append(
                    {
                        "base": base,
                        "request": asdict(request),
                        "source": places[request.source_id],
                        "target": places[request.target_id],
                        "source_owner": self._directory.owner(request.source_uid),
                        "target_owner": self._directory.owner(request.target_uid),
                    }
                )
            order = {"copies": copies, "is_batch": is_batch, "era": self._era, "fsync": self._plan.copy_fsync}
            yield from self._send(json.dumps(order).encode(), [*homes.values(), theirs.fileno()])
        except BaseException:
            answers.close()
            raise
        finally:
            theirs.close()
            for fd in homes.values():
                os.close(fd)
        return answers

    def _open_base(self, request: CopyTree, homes: dict[str, int], places: dict[str, int]) -> int | None:
        """Return the place of the home with what was handed out last, which may be gone."""
        base_id = request.base_id
        if base_id is None or not self._directory.home(base_id).is_dir():
            return None
        if base_id not in homes:
            homes[base_id] = os.open(self._directory.make_home(base_id, request.source_uid), _HOME)
            places[base_id] = len(places)
        return places[base_id]

    def _send(self, text: bytes, fds: list[int]) -> Task[None]:
        for attempt in range(1, _STARTS + 1):
            channel = self._channel or self._start()
            try:
                while not _try_send(channel, text, fds):
                    yield Wait(None, _SEND_AGAIN_SECONDS)
                return
            except (BrokenPipeError, ConnectionResetError, ConnectionRefusedError):
                self._forget()  # it died; the next attempt starts another one
                if attempt == _STARTS:
                    raise RunnerUnavailable("The copier could not be started.") from None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        fd = theirs.fileno()
        argv = (sys.executable, "-m", "studiolo.runtime.copying.resident", "--channel-fd", str(fd))
        names = ("PATH", "PYTHONPATH", "VIRTUAL_ENV")
        variables = {name: os.environ[name] for name in names if name in os.environ}
        try:
            pid = spawn(Launch(argv, {**variables, "LANG": "C.UTF-8"}, (fd,), is_bound_to_parent=True))
        except StudioloError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = ours
        self._loop.start(wait_for_child(pid, None), lambda _code, _error: None)
        return ours


def _try_send(channel: socket.socket, text: bytes, fds: list[int]) -> bool:
    try:
        socket.send_fds(channel, [text], fds)
    except BlockingIOError:
        return False
    return True


def _target_of(request: CopyTree) -> tuple[str, str] | None:
    """Return where the copy goes; None if that is where it comes from, and nothing is to be done."""
    source, target = normalise_ends(request.source_id, request.source_path, request.target_id, request.target_path)
    return None if (request.source_id, source) == (request.target_id, target) else (request.target_id, target)


def _await_all(answers: socket.socket, count: int) -> Task[list[dict[str, Any]]]:
    """Wait for the outcomes of a batch; when its copier dies, what is left shall be tried one by one."""
    outcomes: list[dict[str, Any]] = [{"not_begun": "alone"} for _ in range(count)]
    with answers:
        while True:
            yield Wait(answers.fileno())
            text = answers.recv(_MAX_ANSWER_BYTES)
            message: dict[str, Any] = json.loads(text) if text else {"result": {}}
            if "outcome" not in message:
                return outcomes
            number, outcome = message["outcome"]
            outcomes[number] = outcome


def _await(answers: socket.socket, timeout_seconds: float | None, report: Report) -> Task[dict[str, Any]]:
    """Wait for the end of a copy; closing our end of the socket makes the copier give up."""
    patience = None if timeout_seconds is None else max(_SHORTEST_TIMEOUT, math.ceil(timeout_seconds))
    with answers:
        while True:
            if not (yield Wait(answers.fileno(), patience)):
                raise CopyFailed(f"The copy made no progress for {timeout_seconds} s and was given up.")
            text = answers.recv(_MAX_ANSWER_BYTES)
            if not text:
                raise CopyFailed("The copy was killed.")
            message = json.loads(text)
            if "error" in message:
                error = message["error"]
                raise error_from_wire(error.get("code"), error.get("message"), error.get("details"))
            if "result" in message:
                return message["result"]
            if "progress" in message:
                report(message["progress"])
