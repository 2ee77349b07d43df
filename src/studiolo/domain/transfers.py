"""Bytes on their way into projects and out of them, at the pace of the slower end.

1. Nothing is held here but a piece at a time: a file of any size takes the same memory.
2. The agent says what a file is and sends what it holds; here is checked that it sends as much as it has said.
3. Who may, is asked before the first byte. A narrowed sign-in's part of the home is enforced by the agent as well, for
   only there links can be followed.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from studiolo.core.clock import Clock
from studiolo.core.errors import AgentUnavailable, FileTooLarge, RateLimited
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.core.settings import Settings
from studiolo.core.wire import Frame
from studiolo.domain.access import Access, within
from studiolo.domain.agents import Agents
from studiolo.domain.home_paths import path_below_home
from studiolo.domain.idempotency import Made, id_elsewhere, made_before, note_made_elsewhere
from studiolo.domain.lifecycle import project_spec
from studiolo.runtime.agents import agent_error
from studiolo.runtime.protocols import AgentChannel

PIECE_BYTES = 256 * 1024
MAX_FRAME_BYTES = 2 * PIECE_BYTES
UPLOAD_ID_CHARACTERS = 32
OPEN_SECONDS = 60.0
FINISH_SECONDS = 600.0  # to check and to write through what may be gigabytes
AT_ONCE = 32  # in one project: each holds a connection to its agent
_MIB = 1024 * 1024
_MOST_BYTES = 1 << 62

Pieces = AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that has arrived."""

    size_bytes: int
    etag: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in, as far as it is."""

    upload_id: str
    path: str
    offset: int
    size_bytes: int
    expires_at: datetime


class Download:
    """A file that is open to be read, whole or in part."""

    def __init__(self, channel: AgentChannel) -> None:
        size, modified, etag = (channel.result.get(name) for name in ("size_bytes", "modified_ns", "etag"))
        if not (isinstance(size, int) and isinstance(modified, int) and _is_etag(etag) and 0 <= size < _MOST_BYTES):
            raise AgentUnavailable("The project's agent did not say what the file is.")
        self.size_bytes = size
        self.etag = str(etag)
        self.modified_at = moment_of(modified)
        self._channel = channel

    async def pieces(self, start: int, length: int) -> Pieces:
        """Iterate over the bytes from `start` on; raise AgentUnavailable or the agent's error if not all can be had."""
        await self._channel.send({"start": start, "length": length})
        left = length
        async for piece in _pieces(self._channel):
            left -= len(piece)
            if left < 0:
                raise AgentUnavailable("The project's agent sent more than the file holds.")
            yield piece
        if left:
            raise AgentUnavailable("The project's agent sent less than the file holds.")


class Transfers:
    """Uploads, downloads and archives."""

    def __init__(self, settings: Settings, clock: Clock, access: Access, agents: Agents) -> None:
        self._settings = settings
        self._clock = clock
        self._access = access
        self._agents = agents
        self._under_way: dict[ProjectId, int] = {}

    @property
    def max_upload_bytes(self) -> int:
        """Return the size of the largest file that is taken."""
        return self._settings.max_upload_mb * _MIB

    @asynccontextmanager
    async def download(self, principal: Principal, project_id: ProjectId, path: str) -> AsyncGenerator[Download]:
        """Open a file for the length of a `with` block."""
        inside = path_below_home(project_id, path)
        project = await self._access.project(principal, project_id, write=False, path=inside)
        async with self._channel(principal, project, "files.download", {"path": inside}) as channel:
            yield Download(channel)

    @asynccontextmanager
    async def archive(
        self, principal: Principal, project_id: ProjectId, paths: list[str], form: str
    ) -> AsyncGenerator[Pieces]:
        """Pack some paths, and give the archive's bytes as they are made."""
        inside = list(dict.fromkeys(path_below_home(project_id, path) for path in paths or [""]))
        for path in inside[1:]:
            await self._access.project(principal, project_id, write=False, path=path)
        project = await self._access.project(principal, project_id, write=False, path=inside[0])
        params = {"paths": inside, "format": form}
        async with self._channel(principal, project, "files.archive", params) as channel:
            yield _pieces(channel)

    async def upload(
        self,
        principal: Principal,
        project_id: ProjectId,
        path: str,
        pieces: Pieces,
        *,
        size_bytes: int | None = None,
        sha256: str | None = None,
        if_match: str | None = None,
        must_not_exist: bool = False,
    ) -> Placed:
        """Write a file whole, making its parent directories; nobody sees it before all of it has come."""
        inside = path_below_home(project_id, path)
        project = await self._access.project(principal, project_id, write=True, path=inside)
        self._require_size(size_bytes or 0)
        params = {"path": inside, "size_bytes": size_bytes, "if_match": if_match, "must_not_exist": must_not_exist}
        params["disk_bytes"] = self._disk_bytes(project)
        async with self._channel(principal, project, "uploads.receive", params) as channel:
            return _placed(await _hand_over(channel, pieces, sha256))

    async def create_upload(
        self, principal: Principal, project_id: ProjectId, path: str, size_bytes: int, sha256: str | None = None
    ) -> Upload:
        """Begin an upload that can be resumed."""
        made = made_before(Made.UPLOAD)
        if made is not None:
            return await self.find_upload(principal, project_id, made)
        inside = path_below_home(project_id, path)
        project = await self._access.project(principal, project_id, write=True, path=inside)
        self._require_size(size_bytes)
        params = {"path": inside, "size_bytes": size_bytes, "sha256": sha256}
        params["upload_id"] = id_elsewhere(Made.UPLOAD, UPLOAD_ID_CHARACTERS)
        upload = self._read(await self._call(principal, project, "uploads.create", params))
        note_made_elsewhere(Made.UPLOAD, upload.upload_id)
        return upload

    async def find_upload(self, principal: Principal, project_id: ProjectId, upload_id: str) -> Upload:
        """Return how far an upload is; raise UploadNotFound."""
        project = await self._writable(principal, project_id)
        return self._read(await self._call(principal, project, "uploads.state", {"upload_id": upload_id}))

    async def append(
        self,
        principal: Principal,
        project_id: ProjectId,
        upload_id: str,
        offset: int,
        pieces: Pieces,
        checksum: tuple[str, str] | None = None,
    ) -> int:
        """Go on with an upload and return how far it is then; with all its bytes it becomes the file.

        `checksum` is an algorithm's name and what it should find for these bytes. If the pieces break off, what has
        come is kept. Raises UploadOffsetMismatch if the upload goes on elsewhere.
        """
        project = await self._writable(principal, project_id)
        algorithm, expected = checksum or (None, None)
        params = {"upload_id": upload_id, "offset": offset, "checksum": algorithm}
        params["disk_bytes"] = self._disk_bytes(project)
        async with self._channel(principal, project, "uploads.append", params) as channel:
            answer = await _hand_over(channel, pieces, expected)
        reached = answer.get("offset")
        if not isinstance(reached, int) or not offset <= reached < _MOST_BYTES:
            raise AgentUnavailable("The project's agent did not say how far the upload is.")
        return reached

    async def discard_upload(self, principal: Principal, project_id: ProjectId, upload_id: str) -> None:
        """Give an upload up."""
        project = await self._writable(principal, project_id)
        await self._call(principal, project, "uploads.discard", {"upload_id": upload_id})

    async def _writable(self, principal: Principal, project_id: ProjectId) -> Project:
        """Return a project to some part of which the caller may write; the agent knows to where the upload goes."""
        part = principal.scope.path_prefix
        return await self._access.project(principal, project_id, write=True, path=part)

    def _require_size(self, size_bytes: int) -> None:
        if size_bytes > self.max_upload_bytes:
            limit = self._settings.max_upload_mb
            raise FileTooLarge(f"The file is larger than {limit:,} MB, the most this server takes.")

    def _disk_bytes(self, project: Project) -> int | None:
        return project_spec(project, self._settings).limits.disk_bytes

    async def _call(self, principal: Principal, project: Project, call: str, params: dict[str, Any]) -> dict[str, Any]:
        return await self._agents.call(
            project,
            call,
            {**params, "disk_bytes": self._disk_bytes(project), **within(principal.scope)},
            timeout_seconds=FINISH_SECONDS,
            may_start=principal.scope.may_start,
        )

    @asynccontextmanager
    async def _channel(
        self, principal: Principal, project: Project, call: str, params: dict[str, Any]
    ) -> AsyncGenerator[AgentChannel]:
        with self._counted(project.project_id):
            async with self._agents.channel(
                project,
                call,
                {**params, **within(principal.scope)},
                timeout_seconds=OPEN_SECONDS,
                may_start=principal.scope.may_start,
            ) as channel:
                yield channel

    @contextmanager
    def _counted(self, project_id: ProjectId) -> Any:
        count = self._under_way.get(project_id, 0)
        if count >= AT_ONCE:
            raise RateLimited(f"{AT_ONCE} files of this project are under way already.", retry_after_seconds=5)
        self._under_way[project_id] = count + 1
        try:
            yield
        finally:
            self._under_way[project_id] -= 1
            if not self._under_way[project_id]:
                del self._under_way[project_id]

    def _read(self, answer: dict[str, Any]) -> Upload:
        match answer:
            case {
                "upload_id": str(upload_id),
                "path": str(path),
                "offset": int(offset),
                "size_bytes": int(size),
                "lifetime_seconds": float(lifetime),
            } if (
                upload_id.isascii() and upload_id.isalnum() and 0 <= offset <= size < _MOST_BYTES and 0 < lifetime < 1e7
            ):
                return Upload(upload_id, path, offset, size, self._clock.now() + timedelta(seconds=lifetime))
            case _:
                raise AgentUnavailable("The project's agent did not say how far the upload is.")


def moment_of(nanoseconds: int) -> datetime:
    """Return a file's time, which may be any number; what no calendar knows becomes 1970."""
    try:
        return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


async def _hand_over(channel: AgentChannel, pieces: Pieces, checksum: str | None) -> dict[str, Any]:
    """Send all pieces and the end; return the agent's answer, which may come before all was sent."""
    answering = asyncio.ensure_future(_answer(channel))
    try:
        with suppress(AgentUnavailable):  # the answer says why it no longer listens
            async for piece in _gathered(pieces):
                if answering.done():
                    break
                await channel.send(piece)
            else:
                await channel.send({"end": True, "checksum": checksum})
        async with asyncio.timeout(FINISH_SECONDS):
            return await answering
    except TimeoutError as error:
        raise AgentUnavailable("The project's agent did not finish the file in time.") from error
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


async def _gathered(pieces: Pieces) -> Pieces:
    """Bring pieces to a good size: each costs the agent a turn."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)


async def _pieces(channel: AgentChannel) -> Pieces:
    """Iterate over the bytes that an agent sends until it says that this was all."""
    async for frame in channel.frames(MAX_FRAME_BYTES):
        if isinstance(frame, bytes):
            yield frame
        elif frame.get("end") is True:
            return
        else:
            raise _error_in(frame)
    raise AgentUnavailable("The project's agent broke off.")


async def _answer(channel: AgentChannel) -> dict[str, Any]:
    async for frame in channel.frames(MAX_FRAME_BYTES):
        if not isinstance(frame, bytes) and isinstance(frame.get("result"), dict):
            return cast("dict[str, Any]", frame["result"])
        raise _error_in(frame)
    raise AgentUnavailable("The project's agent broke off.")


def _error_in(frame: Frame) -> Exception:
    error = None if isinstance(frame, bytes) else frame.get("error")
    known = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    return agent_error(known)


def _placed(answer: dict[str, Any]) -> Placed:
    match answer:
        case {"size_bytes": int(size), "etag": str(etag), "created": bool(is_new)} if _is_etag(etag) and size >= 0:
            return Placed(size, etag, is_new)
        case _:
            raise AgentUnavailable("The project's agent did not say what became of the file.")


def _is_etag(etag: object) -> bool:
    return isinstance(etag, str) and len(etag) == 32 and etag.isascii() and etag.isalnum()
