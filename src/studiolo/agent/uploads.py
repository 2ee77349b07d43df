"""Files on their way in: bytes are collected aside and take the name of the target in one step at the end.

1. What has arrived lies in `~/.studiolo/uploads/ID.part`, what is known of it in `ID.json` beside it; the length of the
   part is how far the upload is. So an upload survives the hub, the agent and the project's stop.
2. One writer at a time. A new one ends the one before: it is the same client, whose old connection is dead.
3. Nobody ever sees half a file at the target's name, and a file that is there already keeps its mode.
4. What nobody has touched for `LIFETIME_SECONDS` is deleted, at the next upload and once an hour.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import stat
import threading
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from studiolo.agent.beneath import Home, Place
from studiolo.agent.files import in_thread
from studiolo.agent.files_entries import etag_of, require_regular
from studiolo.core.errors import (
    ChecksumMismatch,
    Conflict,
    FileNotFound,
    PreconditionFailed,
    TooLarge,
    UploadNotFound,
)

if TYPE_CHECKING:
    from studiolo.agent.agent import Agent

DIRECTORY = ".studiolo/uploads"
LIFETIME_SECONDS = 24 * 3600.0
REAP_EVERY_SECONDS = 3600.0
MAX_UPLOADS = 1000  # at a time
ENDING_SECONDS = 10.0
MAX_NOTE_BYTES = 32 * 1024
CHUNK_BYTES = 1024 * 1024
_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way in; `size_bytes` is None while nobody knows."""

    upload_id: str
    path: str
    size_bytes: int | None
    within: str | None
    sha256: str | None = None
    if_match: str | None = None
    must_not_exist: bool = False
    is_done: bool = False  # it has become the file, and is remembered for a client that did not hear of it

    @property
    def part(self) -> str:
        """Return where the bytes are collected, relative to the home."""
        return f"{DIRECTORY}/{self.upload_id}.part"


class _Writing:
    """Who writes to an upload, until `left` is set."""

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self.task = task
        self.is_ended = False  # by another one
        self.left = asyncio.Event()


class Uploads:
    """The uploads of this project."""

    def __init__(self, agent: "Agent") -> None:
        self.home = agent.home
        self._writers: dict[str, _Writing] = {}
        self._placing = threading.Lock()  # from a part's rename until its note says so
        self._reaping = asyncio.create_task(self._reap_for_ever())
        agent.add_stop_hook(self._stop, order=25)

    async def create(self, upload: Upload) -> None:
        """Begin an upload; raise whatever makes it impossible already now."""
        await in_thread(self._create, upload)

    async def find(self, upload_id: str) -> tuple[Upload, int]:
        """Return an upload and how many bytes have arrived; raise UploadNotFound."""
        return await in_thread(lambda: self._find_when_placed(upload_id))

    async def discard(self, upload_id: str) -> None:
        """Give an upload up."""
        await self.end_writer(upload_id)
        await in_thread(self._remove, upload_id)

    async def finish(self, upload: Upload) -> dict[str, Any]:
        """Check what has arrived and give it the name of the target; return what the file is now.

        It is remembered as done until it expires, or until it is discarded.
        """
        finishing = asyncio.ensure_future(in_thread(self._finish, upload))
        try:
            return await asyncio.shield(finishing)
        except asyncio.CancelledError:
            await asyncio.wait((finishing,))  # whoever comes next finds it finished or not, and nothing between
            raise
        except (ChecksumMismatch, PreconditionFailed):
            await in_thread(self._remove, upload.upload_id)  # nothing could ever make it right
            raise

    @contextlib.asynccontextmanager
    async def writing(self, upload_id: str) -> AsyncGenerator[None]:
        """Be the one writer of an upload for the length of a `with` block; raise Conflict when another one comes."""
        await self.end_writer(upload_id)
        task = asyncio.current_task()
        assert task is not None
        writing = self._writers[upload_id] = _Writing(task)
        try:
            yield
        except asyncio.CancelledError:
            if not writing.is_ended:
                raise
            task.uncancel()
            raise Conflict("Another request goes on with this upload; ask how far it is.") from None
        finally:
            writing.left.set()
            if self._writers.get(upload_id) is writing:
                del self._writers[upload_id]

    async def end_writer(self, upload_id: str) -> None:
        """End whoever writes to the upload, and wait until nothing more is written."""
        while (writing := self._writers.get(upload_id)) is not None and writing.task is not asyncio.current_task():
            if not writing.is_ended:
                writing.is_ended = True
                writing.task.cancel()
            try:
                async with asyncio.timeout(ENDING_SECONDS):
                    await writing.left.wait()
            except TimeoutError:
                raise Conflict("The upload is being written to; try again.") from None

    def open_part(self, upload: Upload) -> int:
        """Open the file in which the bytes are collected."""
        with Home(self.home).place(upload.part, "open") as place:
            require_regular(place, place.require(), "open")
            return place.open(os.O_WRONLY)

    def _create(self, upload: Upload) -> None:
        self._check_target(upload)
        self._reap()
        with Home(self.home).place(upload.part, "open", makes_parents=True) as place:
            if len(os.listdir(f"/proc/self/fd/{place.directory}")) > 2 * MAX_UPLOADS:  # noqa: PTH208 - an open one
                raise TooLarge(f"More than {MAX_UPLOADS} uploads are under way; finish or give up some.")
            os.close(place.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._note(place, upload)

    def _note(self, place: Place, upload: Upload) -> None:
        name, fresh = f"{upload.upload_id}.json", f"{upload.upload_id}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(fresh, flags, 0o600, dir_fd=place.directory), "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(asdict(upload), file)
        os.rename(fresh, name, src_dir_fd=place.directory, dst_dir_fd=place.directory)

    def _find_when_placed(self, upload_id: str) -> tuple[Upload, int]:
        with self._placing:
            return self._find(upload_id)

    def _find(self, upload_id: str) -> tuple[Upload, int]:
        if not is_id(upload_id):
            raise UploadNotFound("There is no such upload.")
        try:
            with Home(self.home).place(f"{DIRECTORY}/{upload_id}.json", "open") as place:
                require_regular(place, place.require(), "open")
                with open(place.open(os.O_RDONLY), "rb") as file:  # noqa: PTH123 - opened beneath the home
                    noted: dict[str, Any] = json.loads(file.read(MAX_NOTE_BYTES))
            upload = Upload(**noted)
            if upload.is_done:
                return upload, upload.size_bytes or 0
            with Home(self.home).place(upload.part, "stat") as place:
                return upload, place.require().st_size
        except (FileNotFound, ValueError, TypeError) as error:
            raise UploadNotFound("There is no such upload: it is finished, was given up or has expired.") from error

    def _check_target(self, upload: Upload) -> None:
        with (
            contextlib.suppress(FileNotFound),  # directories on the way are made at the end
            Home(self.home, upload.within).place(upload.path, "open") as place,
        ):
            self._require_replaceable(upload, place)

    def _require_replaceable(self, upload: Upload, place: Place) -> None:
        status = place.status
        if status is not None:
            require_regular(place, status, "open")
            if not os.access(place.name, os.W_OK, dir_fd=place.directory):
                raise PermissionError(13, os.strerror(13))  # a rename would work, but it is meant to stay
        if upload.must_not_exist and status is not None:
            raise PreconditionFailed(f"'{upload.path}' exists already.")
        if upload.if_match is not None and (status is None or upload.if_match not in ("*", etag_of(status))):
            raise PreconditionFailed(f"'{upload.path}' is not the file that the request takes it for.")

    def _finish(self, upload: Upload) -> dict[str, Any]:
        with Home(self.home).place(upload.part, "open") as part:
            status = part.require()
            require_regular(part, status, "open")
            opened = part.open(os.O_RDWR)
            try:
                if upload.sha256 is not None and _sha256_of(opened) != upload.sha256:
                    raise ChecksumMismatch("The file that arrived does not have the SHA-256 that was announced.")
                os.fsync(opened)
                with Home(self.home, upload.within).place(upload.path, "open", makes_parents=True) as target:
                    self._require_replaceable(upload, target)
                    os.fchmod(opened, _mode_for(target))
                    was_there = target.status is not None
                    with self._placing:
                        os.rename(part.name, target.name, src_dir_fd=part.directory, dst_dir_fd=target.directory)
                        placed = os.fstat(opened)
                        self._note(part, replace(upload, size_bytes=placed.st_size, is_done=True))
            finally:
                os.close(opened)
        return {"size_bytes": placed.st_size, "etag": etag_of(placed), "created": not was_there}

    def _remove(self, upload_id: str) -> None:
        for suffix in ("json", "part", "new"):
            with (
                contextlib.suppress(FileNotFound),
                Home(self.home).place(f"{DIRECTORY}/{upload_id}.{suffix}", "unlink", is_followed=False) as place,
            ):
                os.unlink(place.name, dir_fd=place.directory)

    def _reap(self) -> None:
        """Delete what nobody has touched for long."""
        oldest = time.time() - LIFETIME_SECONDS
        with contextlib.suppress(FileNotFound), Home(self.home).place(DIRECTORY, "scandir") as place:
            for name in os.listdir(f"/proc/self/fd/{place.directory}"):  # noqa: PTH208 - of the open directory
                status = os.stat(name, dir_fd=place.directory, follow_symlinks=False)
                if status.st_mtime < oldest and not self._is_in_use(name, place, oldest):
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=place.directory)

    def _is_in_use(self, name: str, place: Place, oldest: float) -> bool:
        """Tell whether the bytes that a note speaks of still arrive."""
        try:
            part = os.stat(name.removesuffix(".json") + ".part", dir_fd=place.directory, follow_symlinks=False)
        except OSError:
            return False
        return name.endswith(".json") and part.st_mtime >= oldest

    async def _reap_for_ever(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # what cannot be tidied up now is looked at again
                await in_thread(self._reap)
            await asyncio.sleep(REAP_EVERY_SECONDS)

    async def _stop(self) -> None:
        self._reaping.cancel()


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of an upload."""
    return _ID.fullmatch(text) is not None


def _mode_for(target: Place) -> int:
    """Return the mode of the file that is replaced, or that of a new one."""
    if target.status is not None:
        return stat.S_IMODE(target.status.st_mode) & 0o777
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask


def _sha256_of(opened: int) -> str:
    found = hashlib.sha256()
    at = 0
    while piece := os.pread(opened, CHUNK_BYTES, at):
        found.update(piece)
        at += len(piece)
    return found.hexdigest()
