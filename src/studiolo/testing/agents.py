"""An agent without a sandbox: it speaks the real wire over a Unix socket, with files that live in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from studiolo.core import wire
from studiolo.core.errors import CommandFailed, FileNotFound, StudioloError
from studiolo.core.wire import Frame

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
EMPTY_NOTEBOOK: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
ENDED_JOB: dict[str, Any] = {
    "job_id": "9f86d081884c7d65",
    "command": "make",
    "args": [],
    "status": "completed",
    "pid": 4711,
    "exit_code": 0,
    "signal": None,
    "started_ms": 1_767_268_800_000,
    "elapsed_seconds": 1.5,
    "stdout_bytes": 0,
    "stderr_bytes": 0,
    "last_event_id": 1,
    "is_truncated": False,
}


class FakeAgent:
    """Answers the calls of an agent.

    `files` is what the project holds, `calls` what was asked, `answers` what to say instead of the usual; a command is
    answered by `commands[name]`, by default with its arguments on stdout.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.files: dict[str, str] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.commands: dict[str, Handler] = {}
        self.job: dict[str, Any] = dict(ENDED_JOB)
        self.idle_seconds = 0.0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._handlers: dict[str, Handler] = {
            "ping": self._ping,
            "files.read_text": self._read_text,
            "files.write_text": self._write_text,
            "files.list": self._list,
            "files.page": self._page,
            "files.describe": self._describe,
            "files.move": self._move,
            "files.delete": self._delete,
            "files.make_directory": self._make_directory,
            "files.make_archive": self._pack,
            "files.extract": self._unpack,
            "exec.run": self._run,
            "exec.start": self._start_job,
            "exec.status": self._tell_job,
            "exec.list": self._list_jobs,
            "exec.kill": self._kill_job,
            "exec.collect": self._collect,
            "documents.open": self._open,
            "documents.history": self._history,
            "kernels.list": self._list_kernels,
            "kernels.execute": self._execute,
            "kernels.pool": self._fill_pool,
            "kernels.running": self._list_running,
            "kernels.stop": self._stop_kernel,
            "usage": self._usage,
            "disk_use": self._disk_use,
        }

    async def listen(self, socket_path: str) -> None:
        """Answer on a Unix socket until `close`."""
        self._server = await asyncio.start_unix_server(self._serve, socket_path)

    async def close(self) -> None:
        """Die: the socket refuses and open connections break."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._connections):
                writer.transport.abort()
            await self._server.wait_closed()

    def calls_of(self, call: str) -> list[dict[str, Any]]:
        """Return the parameters of every call of a name."""
        return [params for name, params in self.calls if name == call]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(wire.WireError, ConnectionError):
                while isinstance(request := await wire.read(reader), dict):
                    await wire.write(writer, await self._answer(request))
                    if request["call"] == "documents.join":
                        await self._echo(reader, writer)
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, request: dict[str, Any]) -> Frame:
        call, params = request["call"], request["params"]
        self.calls.append((call, params))
        try:
            if call in self.answers:
                return {"result": self.answers[call]}
            if call == "documents.join":
                return {"result": {"path": params["path"], "kind": _kind(params["path"]), "generation": "g1"}}
            return {"result": await self._handlers[call](params)}
        except StudioloError as error:
            return {"error": error.as_dict()}

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (frame := await wire.read(reader)) is not None:
            await wire.write(writer, frame)

    async def _ping(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"version": "0", "pid": 1}

    async def _usage(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"memory_bytes": 1, "open_documents": 0, "kernels": 0, "idle_seconds": self.idle_seconds}

    async def _disk_use(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"used_bytes": 3 * 1024 * 1024}

    async def _read_text(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"content": self._content(params["path"])}

    async def _write_text(self, params: dict[str, Any]) -> dict[str, Any]:
        self.files[params["path"]] = params["content"]
        return {}

    async def _list(self, _params: dict[str, Any]) -> dict[str, Any]:
        size = {path: len(content.encode()) for path, content in self.files.items()}
        entry = {"is_directory": False, "modified_at": "2026-01-01T12:00:00.000Z"}
        return {"entries": [{"name": path, "size_bytes": size[path], **entry} for path in sorted(self.files)]}

    async def _page(self, params: dict[str, Any]) -> dict[str, Any]:
        tops = sorted({path.partition("/")[0] for path in self.files} - {""})
        page = [top for top in tops if top > params["after"]][: params["limit"]]
        is_more = bool(page) and page[-1] != tops[-1]
        return {"entries": [self._entry(top) for top in page], "next": page[-1] if is_more else None}

    async def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        path = params["path"]
        if path and not any(f"{name}/".startswith(f"{path}/") for name in self.files):
            self._content(path)  # which is not there
        return {**self._entry(path), "etag": "0" * 32}

    async def _move(self, params: dict[str, Any]) -> dict[str, Any]:
        self.files[params["target"]] = self._content(params["source"])
        del self.files[params["source"]]
        return {}

    async def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        self._content(params["path"])
        del self.files[params["path"]]
        return {"deleted": 1}

    async def _make_directory(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"created": True}

    async def _pack(self, params: dict[str, Any]) -> dict[str, Any]:
        self.files[params["target"]] = "PK"
        return {"size_bytes": 2}

    async def _unpack(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"files": 1, "size_bytes": 2, "skipped": 0}

    def _entry(self, path: str) -> dict[str, Any]:
        content = self.files.get(path)
        return {
            "name": path.rpartition("/")[2],
            "type": "directory" if content is None else "file",
            "size_bytes": len((content or "").encode()),
            "modified_ns": 1_767_268_800_000_000_000,
            "mode": 0o644,
        }

    async def _run(self, params: dict[str, Any]) -> dict[str, Any]:
        command = self.commands.get(params["command"])
        if command is not None:
            return await command(params)
        if params["command"] == "false":
            raise CommandFailed("command 'false' (args=) exited with nonzero code 1 -- stderr=''")
        return {"stdout": " ".join(params["args"]) + "\n", "stderr": "", "exit_code": 0}

    async def _start_job(self, params: dict[str, Any]) -> dict[str, Any]:
        self.job |= {"command": params["command"], "args": params["args"]}
        return {**self.job, "status": "running", "exit_code": None}

    async def _tell_job(self, _params: dict[str, Any]) -> dict[str, Any]:
        return self.job

    async def _list_jobs(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"jobs": [{**self.job, "status": "running", "exit_code": None}]}

    async def _kill_job(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {**self.job, "status": "killed", "exit_code": None, "signal": 15}

    async def _collect(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {**self.job, "stdout": "made\n", "stderr": ""}

    async def _list_kernels(self, _params: dict[str, Any]) -> dict[str, Any]:
        spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        return {"kernelspecs": [spec]}

    async def _execute(self, params: dict[str, Any]) -> dict[str, Any]:
        output = [{"data": {"text/plain": params["input"]}}]
        return {"output": output, "is_complete": True, "total_seconds": 0.01}

    async def _list_running(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"kernels": [{"pid": 7, "connection_file": "/tmp/kernel.json", "name": "python3"}]}  # noqa: S108

    async def _stop_kernel(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"is_stopped": params["pid"] == 7}

    async def _fill_pool(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def _open(self, params: dict[str, Any]) -> dict[str, Any]:
        path, kernel = params["path"], {"state": "none", "name": ""}
        content = self._content(path)
        kind = _kind(path)
        held: dict[str, Any] = {"notebook": EMPTY_NOTEBOOK} if kind == "notebook" else {"content": content}
        return {"path": path, "kind": kind, "can_write": True, "kernel": kernel, **held}

    async def _history(self, params: dict[str, Any]) -> dict[str, Any]:
        patch = {"patch": "AAA="} if params["patches"] else {}
        return {"history": [{"time_ms": 1_767_268_800_000, "patch_length": 2, **patch}]}

    def _content(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFound(f"ENOENT: no such file or directory, open '{self.home}/{path}'")
        return self.files[path]


def _kind(path: str) -> str:
    kinds = {".ipynb": "notebook", ".md": "markdown"}
    return next((kind for suffix, kind in kinds.items() if path.endswith(suffix)), "text")
