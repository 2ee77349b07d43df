"""The copy engine for projects that share no disk: their agents do the work, bytes go from one to the other through us.

The agents' part is in `agent/copies/`. Here, in the middle:

1. Neither agent is trusted. Frames of bytes are of a bounded size and passed on unseen: what the source says is proved
   by the target's agent, which has nothing but its own home to lose. Messages to us are small and proved here.
2. A frame is read only when the one before was taken, so a slow end slows the other one down and the middle holds a
   few frames, however large the copy.
3. Whatever ends early (an agent, this process) ends the copy with an error that is worth another try. That one asks for
   what is missing only; of a large file that had come in part, for the rest.
4. Silence has a limit, and so has a copy that never ends.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, cast

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    AgentUnavailable,
    CopyFailed,
    FileNotFound,
    PathOutsideProject,
    StudioloError,
    Unavailable,
)
from studiolo.core.ids import ProjectId
from studiolo.core.models import CopyOrder
from studiolo.runtime.keeper.resolve import WORDS_FOR_SOURCE, WORDS_FOR_TARGET, normalise_ends
from studiolo.runtime.protocols import AgentChannel, AgentConnector, CopyOutcome, CopyReport, OnProgress, Postponed

FRAME_BYTES = 256 * 1024
OPEN_SECONDS = 30.0
SILENCE_SECONDS = 60.0
LONGEST_SECONDS = 24 * 3600.0
_LOOK_EVERY_SECONDS = 1.0
_SHORTEST_TIMEOUT = 1.0
_NUMBERS = (
    "files",
    "size_bytes",
    "unchanged",
    "kept",
    "deleted",
    "failed",
    "resumed_bytes",
    "files_done",
    "bytes_done",
)
_NUMBERS_OF_REVISION = (
    "added",
    "updated",
    "merged",
    "kept",
    "conflicts",
    "unchanged",
    "failed",
    "files_done",
    "bytes_done",
)
_LISTS_OF_REVISION = ("added_paths", "updated_paths", "merged_paths", "kept_paths")
_MOST = 2**62
_MOST_NAMED = 100
_MOST_FAILURES = 20
_MOST_CHARACTERS = 1000


class ProjectAgents(Protocol):
    """Knows how to reach the agents of projects."""

    async def socket_path(self, project_id: ProjectId) -> str:
        """Return the path of the agent's socket; start the project if it does not run. Raises Unavailable."""
        ...


class StreamedEngine:
    """Copies through both projects' agents; both projects run for it."""

    def __init__(
        self,
        connector: AgentConnector,
        agents: ProjectAgents,
        clock: Clock,
        fsync: str = "none",
        base_bytes: int = 100 * 1024 * 1024,
    ) -> None:
        self._connector = connector
        self._agents = agents
        self._clock = clock
        self._fsync = fsync
        self._base_bytes = base_bytes  # more than that of what is handed out is not kept for revising it

    async def copy(self, order: CopyOrder, on_progress: OnProgress | None = None) -> CopyReport:
        """Carry out one copy; raise FileNotFound, PathOutsideProject or CopyFailed, or Unavailable to try it again."""
        if order.max_bytes is not None:
            return {}  # a snapshot of what is handed out: each target keeps what it was given
        source_id, target_id = order.source.project_id, order.target.project_id
        source_path, target_path = normalise_ends(source_id, order.source_path, target_id, order.target_path)
        if source_id == target_id and source_path == target_path:
            return {}
        if order.target_path.endswith("/") and target_path:
            target_path += "/"
        async with AsyncExitStack() as stack:
            is_same_home = source_id == target_id
            given: dict[str, Any] = {
                "path": source_path,
                "is_same_home": is_same_home,
                "within": order.source_within,
                "exclude": order.exclude,
            }
            try:
                source = await self._open(stack, source_id, "copies.read", given)
            except StudioloError as error:
                raise _said_of_source(error, source_id, source_path) from error
            try:
                given = {"path": target_path, "fsync": self._fsync, "base_bytes": self._base_bytes}
                given |= _options(order) | _found(source.result)
                target = await self._open(stack, target_id, "copies.write", given)
            except StudioloError as error:
                raise _said(error, WORDS_FOR_TARGET) from error
            end = await _Relay(source, target, self._clock, on_progress, order.timeout_seconds).run()
            return _ended(end, "copied" if order.mode == "copy" else "revised")

    async def copy_all(self, orders: Sequence[CopyOrder]) -> list[CopyOutcome]:
        """Put off copies that were to be carried out together: through agents that is no less work."""
        return [Postponed.ALONE for _ in orders]

    async def _open(
        self, stack: AsyncExitStack, project_id: ProjectId, call: str, given: dict[str, Any]
    ) -> AgentChannel:
        socket_path = await self._agents.socket_path(project_id)
        channel = self._connector.channel(socket_path, call, given, timeout_seconds=OPEN_SECONDS)
        return await stack.enter_async_context(channel)


class _Relay:
    """Passes frames both ways until the target says that it is done, or something goes wrong."""

    def __init__(
        self,
        source: AgentChannel,
        target: AgentChannel,
        clock: Clock,
        on_progress: OnProgress | None,
        timeout_seconds: float | None,
    ) -> None:
        self._source = source
        self._target = target
        self._clock = clock
        self._on_progress = on_progress
        self._timeout_seconds = timeout_seconds
        self._total: dict[str, int] = {}
        self._done: tuple[int, int] = (0, 0)
        self._alive_at = self._moved_at = clock.monotonic()

    async def run(self) -> dict[str, Any]:
        """Return the message with which the target ends."""
        reading = asyncio.create_task(self._from_source())
        writing = asyncio.create_task(self._from_target())
        watching = asyncio.create_task(self._watch())
        tasks = (writing, reading, watching)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    return task.result()
            raise AssertionError("one of them is done")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _from_source(self) -> dict[str, Any]:
        async for frame in self._source.frames(FRAME_BYTES):
            self._alive_at = self._clock.monotonic()
            if isinstance(frame, bytes):
                self._moved_at = self._alive_at
                await self._target.send(frame)
            elif (total := _two_numbers(frame.get("total"))) is not None:
                self._total = {"files_total": total[0], "bytes_total": total[1]}
        raise _unavailable("the source's agent left")

    async def _from_target(self) -> dict[str, Any]:
        async for frame in self._target.frames(FRAME_BYTES):
            self._alive_at = self._clock.monotonic()
            if isinstance(frame, bytes):
                await self._source.send(frame)
            elif "progress" in frame:
                self._tell(frame["progress"])
            elif "stopped" in frame or "broken" in frame or "done" in frame:
                return frame
        raise _unavailable("the target's agent left")

    async def _watch(self) -> dict[str, Any]:
        begun_at = self._clock.monotonic()
        patience = None if self._timeout_seconds is None else max(_SHORTEST_TIMEOUT, self._timeout_seconds)
        while True:
            await self._clock.sleep(_LOOK_EVERY_SECONDS)
            now = self._clock.monotonic()
            if patience is not None and now - self._moved_at > patience:
                raise CopyFailed(f"The copy made no progress for {self._timeout_seconds} s and was given up.")
            if now - self._alive_at > SILENCE_SECONDS:
                raise _unavailable("both agents are silent")
            if now - begun_at > LONGEST_SECONDS:
                raise CopyFailed(f"The copy was given up after {LONGEST_SECONDS / 3600:g} hours.")

    def _tell(self, progress: object) -> None:
        done = _two_numbers(progress)
        if done is None:
            return
        if done != self._done:
            self._done, self._moved_at = done, self._alive_at
        if self._on_progress is not None:
            self._on_progress({"files_done": done[0], "bytes_done": done[1], **self._total})


def _options(order: CopyOrder) -> dict[str, Any]:
    options = {
        name: getattr(order, name) for name in ("overwrite_newer", "delete_missing", "backup", "exclude", "mode")
    }
    if order.mode != "copy" or order.is_handed_out:
        ends = (order.source.project_id, order.source_path.rstrip("/"), order.target_path.rstrip("/"))
        place = "\0".join(ends).encode(errors="surrogatepass")
        options["key"] = hashlib.sha256(place).hexdigest()[:32]
    return options if order.stamp is None else {**options, "stamp": order.stamp}


def _found(result: dict[str, Any]) -> dict[str, Any]:
    """Return what the target must know of the source, if the source's agent told it in the right shape."""
    name, around = result.get("name"), result.get("around")
    if name is not None and (not isinstance(name, str) or len(name) > 255):
        raise _unavailable("the source's name is none")
    if around is None:
        return {"name": name}
    if not isinstance(around, list) or any(_two_numbers(one) is None for one in cast("list[Any]", around)):
        raise _unavailable("the source's place is none")
    return {"name": name, "around": around}


def _ended(frame: dict[str, Any], what: str) -> CopyReport:
    """Return the report of the target, or raise what it says went wrong."""
    report = _report(frame.get("done"), _NUMBERS if what == "copied" else _NUMBERS_OF_REVISION)
    if "broken" in frame:
        raise Unavailable("The copy was interrupted.", internal=str(frame["broken"])[:_MOST_CHARACTERS])
    if "stopped" in frame:
        why = str(frame["stopped"])[:_MOST_CHARACTERS]
        noun, done = ("copy", "copied") if what == "copied" else ("revision", "done")
        raise CopyFailed(f"The {noun} stopped: {why}. What was {done} before is whole.", report=report)
    if report["failed"]:
        failures: list[str] = report["failures"]
        more = "; ..." if report["failed"] > len(failures) else ""
        raise CopyFailed(f"{report['failed']} could not be {what}: {'; '.join(failures)}{more}", report=report)
    if what == "copied":
        del report["failures"]
    return report


def _report(value: object, numbers: Sequence[str]) -> CopyReport:
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    report: CopyReport = {name: _number(given.get(name)) or 0 for name in numbers}
    report["failures"] = _texts(given.get("failures"))[:_MOST_FAILURES]
    if numbers is _NUMBERS_OF_REVISION:
        report |= {name: _texts(given.get(name)) for name in _LISTS_OF_REVISION}
        report["conflict_paths"] = _conflicts(given.get("conflict_paths"))
    return report


def _conflicts(value: object) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for one in cast("list[Any]", value)[:_MOST_NAMED] if isinstance(value, list) else []:
        named = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        path, beside = named.get("path"), named.get("beside")
        if isinstance(path, str) and isinstance(beside, str):
            found.append({"path": path[:_MOST_CHARACTERS], "beside": beside[:_MOST_CHARACTERS]})
    return found


def _texts(value: object) -> list[str]:
    named = cast("list[Any]", value)[:_MOST_NAMED] if isinstance(value, list) else []
    return [one[:_MOST_CHARACTERS] for one in named if isinstance(one, str)]


def _two_numbers(value: object) -> tuple[int, int] | None:
    if not isinstance(value, list) or len(cast("list[Any]", value)) != 2:
        return None
    first, second = (_number(one) for one in cast("list[Any]", value))
    return None if first is None or second is None else (first, second)


def _number(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return cast("int", value) if is_number else None


def _said_of_source(error: StudioloError, project_id: ProjectId, path: str) -> StudioloError:
    if isinstance(error, FileNotFound):
        return FileNotFound(f"ENOENT: no such file or directory, stat '/projects/{project_id}/{path}'")
    return _said(error, WORDS_FOR_SOURCE)


def _said(error: StudioloError, words: str) -> StudioloError:
    """Return an agent's refusal in the words of copies."""
    if isinstance(error, PathOutsideProject):
        return PathOutsideProject(words)
    return error if error.is_retryable else CopyFailed(error.message)


def _unavailable(internal: str) -> AgentUnavailable:
    return AgentUnavailable("The project's agent does not answer.", internal=internal)
