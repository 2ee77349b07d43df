"""The calls for uploads.

`uploads.write` is a channel: the hub sends bytes, then `{"end": true, "checksum": HEX}`; the agent answers once, with
`{"result": ...}` or `{"error": ...}`. Without an end, because the hub or its client is gone, an upload that can be
resumed keeps what has arrived, and one in a single request is given up.
"""

import asyncio
import contextlib
import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from studiolo.agent import params
from studiolo.agent.files import explain, in_thread
from studiolo.agent.space import Space, room_of
from studiolo.agent.uploads import LIFETIME_SECONDS, Upload, Uploads, is_id
from studiolo.core.errors import (
    ChecksumMismatch,
    InvalidRequest,
    PathOutsideProject,
    StudioloError,
    TooLarge,
    UploadNotFound,
    UploadOffsetMismatch,
)

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent
    from studiolo.agent.channel import Channel

CHECKSUMS = ("sha1", "sha256")
DISCARDED_SECONDS = 10.0


async def create(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Begin an upload that can be resumed; one of no bytes is finished at once.

    Under an id that was given before, it is the upload that was begun then.
    """
    uploads, upload = _uploads(agent), _read(given)
    if given.get("upload_id") is not None:
        with contextlib.suppress(UploadNotFound):
            return await state(agent, given)
        await uploads.discard(upload.upload_id)  # what was left when an agent was killed between two steps
    await room_of(agent, given, upload.size_bytes or 0)
    await uploads.create(upload)
    is_complete = upload.size_bytes == 0
    if is_complete:
        await uploads.finish(upload)
    return {**_state(upload, 0), "is_complete": is_complete}


async def state(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Tell how far an upload is; one of which all has come, but not the word that it has, is finished now."""
    upload, offset = await _find(agent, given)
    if offset == upload.size_bytes and not upload.is_done:
        uploads = _uploads(agent)
        async with uploads.writing(upload.upload_id):
            upload, offset = await uploads.find(upload.upload_id)
            if offset == upload.size_bytes and not upload.is_done:
                await uploads.finish(upload)
    return _state(upload, offset)


async def discard(agent: "Agent", given: dict[str, Any]) -> dict[str, Any]:
    """Give an upload up and delete what has arrived."""
    upload, _ = await _find(agent, given)
    await _uploads(agent).discard(upload.upload_id)
    return {}


async def append(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Go on with an upload at `offset`."""
    uploads = _uploads(agent)
    upload, _ = await _find(agent, given)

    async def work(channel: "Channel") -> dict[str, Any] | None:
        async with uploads.writing(upload.upload_id):
            found, offset = await uploads.find(upload.upload_id)
            if params.count(given, "offset") != offset:
                raise UploadOffsetMismatch(f"The upload goes on at byte {offset}.", offset=offset)
            algorithm = params.text(given, "checksum", "") or None
            if algorithm not in (None, *CHECKSUMS):
                raise InvalidRequest("The checksum's algorithm is not known.", fields={"checksum": "unknown"})
            await room_of(agent, given, (found.size_bytes or 0) - offset)
            disk_bytes = params.count(given, "disk_bytes")
            return await _Writer(agent, uploads, found, offset, disk_bytes, algorithm).receive(channel)

    await _serve(channel, work)


async def receive(agent: "Agent", given: dict[str, Any], channel: "Channel") -> None:
    """Take a whole file in one go."""
    uploads, upload = _uploads(agent), _read(given)
    await room_of(agent, given, upload.size_bytes or 0)
    disk_bytes = params.count(given, "disk_bytes")
    await uploads.create(upload)
    writer = _Writer(agent, uploads, upload, 0, disk_bytes, None, is_whole=True)
    try:
        async with uploads.writing(upload.upload_id):
            await _serve(channel, writer.receive)
    finally:
        writer.give_room_back()
        with contextlib.suppress(StudioloError):
            await uploads.discard(upload.upload_id)


class _Writer:
    """Takes the bytes of one channel."""

    def __init__(
        self,
        agent: "Agent",
        uploads: Uploads,
        upload: Upload,
        offset: int,
        disk_bytes: int | None,
        algorithm: str | None,
        *,
        is_whole: bool = False,
    ) -> None:
        self._space = agent.part(Space, lambda: Space(agent.home))
        self._uploads = uploads
        self._upload = upload
        self._start = self._at = offset
        self._disk_bytes = disk_bytes
        self._digest = None if algorithm is None else hashlib.new(algorithm)
        self._is_whole = is_whole
        self._is_placed = False

    async def receive(self, channel: "Channel") -> dict[str, Any] | None:
        """Write what comes; return the answer, or None if the hub left before the end."""
        if self._upload.is_done:
            return {"offset": self._at, "is_complete": True}
        opened = await in_thread(self._uploads.open_part, self._upload)
        try:
            async for frame in channel.frames():
                if not isinstance(frame, bytes):
                    return await self._end(opened, params.text(frame, "checksum", "") or None)
                await self._take(opened, frame)
            if self._digest is not None:
                os.ftruncate(opened, self._start)  # what cannot be checked does not count
            return None
        except OSError as error:
            raise explain(error, "write", self._upload.path) from error
        finally:
            os.close(opened)

    def give_room_back(self) -> None:
        """Count what has arrived no longer, unless it has become the file."""
        if not self._is_placed:
            self._space.note_written(self._start - self._at)

    async def _take(self, opened: int, data: bytes) -> None:
        self._space.require(len(data), self._disk_bytes)
        if self._upload.size_bytes is not None and self._at + len(data) > self._upload.size_bytes:
            raise TooLarge(f"More bytes came than the {self._upload.size_bytes:,} that were announced.")
        writing = asyncio.ensure_future(in_thread(_write, opened, data, self._at))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait((writing,))  # whoever comes next begins where this one has really ended
            raise
        self._at += len(data)
        self._space.note_written(len(data))
        if self._digest is not None:
            self._digest.update(data)

    async def _end(self, opened: int, checksum: str | None) -> dict[str, Any]:
        if self._digest is not None and self._digest.hexdigest() != checksum:
            os.ftruncate(opened, self._start)
            raise ChecksumMismatch("The bytes that arrived do not have the checksum that was sent with them.")
        if self._is_whole:
            upload = replace(self._upload, sha256=checksum or self._upload.sha256)
            if upload.size_bytes not in (None, self._at):
                raise InvalidRequest("Fewer bytes came than were announced.")
            placed = await self._uploads.finish(upload)
            self._is_placed = True
            return {**placed, "is_complete": True}
        is_complete = self._at == self._upload.size_bytes
        placed = await self._uploads.finish(self._upload) if is_complete else {}
        return {**placed, "offset": self._at, "is_complete": is_complete}


async def _serve(channel: "Channel", work: Any) -> None:
    """Accept the channel, do the work, and say how it ended."""
    await channel.accept({})
    try:
        answer = await work(channel)
    except StudioloError as error:
        await channel.send({"error": error.as_dict()})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARDED_SECONDS):  # a socket closed too early would lose the answer
                async for _ in channel.frames():
                    pass
        return
    if answer is not None:
        await channel.send({"result": answer})


def _write(opened: int, data: bytes, at: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(opened, rest, at)
        at, rest = at + written, rest[written:]


def _uploads(agent: "Agent") -> Uploads:
    return agent.part(Uploads, lambda: Uploads(agent))


def _read(given: dict[str, Any]) -> Upload:
    path, upload_id = params.text(given, "path").rstrip("/"), params.text(given, "upload_id", "")
    if not path:
        raise InvalidRequest("path must name a file", fields={"path": "must name a file"})
    if upload_id and not is_id(upload_id):
        raise InvalidRequest("upload_id must be 32 digits in hexadecimal", fields={"upload_id": "not an id"})
    return Upload(
        upload_id=upload_id or os.urandom(16).hex(),
        path=path,
        size_bytes=params.count(given, "size_bytes"),
        within=None if given.get("within") is None else params.text(given, "within"),
        sha256=params.text(given, "sha256", "").lower() or None,
        if_match=params.text(given, "if_match", "") or None,
        must_not_exist=params.flag(given, "must_not_exist"),
    )


async def _find(agent: "Agent", given: dict[str, Any]) -> tuple[Upload, int]:
    """Return an upload; raise PathOutsideProject for one to where the caller may not write."""
    upload, offset = await _uploads(agent).find(params.text(given, "upload_id"))
    allowed = given.get("within")
    if allowed is not None and not f"{upload.path}/".startswith(f"{allowed}/".replace("//", "/")):
        raise PathOutsideProject("The upload is to a place that is not open to you.")
    return upload, offset


def _state(upload: Upload, offset: int) -> dict[str, Any]:
    return {
        "upload_id": upload.upload_id,
        "path": upload.path,
        "offset": offset,
        "size_bytes": upload.size_bytes,
        "lifetime_seconds": LIFETIME_SECONDS,
    }
