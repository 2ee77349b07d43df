"""One kernel: its process, its state, running code in it."""

import asyncio
import shutil
import signal
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studiolo.agent.kernels.kernelspecs import KernelSpec
from studiolo.agent.kernels.launcher import Launcher
from studiolo.agent.kernels.messages import Connection, Message
from studiolo.core.errors import KernelDied, KernelStartTimeout, StudioloError

START_SECONDS = 60.0
SHUTDOWN_SECONDS = 1.0
BEGIN_SECONDS = 1.0
REPLY_SECONDS = 1.0
_REMEMBERED_RUNS = 64


class Run:
    """A request for running code and who hears of its messages."""

    def __init__(self, on_output: Callable[[Message], None], on_input: Callable[[str, bool], None]) -> None:
        self.on_output = on_output
        self.on_input = on_input
        self.reply: dict[str, Any] | None = None
        self.is_idle = False
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Note that the kernel is at the code."""
        if not self.begun.done():
            self.begun.set_result(None)

    def settle(self) -> None:
        """Finish when both the reply and the last output are there.

        A signal between the code and the reply takes the reply with it: a kernel that is idle without one has none.
        """
        if not self.is_idle or self.done.done():
            return
        if self.reply is not None:
            self.done.set_result(self.reply)
        else:
            asyncio.get_running_loop().call_later(REPLY_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if not self.done.done():
            self.done.set_result({"status": "aborted"})


class Kernel:
    """A kernel process; it runs one piece of code at a time."""

    def __init__(self, spec: KernelSpec, directory: str, launcher: Launcher, environment: dict[str, str]) -> None:
        self.spec = spec
        self.directory = directory
        self.is_alive = False
        self.on_death: Callable[[], None] = lambda: None
        self._launcher = launcher
        self._environment = {**environment, **dict(spec.environment)}
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._pid = 0
        self._is_ending = False
        self._input_request: Message | None = None
        self._private = Path(tempfile.mkdtemp(prefix="studiolo-kernel-"))
        self._stderr = str(self._private / "stderr")
        self._connection = Connection(self._private, spec.name)
        self._heard: set[str] = set()
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()

    async def start(self, context: Any) -> None:
        """Start the process and wait until it answers; raise KernelStartTimeout, KernelDied or Unavailable."""
        try:
            self._connection.write_file()
            self._pid = await self._launch()
            self.is_alive = True
            self._launcher.watch(self._pid, self._died)
            self._connection.open(context, self._take)
            async with asyncio.timeout(START_SECONDS):
                await self._wait_until_ready()
        except TimeoutError as error:
            await self.shutdown()
            raise KernelStartTimeout(f"The kernel {self.spec.display_name!r} did not start in time.") from error
        except BaseException:
            await self.shutdown()
            raise

    async def execute(self, code: str, run: Run, *, may_ask: bool = True) -> dict[str, Any]:
        """Run code and return the reply's content; raise KernelDied when the process ends meanwhile.

        Without `may_ask`, code that asks for input fails instead of waiting for somebody.
        """
        if not self.is_alive:
            raise KernelDied("The kernel is not running.")
        request: dict[str, Any] = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": may_ask,
            "stop_on_error": True,
        }
        message_id = await self._connection.send("shell", "execute_request", request)
        self._runs[message_id] = run
        while len(self._runs) > _REMEMBERED_RUNS:
            self._runs.popitem(last=False)
        return await run.done

    async def reply_input(self, value: str) -> None:
        """Answer the question that the code asked."""
        request, self._input_request = self._input_request, None
        if request is not None:
            await self._connection.send("stdin", "input_reply", {"value": value}, parent=request)

    async def interrupt(self) -> None:
        """Make the running code raise KeyboardInterrupt."""
        await self._until_begun()
        if not self.is_alive:
            return
        if self.spec.interrupt_mode == "message":
            await self._connection.send("control", "interrupt_request", {})
        else:
            await self._launcher.signal(self._pid, signal.SIGINT)

    @property
    def pid(self) -> int:
        """Return the number of the process, as the project sees it."""
        return self._pid

    @property
    def connection_file(self) -> str:
        """Return the file that says how to reach the kernel."""
        return self._connection.file

    async def kill(self) -> None:
        """End the process as if it had ended by itself: whoever uses the kernel hears of it."""
        if self.is_alive:
            await self._launcher.signal(self._pid, signal.SIGKILL)
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self._ended.wait()

    async def shutdown(self) -> None:
        """End the process and everything that it started."""
        self._is_ending = True
        if self.is_alive:
            await self._launcher.signal(self._pid, signal.SIGKILL)
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                self._died(-int(signal.SIGKILL))
        self._clean_up()

    async def _until_begun(self) -> None:
        """Wait for the run on its way to the kernel: before it is at the code, a signal is lost, or the reply is."""
        ahead = [run for run in self._runs.values() if not (run.begun.done() or run.done.done())]
        if ahead:
            waiting = (ahead[0].begun, ahead[0].done)
            await asyncio.wait(waiting, timeout=BEGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)

    async def _launch(self) -> int:
        if self.spec.is_own:
            try:
                return await self._launcher.fork(self._connection.file, self.directory, self._environment, self._stderr)
            except StudioloError:
                pass  # the template cannot: the ordinary way is slower and needs nothing of it
        command = self.spec.command(self._connection.file)
        return await self._launcher.execute(command, self.directory, self._environment, self._stderr)

    async def _wait_until_ready(self) -> None:
        # Asked again and again: a first answer on iopub may come before the subscription has reached the kernel.
        waiting = {asyncio.create_task(self._ready.wait()), asyncio.create_task(self._ended.wait())}
        pause = 0.05
        try:
            while not (self._ready.is_set() or self._ended.is_set()):
                await self._connection.send("shell", "kernel_info_request", {})
                await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                pause = min(pause * 2, 1.0)
        finally:
            for task in waiting:
                task.cancel()
        if not self.is_alive:
            words = self._last_words()
            raise KernelDied(f"The kernel {self.spec.display_name!r} ended while starting. {words}".strip())

    def _last_words(self) -> str:
        try:
            return Path(self._stderr).read_bytes()[-2000:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _take(self, channel: str, message: Message) -> None:
        kind = message["header"]["msg_type"]
        if kind == "kernel_info_reply" or channel == "iopub":
            self._note_ready(channel)
        run = self._runs.get(message.get("parent_header", {}).get("msg_id", ""))
        if run is None:
            return
        if channel == "iopub":
            if kind == "status":
                run.is_idle = run.is_idle or message["content"].get("execution_state") == "idle"
            elif kind == "execute_input":
                run.begin()
            run.on_output(message)
        elif channel == "stdin" and kind == "input_request":
            self._input_request = message
            content = message["content"]
            run.on_input(str(content.get("prompt", "")), bool(content.get("password")))
        elif channel == "shell" and kind == "execute_reply":
            run.reply = message["content"]
        run.settle()

    def _note_ready(self, channel: str) -> None:
        self._heard.add(channel)
        if {"shell", "iopub"} <= self._heard:
            self._ready.set()

    def _died(self, status: int) -> None:
        if not self.is_alive:
            return
        self.is_alive = False
        self._ended.set()
        error = KernelDied("The kernel has died.", internal=f"status {status}")
        for run in self._runs.values():
            if not run.done.done():
                run.done.set_exception(error)
                run.done.exception()  # nobody may be waiting for it
        self._runs.clear()
        if not self._is_ending:
            self._clean_up()
            self.on_death()

    def _clean_up(self) -> None:
        self._connection.close()
        shutil.rmtree(self._private, ignore_errors=True)
