"""Run a program to its end as a task, with its output; whoever gives up the task kills the program."""

import contextlib
import os
import signal
from dataclasses import replace

from studiolo.runtime.keeper.linux import children_of, name_process
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
    """Kill our own child with its children and wait for it; it cannot be recycled, since only we can wait for it.

    bubblewrap takes its child along only once that child has asked for it; killed before, it would leave it behind,
    waiting for ever. It is stopped first, so that no other child comes while we look.
    """
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGSTOP)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return
        children = [name_process(child) for child in children_of(pid)]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for child in children:
            if child is not None:
                child.kill(signal.SIGKILL)
