"""Running a notebook's cells, one after the other, whoever is looking or not."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from studiolo.agent.documents.clients import Client
from studiolo.agent.documents.models import NotebookModel
from studiolo.agent.documents.notebooks import NotebookDocument, YCell
from studiolo.agent.documents.outputs import DisplayIds, OutputWriter
from studiolo.agent.documents.rooms import Room
from studiolo.agent.kernels.kernel import Kernel, Run
from studiolo.agent.kernels.kernels import Kernels
from studiolo.agent.kernels.kernelspecs import DEFAULT_NAME
from studiolo.agent.kernels.messages import Message
from studiolo.core.errors import KernelDied, NotFound, StudioloError

MAX_QUEUE = 1000
SHOW_SECONDS = 0.05

log = logging.getLogger("studiolo.agent")


@dataclass(slots=True)
class Queued:
    """A cell that is to be run; the first error ends its batch."""

    cell_id: str
    code: str
    batch: object
    is_dropped: bool = False  # while it waited for its kernel


class Execution:
    """The queue and the kernel of one notebook."""

    def __init__(self, room: Room, kernels: Kernels, home: str) -> None:
        assert isinstance(room.document, NotebookDocument)
        self._room = room
        self._kernels = kernels
        self._directory = str(PurePosixPath(home, room.path).parent)
        self._queue: deque[Queued] = deque()
        self._running: Queued | None = None
        self._kernel: Kernel | None = None
        self._state = "none"
        self._question: dict[str, Any] | None = None
        self._display_ids = DisplayIds()
        self._starting = asyncio.Lock()  # one start at a time, or a kernel would be lost
        self._worker: asyncio.Task[None] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._reset_states()

    @property
    def is_busy(self) -> bool:
        """Tell whether something runs or waits."""
        return self._running is not None or bool(self._queue)

    @property
    def has_kernel(self) -> bool:
        """Tell whether there is a kernel, whose variables would be lost with the room."""
        return self._kernel is not None

    def kernel_frame(self) -> dict[str, Any]:
        """Return the frame that tells the kernel's state."""
        return {"type": "kernel", "state": self._state, "name": self._kernel_name()}

    def welcome(self, client: Client) -> None:
        """Tell a new client how things stand."""
        client.post(self.kernel_frame())
        if self._question is not None and client.can_write:
            client.post(self._question)

    def prepare(self) -> None:
        """Have a kernel started ahead of the first run."""
        if self._kernel is None:
            self._kernels.prepare(self._kernel_name(), self._directory)

    async def command(self, client: Client, frame: dict[str, Any]) -> None:
        """Do what a client asks; what it may not or makes no sense is answered by a notice."""
        kind = frame.get("type")
        if kind == "run":
            self._run([frame.get("cell_id")])
        elif kind == "run_all":
            self._run([cell["id"] for cell in self._model().cells if cell["cell_type"] == "code"])
        elif kind == "interrupt":
            await self._interrupt()
        elif kind == "restart":
            await self.restart()
        elif kind == "input_reply":
            await self._reply(frame)

    async def restart(self) -> None:
        """Empty the queue and start the kernel anew."""
        self._clear_queue()
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.create_task(self._restart())
        await asyncio.shield(self._restarting)

    async def close(self) -> None:
        """End the kernel."""
        self._queue.clear()
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.on_death = lambda: None
            await self._kernels.end(kernel)
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._forget_question()
        self._reset_states()

    def _model(self) -> NotebookModel:
        return self._room.model()

    def _document(self) -> NotebookDocument:
        assert isinstance(self._room.document, NotebookDocument)
        return self._room.document

    def _kernel_name(self) -> str:
        spec = self._document().metadata().get("kernelspec")
        name = spec.get("name") if isinstance(spec, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
        return name if isinstance(name, str) and name else DEFAULT_NAME

    def _run(self, cell_ids: list[Any]) -> None:
        batch = object()
        waiting = {queued.cell_id for queued in self._queue}
        with self._room.change():
            for cell_id in cell_ids:
                cell = self._document().find(cell_id) if isinstance(cell_id, str) else None
                if cell is None or cell.get("cell_type") != "code" or cell_id in waiting:
                    continue
                if len(self._queue) >= MAX_QUEUE:
                    break
                self._queue.append(Queued(cell_id, str(cell.get("source")), batch))
                if self._begins_at_once:
                    continue  # it is shown as running in a moment; one update less on its way to the result
                if self._running is None or self._running.cell_id != cell_id:
                    cell["execution_state"] = "queued"
        if self._queue and (self._worker is None or self._worker.done()):
            self._worker = asyncio.create_task(self._work())

    @property
    def _begins_at_once(self) -> bool:
        has_kernel = self._kernel is not None and self._kernel.is_alive
        return has_kernel and self._running is None and len(self._queue) == 1

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        while self._queue:
            self._running = self._queue.popleft()
            if self._kernel is not None and loop.time() - began_at > SHOW_SECONDS:
                self._set_busy()  # many short runs are one long one
            try:
                is_good = await self._run_one(self._running)
                if not is_good:
                    self._drop(self._running.batch)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("running a cell failed")
                self._set_state_of(self._running.cell_id, "idle")
            finally:
                self._running = None
            if not self._queue and self._kernel is not None and self._state != "restarting":
                self._set_state("idle")

    async def _run_one(self, queued: Queued) -> bool:
        """Run one cell; return whether it went well."""
        if self._restarting is not None and not self._restarting.done():
            await asyncio.gather(asyncio.shield(self._restarting), return_exceptions=True)
        writer = OutputWriter(self._room, queued.cell_id, self._find, self._display_ids)
        try:
            return await self._run_with(writer, queued)
        finally:
            writer.close()

    async def _run_with(self, writer: OutputWriter, queued: Queued) -> bool:
        if not queued.code.strip():
            writer.begin()
            writer.finish(None)
            return True
        try:
            kernel = await self._ready_kernel()
        except StudioloError as error:
            writer.begin()
            self._fail(writer, error)
            return False
        if queued.is_dropped:
            self._unqueue([queued])
            return False
        # What ends at once is shown when it has ended: nothing flickers, and no frame is spent on what is over.
        showing = asyncio.get_running_loop().call_later(SHOW_SECONDS, self._show, writer)
        try:
            reply = await kernel.execute(queued.code, self._run_for(queued, writer))
        except KernelDied as error:
            self._fail(writer, error)
            return False
        finally:
            showing.cancel()
            self._forget_question()
        for page in _pages(reply):
            writer.take("display_data", page)
        writer.finish(_count(reply))
        return reply.get("status") == "ok"

    def _run_for(self, queued: Queued, writer: OutputWriter) -> Run:
        def on_output(message: Message) -> None:
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "execute_input":
                writer.count(_count(content))
            else:
                writer.take(kind, {**content, "transient": content.get("transient")})

        def on_input(prompt: str, is_password: bool) -> None:
            self._show(writer)
            writer.flush()
            self._question = {
                "type": "input",
                "cell_id": queued.cell_id,
                "prompt": prompt,
                "is_password": is_password,
            }
            self._room.announce(self._question, writers_only=True)

        return Run(on_output, on_input)

    def _show(self, writer: OutputWriter) -> None:
        self._set_busy()
        writer.begin()

    def _set_busy(self) -> None:
        if self._state != "restarting":
            self._set_state("busy")

    def _fail(self, writer: OutputWriter, error: StudioloError) -> None:
        if isinstance(error, KernelDied) and self._state == "restarting":
            writer.finish(None)
            return
        writer.take("error", {"ename": type(error).__name__, "evalue": error.message, "traceback": [error.message]})
        writer.finish(None)
        self._room.notice("error", error.code, error.message)

    async def _ready_kernel(self) -> Kernel:
        async with self._starting:
            if self._kernel is None or not self._kernel.is_alive:
                self._kernel = await self._new_kernel()
            return self._kernel

    async def _new_kernel(self) -> Kernel:
        if self._state != "restarting":
            self._set_state("starting")
        try:
            kernel = await self._start_kernel(self._kernel_name())
        except StudioloError:
            self._set_state("dead")
            raise
        kernel.on_death = lambda: self._note_death(kernel)
        return kernel

    async def _start_kernel(self, name: str) -> Kernel:
        try:
            return await self._kernels.start(name, self._directory)
        except NotFound:
            # Notebooks carry the name of a kernel on somebody else's machine; any Python will do for Python.
            language = self._document().metadata().get("kernelspec", {}).get("language", "python")
            if language != "python":
                raise
            message = f"The kernel {name!r} is not installed here; Python 3 is used instead."
            self._room.notice("warning", "kernel_replaced", message)
            return await self._kernels.start(DEFAULT_NAME, self._directory)

    def _note_death(self, kernel: Kernel) -> None:
        if self._kernel is not kernel:
            return
        self._kernel = None
        self._clear_queue()
        self._set_state("dead")
        if self._running is None:
            self._room.notice("error", KernelDied.code, "The kernel has died. The next run starts a new one.")

    async def _interrupt(self) -> None:
        self._clear_queue()
        if self._kernel is not None:
            await self._kernel.interrupt()

    async def _restart(self) -> None:
        self._set_state("restarting")
        async with self._starting:
            kernel, self._kernel = self._kernel, None
            if kernel is not None:
                kernel.on_death = lambda: None
                await self._kernels.end(kernel)
        try:
            await self._ready_kernel()
        except StudioloError as error:
            self._room.notice("error", error.code, error.message)
            return
        self._set_state("idle")

    async def _reply(self, frame: dict[str, Any]) -> None:
        question, value = self._question, frame.get("value")
        if question is None or self._kernel is None or not isinstance(value, str):
            return
        if frame.get("cell_id") == question["cell_id"]:
            self._forget_question()
            await self._kernel.reply_input(value)

    def _forget_question(self) -> None:
        question, self._question = self._question, None
        if question is not None:
            self._room.announce({"type": "input_done", "cell_id": question["cell_id"]})

    def _drop(self, batch: object) -> None:
        gone = [queued for queued in self._queue if queued.batch is batch]
        self._queue = deque(queued for queued in self._queue if queued.batch is not batch)
        self._unqueue(gone)

    def _clear_queue(self) -> None:
        gone = list(self._queue)
        self._queue.clear()
        self._unqueue(gone)
        if self._running is not None:
            self._running.is_dropped = True

    def _unqueue(self, gone: list[Queued]) -> None:
        with self._room.change():
            for queued in gone:
                if queued is self._running or self._running is None or queued.cell_id != self._running.cell_id:
                    self._set_state_of(queued.cell_id, "idle")

    def _find(self, cell_id: str) -> YCell | None:
        cell = self._document().find(cell_id)
        return cell if cell is not None and cell.get("cell_type") == "code" else None

    def _set_state_of(self, cell_id: str, state: str) -> None:
        cell = self._find(cell_id)
        if cell is not None and cell.get("execution_state") != state:
            cell["execution_state"] = state

    def _reset_states(self) -> None:
        """Show every cell as idle: what ran in an agent that was killed runs no more."""
        with self._room.change():
            self._document().set_idle()

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._room.announce(self.kernel_frame())


def _pages(reply: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the help texts that `name?` asks to be shown."""
    payload = cast("list[Any]", reply.get("payload") or [])
    return [part for part in payload if isinstance(part, dict) and cast("dict[str, Any]", part).get("source") == "page"]


def _count(content: dict[str, Any]) -> int | None:
    count = content.get("execution_count")
    return count if isinstance(count, int) else None
