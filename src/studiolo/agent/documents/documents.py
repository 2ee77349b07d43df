"""All open documents of the project."""

import asyncio
import logging
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studiolo.agent.agent import Agent
from studiolo.agent.documents import disk
from studiolo.agent.documents.log import LogUnusable, log_directory, read_log
from studiolo.agent.documents.models import NotebookModel, format_for
from studiolo.agent.kernels.kernels import Kernels
from studiolo.agent.kernels.kernelspecs import DEFAULT_NAME
from studiolo.core.clock import Clock

if TYPE_CHECKING:
    from studiolo.agent.documents.execution import Execution
    from studiolo.agent.documents.rooms import Room

TICK_SECONDS = 0.1
IDLE_TICK_SECONDS = 0.5
KEEP_ROOM_SECONDS = 60.0
_EXECUTION = "studiolo.agent.documents.execution"

log = logging.getLogger("studiolo.agent")


class OpenDocument:
    """A room, and what runs in it if it is a notebook."""

    def __init__(self, room: "Room", execution: "Execution | None") -> None:
        self.room = room
        self.execution = execution
        self.unused_since: float | None = None

    @property
    def is_used(self) -> bool:
        """Tell whether somebody looks at it, or a kernel would be lost with it."""
        return bool(self.room.clients) or (self.execution is not None and self.execution.has_kernel)

    async def close(self) -> None:
        """End its kernel and save."""
        if self.execution is not None:
            await self.execution.close()
        await self.room.close()


class Documents:
    """Opens documents, once each, and closes those that nobody uses."""

    def __init__(self, agent: Agent, kernels: Kernels, clock: Clock) -> None:
        self._home = Path(agent.home)
        self._kernels = kernels
        self._clock = clock
        self._open: dict[str, OpenDocument] = {}
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._preparing: asyncio.Future[Any] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ahead: set[asyncio.Task[None]] = set()
        agent.count_for_usage("open_documents", lambda: len(self._open))
        agent.count_busy(
            lambda: any(found.execution is not None and found.execution.is_busy for found in self._open.values())
        )
        agent.add_stop_hook(self.close_all, order=10)

    async def snapshot(self, path: str) -> dict[str, Any]:
        """Return what a document says, for showing it before anybody has joined it.

        Without a room, and when the file holds everything, it is read from the file alone: pycrdt takes 80 ms to
        import. Raises FileNotFound, FileTooLarge, FileTypeUnsupported, NotebookInvalid, PathOutsideProject.
        """
        path = disk.document_path(self._home, path)
        kind = disk.kind_of(path)
        found = self._open.get(path)
        model = None if found is not None else self._model_on_disk(path, kind)
        if model is None:
            found = found or await self.get(path)
            model = found.room.model()
        kernel = {"type": "kernel", "state": "none", "name": _kernel_name(model)}
        if found is not None and found.execution is not None:
            kernel = found.execution.kernel_frame()
        content = {"notebook": model.as_notebook()} if isinstance(model, NotebookModel) else {"content": model}
        return {"path": path, "kind": kind, "can_write": self._is_writable(path), "kernel": kernel, **content}

    def prepare(self, snapshot: dict[str, Any]) -> None:
        """Get ready, after a snapshot, for somebody who joins the document and runs its first cell."""
        self._import_ahead()
        if snapshot["path"] not in self._open:
            opening = asyncio.create_task(self._open_ahead(snapshot["path"]))
            self._ahead.add(opening)
            opening.add_done_callback(self._ahead.discard)
        if snapshot["kind"] == "notebook" and snapshot["kernel"]["state"] == "none":
            directory = str((self._home / snapshot["path"]).parent)
            self._kernels.prepare(snapshot["kernel"]["name"] or DEFAULT_NAME, directory)

    def _import_ahead(self) -> asyncio.Future[Any]:
        """Import what a room needs in a thread, once: 80 ms in which the agent answers others."""
        if self._preparing is None:
            self._preparing = asyncio.get_running_loop().run_in_executor(None, import_module, _EXECUTION)
        return self._preparing

    async def _open_ahead(self, path: str) -> None:
        """Have the room ready; when nobody comes it is closed like any that is unused."""
        try:
            await self.get(path)
        except Exception as error:  # noqa: BLE001 - whoever joins meets the same error and is told
            log.debug("opening ahead failed: %s", error)

    def refuse_larger(self, path: str, max_bytes: int) -> None:
        """Raise FileTooLarge if the file is larger than that and nobody has it open yet."""
        path = disk.document_path(self._home, path)
        stamp = disk.stamp_of(self._home / path)
        if stamp is not None and stamp.size_bytes > max_bytes and path not in self._open:
            raise disk.too_large(path, stamp.size_bytes, max_bytes)

    async def get(self, path: str) -> OpenDocument:
        """Return the open document of a normalised path, opening it if need be."""
        await asyncio.shield(self._import_ahead())
        async with self._lock:
            found = self._open.get(path)
            if found is not None and found.room.is_broken:
                await self._close(path)
                found = None
            if found is None:
                found = self._open[path] = self._load(path)
            self._keep()
            return found

    def path_of(self, path: str) -> str:
        """Return the normalised path; raise PathOutsideProject or InvalidRequest."""
        return disk.document_path(self._home, path)

    async def close(self, path: str) -> None:
        """Save a document; if nobody has it open, end its kernel and forget it."""
        found = self._open.get(disk.document_path(self._home, path))
        if found is None:
            return
        await found.room.saver.save()
        if not found.room.clients:
            async with self._lock:
                await self._close(found.room.path)

    async def close_all(self) -> None:
        """Save and close everything."""
        if self._keeper is not None:
            self._keeper.cancel()
        for opening in self._ahead:
            opening.cancel()
        async with self._lock:
            for path in list(self._open):
                await self._close(path)

    def note_activity(self) -> None:
        """Look at the rooms soon: something has changed."""
        self._wake.set()

    def _load(self, path: str) -> OpenDocument:
        from studiolo.agent.documents.rooms import Room  # 80 ms, for pycrdt

        room = Room(self._home, path, self._clock)
        room.on_change = self.note_activity
        if room.kind != "notebook":
            return OpenDocument(room, None)
        from studiolo.agent.documents.execution import Execution

        return OpenDocument(room, Execution(room, self._kernels, str(self._home)))

    async def _close(self, path: str) -> None:
        found = self._open.pop(path, None)
        if found is not None:
            await found.close()

    def _model_on_disk(self, path: str, kind: str) -> Any:
        """Return what the file says if that is what the room would say, else None."""
        content = disk.read(self._home / path, path)
        model = format_for(kind, path).parse(content.data)
        try:
            contents = read_log(log_directory(self._home, path), path)
        except LogUnusable:
            return model
        if contents is None or contents.saved_digest is None:
            return model
        return model if contents.is_clean and contents.saved_digest == content.digest else None

    def _is_writable(self, path: str) -> bool:
        return os.access(self._home / path, os.W_OK)

    def _keep(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_rooms())

    async def _keep_rooms(self) -> None:
        """Save, watch and at last close the rooms, for as long as there are any."""
        while self._open:
            is_dirty = any(not found.room.saver.is_saved for found in self._open.values())
            await self._pause(TICK_SECONDS if is_dirty else IDLE_TICK_SECONDS)
            for path, found in list(self._open.items()):
                try:
                    await found.room.tick()
                except Exception:
                    log.exception("saving or watching a document failed")
                await self._close_if_unused(path, found)

    async def _pause(self, seconds: float) -> None:
        self._wake.clear()
        waits = [asyncio.create_task(self._clock.sleep(seconds)), asyncio.create_task(self._wake.wait())]
        await asyncio.wait(waits[: 1 if seconds == TICK_SECONDS else 2], return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _close_if_unused(self, path: str, found: OpenDocument) -> None:
        now = self._clock.monotonic()
        if found.is_used or not found.room.saver.is_saved:
            found.unused_since = None
        elif found.unused_since is None:
            found.unused_since = now
        elif now - found.unused_since > KEEP_ROOM_SECONDS:
            async with self._lock:
                if not found.is_used:
                    await self._close(path)


def _kernel_name(model: Any) -> str:
    spec = model.metadata.get("kernelspec") if isinstance(model, NotebookModel) else None
    name = spec.get("name") if isinstance(spec, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
    return name if isinstance(name, str) else ""
