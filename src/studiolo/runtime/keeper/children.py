"""Hub and copy workers: started without rights, restarted when they crash, ended with us."""

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from studiolo.core.errors import StudioloError
from studiolo.runtime.keeper.log import Log
from studiolo.runtime.keeper.loop import Loop, wait_for_child
from studiolo.runtime.keeper.peers import Dispatch, Peer
from studiolo.runtime.keeper.plan import CANNOT_START
from studiolo.runtime.keeper.spawn import Launch, spawn

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_STEADY_SECONDS = 30.0  # whoever ran this long starts again at once


class Child:
    """One kind of child: at most one process at a time, with a socket to us.

    `on_refusal` is called when its very first process said that it cannot start; one that ran before is started again.
    """

    def __init__(
        self,
        name: str,
        loop: Loop,
        log: Log,
        launch: Launch,
        dispatch: Dispatch,
        allowed: tuple[type, ...],
        *,
        is_needed_always: bool,
        on_refusal: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._loop = loop
        self._log = log
        self._launch = launch
        self._dispatch = dispatch
        self._allowed = allowed
        self._is_needed_always = is_needed_always
        self._on_refusal = on_refusal
        self._peer: Peer | None = None
        self._pause = _FIRST_PAUSE
        self._started_at = 0.0
        self._on_end: Callable[[], None] | None = None
        self._is_stopping = False
        self._is_waiting = False
        self._is_first = True
        self.pid: int | None = None

    def start(self) -> None:
        """Start the process unless it runs, is about to be started again, or we are stopping."""
        if self.pid is not None or self._is_stopping or self._is_waiting:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            argv = (*self._launch.argv, "--keeper-fd", str(fd))
            try:
                self.pid = spawn(_for_child(self._launch, argv, (*self._launch.fds, fd)))
            except BaseException:
                ours.close()
                raise
        self._started_at = time.monotonic()
        self._peer = Peer(self._loop, ours, self._dispatch, self._allowed)
        self._loop.start(wait_for_child(self.pid, None), self._waited)

    def nudge(self) -> None:
        """Start the process, or tell the running one by SIGUSR1 that there is work; it looks for itself what."""
        if self.pid is None:
            self.start()
        else:
            os.kill(self.pid, signal.SIGUSR1)  # our own child, not yet waited for: the pid is its

    def send_event(self, event: dict[str, Any]) -> None:
        """Tell the running process, if there is one; it may be lost."""
        if self._peer is not None:
            self._peer.send_event(event)

    def stop(self, on_end: Callable[[], None]) -> None:
        """Ask the process to end; `on_end` is called once it is gone, at once if none runs."""
        self._is_stopping = True
        self._loop.drop_timer(self)
        if self.pid is None:
            on_end()
            return
        self._on_end = on_end
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)  # our own child, not yet waited for: the pid is its

    def _waited(self, code: int | None, error: BaseException | None) -> None:
        if error is not None and self.pid is not None:  # no descriptor was left to wait with: it cannot be looked after
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self._ended(code)

    def _ended(self, code: int | None) -> None:
        self.pid = None
        if self._peer is not None:
            self._peer.close()
        if self._is_stopping:
            if self._on_end is not None:
                self._on_end()
            return
        if code == 0 and not self._is_needed_always:
            self._pause = _FIRST_PAUSE
            return
        if code == CANNOT_START and self._is_first and self._on_refusal is not None:
            self._on_refusal()
            return
        self._is_first = False
        if time.monotonic() - self._started_at > _STEADY_SECONDS:
            self._pause = _FIRST_PAUSE
        self._log.write("warning", "child_ended", child=self.name, exit_code=code, restart_in_seconds=self._pause)
        self._try_later()

    def _try_later(self) -> None:
        self._is_waiting = True
        self._loop.call_later(self, self._pause, self._start_again)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _start_again(self) -> None:
        self._is_waiting = False
        try:
            self.start()
        except (OSError, StudioloError) as error:  # no descriptor, no memory: later there may be some
            self._log.write("error", "child_not_started", child=self.name, error=str(error))
            self._try_later()


def _for_child(launch: Launch, argv: tuple[str, ...], fds: tuple[int, ...]) -> Launch:
    return Launch(
        argv,
        launch.environment,
        fds,
        stdout=1,
        uid=launch.uid,
        is_bound_to_parent=True,
        has_no_new_privileges=launch.has_no_new_privileges,
        directory=launch.directory,
    )
