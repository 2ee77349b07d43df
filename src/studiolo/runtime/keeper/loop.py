"""The keeper's event loop: one thread, tasks as generators that yield what they wait for.

asyncio would do the same for 9 MB more memory in a process that should be about 10 MB.
"""

import os
import selectors
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from studiolo.runtime.keeper.linux import ProcessName

_PAUSE_AFTER_FAILURE = 0.05

T = TypeVar("T")
Callback = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until `fd` is readable (None: only for time) but not longer than `seconds`; answers whether it was."""

    fd: int | None
    seconds: float | None = None


Task = Generator[Wait, bool, T]


class Running:
    """A task on its way; `cancel` runs its clean-up at once and nothing else of it ever."""

    def __init__(self, loop: "Loop", task: Task[Any], on_end: Callable[[Any, BaseException | None], None]) -> None:
        self._loop = loop
        self._task = task
        self._on_end = on_end
        self._wait: Wait | None = None
        self.is_over = False

    def cancel(self) -> None:
        """End the task without an answer."""
        if not self.is_over:
            self.is_over = True
            self._forget()
            self._task.close()

    def step(self, answer: bool | None) -> None:
        """Run the task until it waits again or ends."""
        self._forget()
        try:
            wait = next(self._task) if answer is None else self._task.send(answer)
        except StopIteration as end:
            self.is_over = True
            self._on_end(end.value, None)
        except Exception as error:  # noqa: BLE001 - an edge: every failure becomes the answer of the request
            self.is_over = True
            self._on_end(None, error)
        else:
            self._arm(wait)

    def _arm(self, wait: Wait) -> None:
        self._wait = wait
        if wait.fd is not None:
            self._loop.watch(wait.fd, lambda: self.step(True))
        if wait.seconds is not None:
            self._loop.call_later(self, wait.seconds, lambda: self.step(False))

    def _forget(self) -> None:
        if self._wait is not None and self._wait.fd is not None:
            self._loop.unwatch(self._wait.fd)
        self._loop.drop_timer(self)
        self._wait = None


class Loop:
    """Runs callbacks when descriptors are readable and when times come.

    A callback that fails is told to `on_failure` and does not end the loop: every project depends on it.
    """

    def __init__(self, on_failure: Callable[[Exception], None]) -> None:
        self._on_failure = on_failure
        self._selector = selectors.DefaultSelector()
        self._timers: dict[object, tuple[float, Callback]] = {}
        self._is_stopping = False

    def start(self, task: Task[T], on_end: Callable[[Any, BaseException | None], None]) -> Running:
        """Start a task; `on_end(value, error)` is called when it ends by itself."""
        running = Running(self, task, on_end)
        running.step(None)
        return running

    def watch(self, fd: int, readable: Callback, writable: Callback | None = None) -> None:
        """Call back whenever `fd` is readable, and when it is writable if asked for."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        if fd in self._selector.get_map():
            self._selector.modify(fd, events, (readable, writable))
        else:
            self._selector.register(fd, events, (readable, writable))

    def unwatch(self, fd: int) -> None:
        """Call back for `fd` no more."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def call_later(self, key: object, seconds: float, callback: Callback) -> None:
        """Call back once, in `seconds`; a second call with the same key replaces the first."""
        self._timers[key] = (time.monotonic() + seconds, callback)

    def drop_timer(self, key: object) -> None:
        """Forget the timer of `key`, if there is one."""
        self._timers.pop(key, None)

    def stop(self) -> None:
        """Make `run` return."""
        self._is_stopping = True

    def run(self) -> None:
        """Run until `stop`."""
        self._is_stopping = False
        while not self._is_stopping:
            self._run_timers()
            if self._is_stopping:
                return
            for key, mask in self._selector.select(self._pause()):
                self._dispatch(key.fd, mask)

    def _dispatch(self, fd: int, mask: int) -> None:
        key = self._selector.get_map().get(fd)
        if key is None:
            return  # an earlier callback of this round closed it
        readable, writable = key.data
        if mask & selectors.EVENT_WRITE and writable is not None:
            self._call(writable)
        if mask & selectors.EVENT_READ and fd in self._selector.get_map():
            self._call(readable)

    def _pause(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, min(moment for moment, _ in self._timers.values()) - time.monotonic())

    def _run_timers(self) -> None:
        now = time.monotonic()
        for key, (moment, callback) in list(self._timers.items()):
            if moment <= now and self._timers.get(key) == (moment, callback):
                del self._timers[key]
                self._call(callback)

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - the edge of the keeper: nothing may end it but `stop`
            self._on_failure(error)
            time.sleep(_PAUSE_AFTER_FAILURE)  # a descriptor stays readable: it must not keep us busy


def wait_for_exit(name: ProcessName, seconds: float | None) -> Task[bool]:
    """Wait until the process is gone, and tell whether it is."""
    fd = name.open()
    if fd is None:
        return True
    try:
        return (yield Wait(fd, seconds))
    finally:
        os.close(fd)


def wait_for_child(pid: int, seconds: float | None) -> Task[int | None]:
    """Wait for a child of the keeper and return its exit code, or None when it is not over in time."""
    fd = os.pidfd_open(pid)
    try:
        if not (yield Wait(fd, seconds)):
            return None
    finally:
        os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
