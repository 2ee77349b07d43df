"""A copier that is forked before there is an order for it, so that no copy waits for that.

It holds no descriptor of any order but its own, and waits with the rights of the process that forked it, which has none
to any home. A spare that died is noticed when it is to be given its order; then another one is forked.
"""

import os
import socket
from collections.abc import Callable
from typing import NoReturn

from studiolo.runtime.copying.confinement import Gate

MAX_ORDER_BYTES = 192 * 1024
MOST_DESCRIPTORS = 250  # the kernel passes 253 in one message

CarryOut = Callable[[bytes, list[int]], None]


class Spare:
    """One copier that waits; made with `Spare.fork`."""

    def __init__(self, line: socket.socket, process: int, gate: Gate | None) -> None:
        self._line = line
        self._process = process
        self._gate = gate

    @classmethod
    def fork(cls, channel: socket.socket, carry_out: CarryOut) -> "Spare":
        """Fork a copier, which will never touch `channel` and calls `carry_out` with its order and its descriptors.

        As root it waits in a user namespace of its own whose users are named with the order.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gate = Gate() if os.geteuid() == 0 else None
        pid = os.fork()
        if pid == 0:
            channel.close()
            ours.close()
            _be_copier(theirs, gate, carry_out)
        theirs.close()
        if gate is not None:
            gate.leave_to_copier()
        # names this very process: its pid may be another's by the time there is an order
        return cls(ours, os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), gate)

    def take(self, order: bytes, fds: list[int], uids: list[int]) -> bool:
        """Give the copier its order and forget it; False when it died before."""
        try:
            if self._gate is not None:
                self._gate.open(self._process, uids)
            socket.send_fds(self._line, [order], fds)
        except OSError:
            return False
        finally:
            self._line.close()
            os.close(self._process)
            if self._gate is not None:
                self._gate.close()
        return True


def _be_copier(line: socket.socket, gate: Gate | None, carry_out: CarryOut) -> NoReturn:
    try:
        if gate is None or gate.enter():
            order, fds, _, _ = socket.recv_fds(line, MAX_ORDER_BYTES, MOST_DESCRIPTORS)
            line.close()
            if order:
                carry_out(order, fds)
    except BaseException as error:  # noqa: BLE001 - the end of the process: whatever it was goes to the log
        os.write(2, f"copier: {type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(0)
