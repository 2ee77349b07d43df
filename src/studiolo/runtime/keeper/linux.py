"""System calls that Python does not offer, and how processes are told apart for good.

A process is named by pid, start time and boot: a recycled pid never matches, so nothing foreign is ever killed.
"""

import ctypes
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_RDONLY = 1
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class ProcessName:
    """A process for as long as it lives: `started` is its start time in ticks since boot `boot`."""

    pid: int
    started: int
    boot: str

    def is_alive(self) -> bool:
        """Tell whether this very process still runs; a zombie does not."""
        return boot_id() == self.boot and _stat(self.pid) == self.started

    def open(self) -> int | None:
        """Return a pidfd of this very process, or None when it is gone."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:
            return None
        if self.is_alive():
            return fd
        os.close(fd)
        return None

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to this very process; nothing happens when it is gone."""
        fd = self.open()
        if fd is None:
            return
        try:
            signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)


def name_process(pid: int) -> ProcessName | None:
    """Return the name of a living process, or None."""
    started = _stat(pid)
    return None if started is None else ProcessName(pid, started, boot_id())


def children_of(pid: int) -> list[int]:
    """Return the pids of the process's children, as the kernel lists them for its main thread."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def boot_id() -> str:
    """Return the identifier of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


_libc: Any = ctypes.CDLL(None, use_errno=True)  # the C library that is loaded already: no work is done here


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount; see mount(2)."""
    arguments = [os.fsencode(text) or None for text in (source, target, kind)]
    pointer = ctypes.c_char_p(os.fsencode(data) or None)
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), pointer), f"mount {target}")


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; a later change of uid undoes it.

    Raises ProcessLookupError when the parent died before the kernel was asked: nobody would tell us any more.
    """
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        raise ProcessLookupError(f"the parent {parent} is gone")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, instead of init; whoever asks must wait for them."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def gain_no_privileges() -> None:
    """Make set-uid programs and file capabilities without effect, for good."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def keep_capabilities() -> None:
    """Let the permitted capabilities survive a change of uid."""
    _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl")


@contextmanager
def acting_as(uid: int | None) -> Generator[None]:
    """Use files with the rights of `uid` inside the block; None changes nothing.

    Only the effective ids change: the process cannot be signalled or traced by that uid.
    """
    if uid is None:
        yield
        return
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
