"""What every call of the agent gets: the project's home, the parts that live as long as the agent, and the end."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

Part = TypeVar("Part")
StopHook = Callable[[], Awaitable[None]]

STOP_HOOK_SECONDS = 10.0

log = logging.getLogger("studiolo.agent")


class Agent:
    """The one object behind all calls of one agent.

    A part (documents, kernels, running commands) is made by the first call that needs it and kept here by its class:
    `rooms = agent.part(Rooms, lambda: Rooms(agent))`. A part that must save or end something adds a stop hook;
    a part that works without being called (a busy kernel) says so with `count_busy`.
    """

    def __init__(self, home: str, template: socket.socket | None = None) -> None:
        self.home = home
        self._template = template
        self._parts: dict[type[Any], Any] = {}
        self._hooks: list[tuple[int, StopHook]] = []
        self._counters: dict[str, Callable[[], int]] = {}
        self._busy: list[Callable[[], bool]] = []
        self._active_calls = 0
        self._last_active = time.monotonic()
        self._stop_wanted = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None

    def part(self, kind: type[Part], make: Callable[[], Part]) -> Part:
        """Return the agent's part of this class, made at the first use."""
        if kind not in self._parts:
            self._parts[kind] = make()
        return cast("Part", self._parts[kind])

    def take_template(self) -> socket.socket | None:
        """Return, once, the socket to the process that kernels are forked from."""
        template, self._template = self._template, None
        return template

    def child_environment(self) -> dict[str, str]:
        """Return the environment for the project's own programs: ours, without what is meant for our interpreter."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        kept.pop("PWD", None)
        kept.pop("OLDPWD", None)
        return kept | {"HOME": self.home}

    def count_for_usage(self, name: str, count: Callable[[], int]) -> None:
        """Report `count()` under `name` in the answer of `usage`."""
        self._counters[name] = count

    def count_busy(self, is_busy: Callable[[], bool]) -> None:
        """Count the project as in use while `is_busy()`, though nobody calls."""
        self._busy.append(is_busy)

    def counters(self) -> dict[str, int]:
        """Return what the parts count for `usage`."""
        return {name: count() for name, count in self._counters.items()}

    def touch(self) -> None:
        """Note that somebody uses the project now."""
        self._last_active = time.monotonic()

    def begin(self) -> None:
        """Note the start of a call; the project is in use until `end`."""
        self._active_calls += 1

    def end(self) -> None:
        """Note the end of a call."""
        self._active_calls -= 1
        self.touch()

    def idle_seconds(self) -> float:
        """Return for how long nobody has used the project; 0 while a call runs or a kernel is busy."""
        if self._active_calls or any(is_busy() for is_busy in self._busy):
            self.touch()
            return 0.0
        return time.monotonic() - self._last_active

    def add_stop_hook(self, hook: StopHook, *, order: int) -> None:
        """Have `hook` awaited when the agent stops, lower `order` first: 10 documents, 20 kernels, 30 commands."""
        self._hooks.append((order, hook))

    @property
    def is_stopping(self) -> bool:
        """Tell whether the end has begun: new calls are refused."""
        return self._stopping is not None or self._stop_wanted.is_set()

    async def run_stop_hooks(self) -> None:
        """Run every stop hook once, however often this is called; a hook that fails or hangs does not stop the rest."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._run_stop_hooks())
        await asyncio.shield(self._stopping)

    def request_stop(self) -> None:
        """Make the server end the agent."""
        self._stop_wanted.set()

    async def wait_until_stop(self) -> None:
        """Wait until somebody requests the stop."""
        await self._stop_wanted.wait()

    async def _run_stop_hooks(self) -> None:
        for _, hook in sorted(self._hooks, key=lambda entry: entry[0]):
            try:
                async with asyncio.timeout(STOP_HOOK_SECONDS):
                    await hook()
            except Exception:  # one part's failure must not keep the others from saving
                log.exception("a stop hook failed")
