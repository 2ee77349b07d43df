"""Run the tests, and fail when a process that they started is left: `python -m studiolo.testing.leftovers pytest ...`.

This process becomes the parent of every orphan below it (a "subreaper"), so that neither a session of its own nor the
death of its parent hides a process. It is another one than that of the tests because somebody has to wait for orphans,
as init does, without taking away the ends of the tests' own children.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from studiolo.runtime.keeper.linux import ProcessName, adopt_orphans, name_process

_GRACE_SECONDS = 10.0  # what was told to end may still be ending
_PAUSE_SECONDS = 0.05


def run(command: list[str], grace_seconds: float = _GRACE_SECONDS) -> int:
    """Run a command and return its exit code, or 1 when it is 0 and something is left; say what, and end it."""
    adopt_orphans()
    # a shell makes what it runs beside itself deaf to Ctrl-C, and all that is started from there: servers, kernels
    deaf = (signal.SIGINT, signal.SIGQUIT)
    tests = os.posix_spawnp(command[0], command, os.environ, setsigdef=deaf)  # noqa: TID251 - theirs is ours
    signal.signal(signal.SIGINT, lambda _number, _frame: None)  # a terminal tells the tests as well
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(tests, number))
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == tests:
            break
    code = os.waitstatus_to_exitcode(status)
    left = _left(grace_seconds)
    if left:
        print("Processes that the tests left:", *map(_describe, left), sep="\n  ", file=sys.stderr)  # noqa: T201
    for name in left:
        name.kill(signal.SIGKILL)
    return code if code > 0 else int(code < 0 or bool(left))


def _left(seconds: float) -> list[ProcessName]:
    """Return what runs below this process after a while."""
    deadline = time.monotonic() + seconds
    while (names := list(_descendants())) and time.monotonic() < deadline:
        _reap()
        time.sleep(_PAUSE_SECONDS)
    return names


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


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


def _describe(name: ProcessName) -> str:
    """Return pid and command line, which mostly holds a test's directory."""
    try:
        return f"{name.pid} " + Path(f"/proc/{name.pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return str(name.pid)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
