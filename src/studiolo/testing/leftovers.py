"""Processes that tests started and did not end, however far they went away from the test that started them.

The process of the tests becomes the parent of every orphan below it (a "subreaper"), so that neither a session of its
own nor the death of its parent hides a process: all of them are descendants until the end.
"""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from studiolo.runtime.keeper.linux import ProcessName, name_process
from studiolo.testing.live import until

_PR_SET_CHILD_SUBREAPER = 36


class Leftovers:
    """All processes below this one that were not there when it began to look."""

    def __init__(self, grace_seconds: float = 10.0) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        self._grace_seconds = grace_seconds  # what was told to end may still be ending
        self._before = set(_descendants())
        self._since: dict[ProcessName, str] = {}

    def note(self, place: str) -> None:
        """Remember that what runs now, and is not known yet, was started by the tests of `place`."""
        for name in _descendants():
            if name not in self._before:
                self._since.setdefault(name, place)

    def end(self) -> list[str]:
        """Wait a moment, end what is still there and say what it was and whose."""
        with suppress(AssertionError):
            until(lambda: not self._alive(), self._grace_seconds)
        left = self._alive()
        words = [f"{self._since.get(name, 'the last test')}: {name.pid} {_command(name)}" for name in left]
        for name in left:
            name.kill(signal.SIGKILL)
        return words

    def _alive(self) -> list[ProcessName]:
        return [name for name in _descendants() if name not in self._before]


def _descendants() -> Iterator[ProcessName]:
    todo = [os.getpid()]
    while todo:
        for child in _children(todo.pop()):
            todo.append(child)
            name = name_process(child)  # None for a zombie
            if name is not None:
                yield name


def _children(pid: int) -> Iterator[int]:
    """Iterate over the children of all threads of a process."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for task in tasks:
        try:
            yield from map(int, (task / "children").read_text().split())
        except OSError:
            continue


def _command(name: ProcessName) -> str:
    try:
        return Path(f"/proc/{name.pid}/cmdline").read_text(errors="replace").replace("\0", " ")[:300]
    except OSError:
        return ""
