"""The agent's side of the template: asks it to start and signal kernels, hears of their ends."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studiolo.core.errors import Unavailable


class Launcher:
    """Starts processes through the template; a template that ended is replaced at the next start."""

    def __init__(self, connection: socket.socket | None, environment: dict[str, str]) -> None:
        self._connection = connection
        self._environment = environment
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._watchers: dict[int, Callable[[int], None]] = {}
        self._ended_early: dict[int, int] = {}
        self._last_id = 0

    async def warm(self) -> None:
        """Have the template import ipykernel, so that the first kernel need not; raise Unavailable if it cannot."""
        await self._ask({"do": "warm"})

    async def fork(self, connection_file: str, directory: str, environment: dict[str, str], stderr: str) -> int:
        """Start a kernel of the agent's own environment and return its pid; raise Unavailable if that fails."""
        request = {"do": "fork", "connection_file": connection_file}
        return await self._start({**request, "cwd": directory, "env": environment, "stderr": stderr})

    async def execute(self, argv: list[str], directory: str, environment: dict[str, str], stderr: str) -> int:
        """Start any other program and return its pid; raise Unavailable if that fails."""
        return await self._start(
            {"do": "execute", "argv": argv, "cwd": directory, "env": environment, "stderr": stderr}
        )

    async def signal(self, pid: int, number: int, *, group: bool = True) -> None:
        """Send a signal to a child, by default with all that it started."""
        await self._ask({"do": "signal", "pid": pid, "number": int(number), "group": group})

    def watch(self, pid: int, on_exit: Callable[[int], None]) -> None:
        """Have `on_exit` called once with the status when the child ends."""
        if pid in self._ended_early:
            on_exit(self._ended_early.pop(pid))
        else:
            self._watchers[pid] = on_exit

    async def close(self) -> None:
        """End the template and with it every kernel."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        elif self._connection is not None:
            self._connection.close()
        self._connection = None
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None

    async def _start(self, request: dict[str, Any]) -> int:
        return int((await self._ask(request))["pid"])

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        writer = await self._connect()
        self._last_id += 1
        number = self._last_id
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.write(json.dumps({"id": number, **request}).encode() + b"\n")
            await writer.drain()
            async with asyncio.timeout(60):
                result = await answer
        except (OSError, TimeoutError) as error:
            raise Unavailable("The process that starts kernels does not answer.", internal=repr(error)) from error
        finally:
            self._waiting.pop(number, None)
        if "error" in result:
            raise Unavailable(f"A kernel could not be started: {result['error']}")
        return result

    async def _connect(self) -> asyncio.StreamWriter:
        if self._writer is None:
            connection = self._connection or _spawn(self._environment)
            self._connection = None
            reader, self._writer = await asyncio.open_unix_connection(sock=connection, limit=1024 * 1024)
            self._reader = asyncio.create_task(self._listen(reader))
        return self._writer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except OSError:
            pass
        finally:
            self._lose()

    def _take(self, message: dict[str, Any]) -> None:
        if "exited" in message:
            watcher = self._watchers.pop(message["exited"], None)
            if watcher is not None:
                watcher(message["status"])
            else:
                self._ended_early[message["exited"]] = message["status"]
        else:
            waiting = self._waiting.get(message.get("id", 0))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def _lose(self) -> None:
        """The template is gone, and with it every kernel."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the template ended"))
        watchers, self._watchers = self._watchers, {}
        for watcher in watchers.values():
            watcher(-9)


def _spawn(environment: dict[str, str]) -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        package = str(Path(__file__).absolute().parents[3])
        command = [sys.executable, "-c", _BOOT, package, str(theirs.fileno())]
        subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL)
    return ours


# Without `-m`, which would look for modules in the project's home first.
_BOOT = (
    "import sys; sys.path[:] = [sys.argv[1], *[p for p in sys.path if p]];"
    "from studiolo.agent.kernels.template import serve; serve(int(sys.argv[2]))"
)
