"""Run a program to its end as a task, with its output; whoever gives up the task kills the program."""

import contextlib
import os
import signal
from dataclasses import replace

from studiolo.runtime.keeper.loop import Task, Wait, wait_for_child
from studiolo.runtime.keeper.spawn import Launch, spawn

_MAX_OUTPUT = 100_000


def execute(launch: Launch) -> Task[tuple[int, str]]:
    """Run the program and return its exit code and the first of what it said on stdout and stderr."""
    reading, writing = os.pipe()
    pid = None
    try:
        try:
            pid = spawn(replace(launch, stdout=writing, stderr=writing))
        finally:
            os.close(writing)
        output = b""
        while (yield Wait(reading)) and (piece := os.read(reading, 65536)):
            output = (output + piece)[:_MAX_OUTPUT]
        code = yield from wait_for_child(pid, None)
    except BaseException:
        if pid is not None:
            kill_child(pid)
        raise
    finally:
        os.close(reading)
    return (1 if code is None else code), output.decode(errors="replace")


def kill_child(pid: int) -> None:
    """Kill our own child and wait for it; it cannot have been recycled, since only we can wait for it."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
