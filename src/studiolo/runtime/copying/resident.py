"""`python -m studiolo.runtime.copying.resident --channel-fd N`: forks a copier for each order.

Starting an interpreter costs 40 ms, a sandbox 60; forking this small process costs one. It is the keeper's child; as
root it holds the right to switch uids and reads nothing but orders from the keeper: directories as open descriptors.
Everything that touches a home happens in the forked copier, after it gave up its rights (`confinement.py`).

An order is one message: JSON with the source's home, the target's home and the answer's socket as descriptors. The
copier answers with JSON messages: any number of `{"progress": ...}`, then `{"result": ...}` or `{"error": ...}`. It
gives up, and clears away its temporary file, as soon as nobody holds the other end of the answer's socket.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from studiolo.core.errors import CopyFailed, StudioloError
from studiolo.runtime.copying.confinement import Gate, become_owner, confine, keep_only_user_switching
from studiolo.runtime.copying.copier import TreeCopier
from studiolo.runtime.copying.counting import count
from studiolo.runtime.copying.ends import open_ends
from studiolo.runtime.copying.names import TemporaryNames
from studiolo.runtime.copying.rules import GivenUp, Rules, Tally
from studiolo.runtime.keeper.messages import CopyTree

_MAX_ORDER_BYTES = 128 * 1024
_PROGRESS_EVERY_SECONDS = 0.25
_LOOK_EVERY_SECONDS = 0.02
_DEEPEST_RECURSION = 20_000


def main(arguments: list[str]) -> int:
    """Take orders until the keeper closes the channel."""
    channel = socket.socket(fileno=int(arguments[arguments.index("--channel-fd") + 1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a copier ended: its answer says
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(_DEEPEST_RECURSION)
    if os.geteuid() == 0:
        keep_only_user_switching()
    gc.collect()
    gc.freeze()
    while True:
        text, fds, _, _ = socket.recv_fds(channel, _MAX_ORDER_BYTES, 3)
        if not text:
            return 0
        try:
            _start(json.loads(text.decode("utf-8", "surrogatepass")), fds, channel)
        finally:
            for fd in fds:
                os.close(fd)


def _start(order: dict[str, Any], fds: list[int], channel: socket.socket) -> None:
    source_uid, target_uid = order["source_owner"], order["target_owner"]
    gate = None if target_uid is None else Gate((source_uid, target_uid))
    pid = os.fork()
    if pid == 0:
        channel.close()
        _copy(order, fds, gate)
    if gate is not None:
        with suppress(OSError):  # the copier died first; its answer's socket says so
            gate.open(pid)


def _copy(order: dict[str, Any], fds: list[int], gate: Gate | None) -> NoReturn:
    source_home, target_home, answer_fd = fds
    answer = socket.socket(fileno=answer_fd)
    try:
        os.umask(0)
        if gate is not None:
            gate.enter()
            become_owner(order["target_owner"], reads_others=order["source_owner"] != order["target_owner"])
        confine(source_home, target_home)
        outcome = _outcome(order, source_home, target_home, answer)
        with suppress(OSError):
            answer.sendall(json.dumps(outcome).encode())
    except BaseException as error:  # noqa: BLE001 - the end of the process: whatever it was goes to the log
        os.write(2, f"copier: {type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(0)


def _outcome(order: dict[str, Any], source_home: int, target_home: int, answer: socket.socket) -> dict[str, Any]:
    pulse = _Pulse(answer)
    try:
        tally = carry_out(CopyTree(**order["request"]), source_home, target_home, order["era"], order["fsync"], pulse)
    except GivenUp:
        return {}
    except StudioloError as error:
        return {"error": error.as_dict()}
    return {"result": {**tally.as_dict(), **tally.progress()}}


def carry_out(
    request: CopyTree, source_home: int, target_home: int, era: str, fsync: Any, pulse: "_Pulse | None" = None
) -> Tally:
    """Copy between two open homes; raise FileNotFound, PathOutsideProject or CopyFailed."""
    rules = Rules(request.overwrite_newer, request.delete_missing, request.backup, fsync)
    copier = TreeCopier(rules, TemporaryNames(era, os.getpid()), pulse or _no_pulse)
    if pulse is not None:
        pulse.tally = copier.tally
    try:
        with open_ends(request, source_home, target_home) as ends:
            if pulse is not None:
                pulse.count = lambda: count(ends.source, ends.source_name, pulse.look)
            if ends.source_name is None or ends.target_name is None:
                copier.copy_directory(ends.source, ends.target, keeps_root_mode=ends.is_target_home)
            else:
                copier.copy_entry(ends.source, ends.source_name, ends.target, ends.target_name)
    except OSError as error:
        where = "" if error.filename is None else f": '{error.filename}'"
        raise CopyFailed(
            f"The copy stopped: {error.strerror or error}{where}. What was copied before is whole.",
        ) from error
    tally = copier.tally
    if tally.failed:
        more = "; ..." if tally.failed > len(tally.failures) else ""
        raise CopyFailed(
            f"{tally.failed} could not be copied: {'; '.join(tally.failures)}{more}",
            report={**tally.as_dict(), **tally.progress(), "failures": tally.failures},
        )
    return tally


class _Pulse:
    """Tells the keeper how far the copy is, and notices that nobody waits for it any more."""

    def __init__(self, answer: socket.socket) -> None:
        self.tally = Tally()
        self.count: Callable[[], dict[str, int]] = dict
        self._total: dict[str, int] | None = None
        self._answer = answer
        self._poll = select.poll()
        self._poll.register(answer.fileno(), select.POLLHUP)
        self._looked_at = self._told_at = time.monotonic()

    def __call__(self) -> None:
        now = self.look()
        if now - self._told_at >= _PROGRESS_EVERY_SECONDS:
            self._told_at = now
            if self._total is None:
                self._total = self.count()  # only of a copy that takes its time
            progress = {**self.tally.progress(), **self._total}
            with suppress(OSError):
                self._answer.send(json.dumps({"progress": progress}).encode(), socket.MSG_DONTWAIT)

    def look(self) -> float:
        """Raise GivenUp when nobody waits for the copy; return the time."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_SECONDS:
            self._looked_at = now
            if self._poll.poll(0):
                raise GivenUp
        return now


def _no_pulse() -> None:
    pass


if __name__ == "__main__":
    sys.exit(main(sys.argv))
