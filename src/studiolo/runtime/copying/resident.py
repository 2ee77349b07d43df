"""`python -m studiolo.runtime.copying.resident --channel-fd N`: forks a copier for each order.

Starting an interpreter costs 40 ms, a sandbox 60; forking this small process costs one, and that is done ahead, for the
order to come (`spare.py`). It is the keeper's child; as root it holds the right to switch uids and reads nothing but
orders from the keeper: directories as open descriptors. Everything that touches a home happens in the forked copier,
after it gave up its rights (`confinement.py`).

An order is one message: JSON with the homes and, last, the answer's socket as descriptors. The copier answers with
JSON messages: any number of `{"progress": ...}`, then `{"result": ...}` or `{"error": ...}`. It gives up, and clears
away its temporary file, as soon as nobody holds the other end of the answer's socket. Several small copies in one
order are the business of `batch.py`.
"""

import gc
import json
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from studiolo.core.copying.names import TemporaryNames
from studiolo.core.copying.rules import Rules, Tally
from studiolo.core.errors import CopyFailed, FileTooLarge, StudioloError
from studiolo.runtime.copying import batch, revision
from studiolo.runtime.copying.batch import Check
from studiolo.runtime.copying.confinement import become_owner, confine, keep_only_user_switching
from studiolo.runtime.copying.copier import TreeCopier
from studiolo.runtime.copying.counting import count
from studiolo.runtime.copying.ends import open_ends
from studiolo.runtime.copying.spare import MAX_ORDER_BYTES, MOST_DESCRIPTORS, Spare
from studiolo.runtime.keeper.messages import CopyTree

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
    spare: Spare | None = Spare.fork(channel, _copy)
    while True:
        text, fds, _, _ = socket.recv_fds(channel, MAX_ORDER_BYTES, MOST_DESCRIPTORS)
        if not text:
            return 0
        try:
            uids = _uids_of(text)
            if (spare is None or not spare.take(text, fds, uids)) and not Spare.fork(channel, _copy).take(
                text, fds, uids
            ):
                os.write(2, b"copier: died before it had its order\n")  # to the keeper its answer's socket says so
        finally:
            for fd in fds:
                os.close(fd)
        try:
            spare = Spare.fork(channel, _copy)
        except OSError:  # no process, no descriptor: perhaps there is one when it is needed
            spare = None


def _uids_of(order: bytes) -> list[int]:
    copies = json.loads(order)["copies"]
    return [copy[owner] for copy in copies for owner in ("source_owner", "target_owner")]


def _copy(text: bytes, fds: list[int]) -> None:
    """Be a copier with an order."""
    *homes, answer_fd = fds
    answer = socket.socket(fileno=answer_fd)
    order: dict[str, Any] = json.loads(text.decode("utf-8", "surrogatepass"))
    copies = order["copies"]
    os.umask(0)
    if copies[0]["target_owner"] is not None:
        owners = {copy["target_owner"] for copy in copies}
        reads_others = any(copy["source_owner"] != copy["target_owner"] for copy in copies)
        become_owner(copies[0]["target_owner"], reads_others=reads_others, switches=len(owners) > 1)
    sources: list[int] = [copy["source"] for copy in copies]
    targets: list[int] = [copy["target"] for copy in copies]
    bases: list[int] = [copy["base"] for copy in copies if copy["base"] is not None]
    confine([homes[place] for place in (*sources, *bases)], [homes[place] for place in targets])
    if order["is_batch"]:
        outcome = batch.carry_out_all(copies, answer, lambda copy, check: _outcome(order, copy, homes, answer, check))
    else:
        outcome = _outcome(order, copies[0], homes, answer)
    with suppress(OSError):
        answer.sendall(json.dumps(outcome).encode())


def _outcome(
    order: dict[str, Any], copy: dict[str, Any], homes: list[int], answer: socket.socket, check: Check | None = None
) -> dict[str, Any]:
    request = CopyTree(**copy["request"])
    places: tuple[int, int] = copy["source"], copy["target"]
    base_place: int | None = copy["base"]
    ends = homes[places[0]], homes[places[1]]
    pulse = _Pulse(answer, is_silent=check is not None, most_bytes=request.max_bytes)
    try:
        if request.mode != "copy":
            base = None if base_place is None else homes[base_place]
            report = revision.carry_out(request, *ends, base, order["era"], order["fsync"], pulse, check)
            return {"result": report}
        tally = carry_out(request, *ends, order["era"], order["fsync"], pulse, check)
    except GivenUp:
        return {}
    except StudioloError as error:
        return {"error": error.as_dict()}
    return {"result": {**tally.as_dict(), **tally.progress()}}


def carry_out(
    request: CopyTree,
    source_home: int,
    target_home: int,
    era: str,
    fsync: Any,
    pulse: "_Pulse | None" = None,
    check: Check | None = None,
) -> Tally:
    """Copy between two open homes; raise FileNotFound, PathOutsideProject or CopyFailed, or what `check` raises."""
    rules = Rules(request.overwrite_newer, request.delete_missing, request.backup, fsync)
    copier = TreeCopier(rules, TemporaryNames(era, os.getpid()), pulse or _no_pulse)
    if pulse is not None:
        pulse.tally = copier.tally
    try:
        with open_ends(request, source_home, target_home) as ends:
            if check is not None:
                check(ends)
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

    def __init__(self, answer: socket.socket, *, is_silent: bool = False, most_bytes: int | None = None) -> None:
        self.tally = Tally()
        self._most_bytes = math.inf if most_bytes is None else most_bytes
        self._is_silent = is_silent
        self.count: Callable[[], dict[str, int]] = dict
        self._total: dict[str, int] | None = None
        self._answer = answer
        self._poll = select.poll()
        self._poll.register(answer.fileno(), select.POLLHUP)
        self._looked_at = self._told_at = time.monotonic()

    def __call__(self) -> None:
        if self.tally.bytes_done + self.tally.moving_bytes > self._most_bytes:
            raise FileTooLarge(f"There is more than the {self._most_bytes} bytes that may be kept.")
        now = self.look()
        if now - self._told_at >= _PROGRESS_EVERY_SECONDS and not self._is_silent:
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


class GivenUp(Exception):
    """Whoever ordered the copy does not wait for it any more."""


def _no_pulse() -> None:
    pass


if __name__ == "__main__":
    sys.exit(main(sys.argv))
