"""The keeper's loop goes on whatever its callbacks do, and who is bound to a parent ends with it."""

import os
import subprocess
import sys

import pytest

from studiolo.runtime.keeper.loop import Loop


@pytest.fixture
def failures() -> list[Exception]:
    return []


@pytest.fixture
def loop(failures: list[Exception]) -> Loop:
    return Loop(failures.append)


def fail() -> None:
    raise OSError("no descriptor is left")


def test_timer_that_fails_is_told_and_the_next_one_runs(loop: Loop, failures: list[Exception]):
    loop.call_later("first", 0, fail)
    loop.call_later("second", 0.01, loop.stop)
    loop.run()
    assert [str(failure) for failure in failures] == ["no descriptor is left"]


def test_reader_that_fails_is_told_and_the_loop_goes_on(loop: Loop, failures: list[Exception]):
    reading, writing = os.pipe()
    try:
        loop.watch(reading, fail)
        os.write(writing, b"x")
        loop.call_later("end", 0.01, loop.stop)
        loop.run()
    finally:
        loop.unwatch(reading)
        os.close(reading)
        os.close(writing)
    assert failures


def test_who_would_be_bound_to_a_parent_that_is_gone_is_told():
    program = """
import os
from studiolo.runtime.keeper import linux
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        os.sched_yield()
    try:
        linux.die_with(parent)
    except ProcessLookupError as error:
        print(error, flush=True)
    os._exit(0)
print(f"the parent {parent} was here", flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.removesuffix(" was here") == second.removesuffix(" is gone")
