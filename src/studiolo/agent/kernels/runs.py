"""Running code outside any document: a kernel of its own, some history in silence, one input, its output."""

import asyncio
import json
import os
import time
from dataclasses import dataclass
from typing import Any, cast

from studiolo.agent.agent import Agent
from studiolo.agent.kernels.kernel import Kernel, Run
from studiolo.agent.kernels.kernels import Kernels
from studiolo.agent.kernels.messages import Message
from studiolo.agent.kernels.pool import Pool

AT_ONCE = 4
TRUNCATED = "\n[The rest of the output is not shown: it is larger than {} bytes.]\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long code may run and how much it may say."""

    total_seconds: float
    cell_seconds: float
    total_bytes: int
    cell_bytes: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, in which kernel and where."""

    kernel: str
    directory: str
    code: str
    history: tuple[str, ...]
    limits: Limits


class Runs:
    """Runs code, a few pieces at once."""

    def __init__(self, agent: Agent, kernels: Kernels, pool: Pool) -> None:
        self._kernels = kernels
        self._pool = pool
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self, order: Order) -> dict[str, Any]:
        """Return the output of the code, and whether it came to its end."""
        async with self._turns:
            kernel = await self._pool.take(order.kernel, order.directory)
            try:
                return await self._run(kernel, order)
            finally:
                ending = asyncio.create_task(self._kernels.end(kernel))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)

    async def _run(self, kernel: Kernel, order: Order) -> dict[str, Any]:
        limits, began_at = order.limits, time.monotonic()
        output = Output(min(limits.cell_bytes, limits.total_bytes))
        is_complete = False
        try:
            async with asyncio.timeout(limits.total_seconds):
                for code in order.history:
                    await _execute(kernel, code, Output(0), limits.cell_seconds)
                await _execute(kernel, order.code, output, limits.cell_seconds)
                is_complete = True
        except TimeoutError:
            output.add_error("TimeoutError", "The code was ended: it ran for too long.")
        return {
            "output": output.messages,
            "is_complete": is_complete and not output.is_truncated,
            "total_seconds": time.monotonic() - began_at,
        }


class Output:
    """What code says, as the wire gives it: the content of the messages without their envelopes."""

    def __init__(self, max_bytes: int) -> None:
        self.messages: list[dict[str, Any]] = []
        self.is_truncated = False
        self._max_bytes = max_bytes
        self._bytes = 0
        self._is_clear_wanted = False
        self._places: dict[str, list[int]] = {}

    def take(self, message: Message) -> None:
        """Take one message of a kernel."""
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "clear_output":
            self._is_clear_wanted = True
            if not content.get("wait"):
                self._clear()
        elif kind == "stream":
            self._add_stream(str(content.get("name")), str(content.get("text")))
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self._add_data(kind, content)
        elif kind == "error":
            self._add({name: content.get(name) for name in ("ename", "evalue", "traceback")})

    def add_error(self, name: str, words: str) -> None:
        """Add an error of ours."""
        self.messages.append({"ename": name, "evalue": words, "traceback": [words]})

    def _add_stream(self, name: str, text: str) -> None:
        last = self.messages[-1] if self.messages and not self._is_clear_wanted else {}
        if last.get("name") == name and self._has_room(text):
            last["text"] += text
        elif last.get("name") != name or not self.is_truncated:
            self._add({"name": name, "text": text})

    def _add_data(self, kind: str, content: dict[str, Any]) -> None:
        said: dict[str, Any] = {"data": content.get("data") or {}}
        if content.get("metadata"):
            said["metadata"] = content["metadata"]
        transient: Any = content.get("transient")
        display_id = str(cast("dict[str, Any]", transient).get("display_id", "")) if isinstance(transient, dict) else ""
        if kind == "update_display_data":
            for place in self._places.get(display_id, []):
                if self._has_room(said):
                    self.messages[place] = said
        elif self._add(said) and display_id:
            self._places.setdefault(display_id, []).append(len(self.messages) - 1)

    def _add(self, said: dict[str, Any]) -> bool:
        if self._is_clear_wanted:
            self._clear()
        if not self._has_room(said):
            return False
        self.messages.append(said)
        return True

    def _clear(self) -> None:
        self.messages.clear()
        self._places.clear()
        self._is_clear_wanted = False

    def _has_room(self, said: Any) -> bool:
        if self.is_truncated:
            return False
        self._bytes += len(said if isinstance(said, str) else json.dumps(said))
        if self._bytes <= self._max_bytes:
            return True
        self.is_truncated = True
        self.messages.append({"name": "stderr", "text": TRUNCATED.format(self._max_bytes)})
        return False


def directory_of(home: str, path: str) -> str:
    """Return the directory in which code runs that belongs to a file; the home if there is no such directory."""
    directory = os.path.dirname(os.path.join(home, path)) if path else home  # noqa: PTH118, PTH120 - as given
    return directory if os.path.isdir(directory) else home  # noqa: PTH112


async def _execute(kernel: Kernel, code: str, output: Output, seconds: float) -> None:
    run = Run(output.take, _ask_nobody)
    async with asyncio.timeout(seconds):
        await kernel.execute(code, run, may_ask=False)


def _ask_nobody(_prompt: str, _is_password: bool) -> None:
    """Never called: the kernel was told that nobody can be asked."""
