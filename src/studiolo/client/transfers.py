"""Uploads and downloads as both clients do them: what to ask next, and what an answer says about how far it is.

A download goes to a file beside the target, which takes its name when it is whole; after a broken connection it goes on
where it was (`Range`), unless the file has changed meanwhile (`If-Range`). An upload that fits into one piece is one
`PUT`; a larger one is a tus upload, of which the server is asked how far it is whenever an answer got lost.
"""

import hashlib
import os
from base64 import b64encode
from collections.abc import Callable, Sequence
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx

from studiolo.client import wire
from studiolo.client.errors import AnswerMalformed, Conflict, ConnectionLost, StudioloError

PIECE_BYTES = 8 * 1024 * 1024
_TUS = {"Tus-Resumable": "1.0.0"}
_PLAIN = {"Accept-Encoding": "identity"}  # the file's own bytes, so that parts of them can be counted

OnTransfer = Callable[[int, int], object]  # bytes that have gone over, bytes in all (0: not known)


def file_address(project_id: str, path: str) -> str:
    """Return the address of a file, whatever its name holds."""
    return f"api/v1/files/{project_id}/{quote(path.encode('utf-8', 'surrogateescape'))}"


class Download:
    """A download into a local file."""

    def __init__(self, call: str, address: str, target: Path, on_progress: OnTransfer | None) -> None:
        self._call = call
        self._address = address
        self._target = target
        self._part = target.with_name(f".{target.name}.{os.getpid()}.part")
        self._on_progress = on_progress
        self._etag = ""
        self.done = 0
        self.total = 0

    def asked(self) -> wire.Asked:
        """Return the request for what is missing."""
        rest = {"Range": f"bytes={self.done}-", "If-Range": self._etag} if self.done and self._etag else {}
        return wire.Asked(self._call, self._address, {**_PLAIN, **rest}, method="GET", is_repeatable=True)

    def open(self, response: httpx.Response) -> BinaryIO:
        """Return the file to which this answer's body goes."""
        if response.status_code != 206:
            self.done = 0
        self._etag = response.headers.get("ETag", "")
        length = response.headers.get("Content-Length", "")
        self.total = self.done + int(length) if length.isdigit() else 0
        file = self._part.open("r+b" if self.done else "wb")
        file.truncate(self.done)
        file.seek(self.done)
        return file

    def note(self, count: int) -> None:
        """Note that so many bytes more are in the file."""
        self.done += count
        if self._on_progress is not None:
            self._on_progress(self.done, self.total)

    def finish(self) -> int:
        """Give the file its name and return its size."""
        self._part.replace(self._target)
        return self.done

    def discard(self) -> None:
        """Remove what has come."""
        self._part.unlink(missing_ok=True)


class Upload:
    """An upload of a local file, or of bytes."""

    def __init__(
        self, project_id: str, path: str, file: BufferedReader | BytesIO, on_progress: OnTransfer | None
    ) -> None:
        self._project_id = project_id
        self._path = path
        self._file = file
        self._on_progress = on_progress
        self._digest = hashlib.file_digest(file, "sha256")
        self.total = file.seek(0, os.SEEK_END)
        self.done = 0
        self._address = ""

    @property
    def is_small(self) -> bool:
        """Tell whether it goes in one request."""
        return self.total <= PIECE_BYTES

    @property
    def is_done(self) -> bool:
        """Tell whether all is over."""
        return self.done >= self.total

    def whole(self) -> wire.Asked:
        """Return the one request of a small file; sent again it writes the same."""
        digest = b64encode(self._digest.digest()).decode()
        headers = {"Repr-Digest": f"sha-256=:{digest}:", "Content-Type": "application/octet-stream"}
        address = file_address(self._project_id, self._path)
        return wire.Asked("upload_file", address, headers, self._read(0), method="PUT", is_repeatable=True)

    def creation(self) -> wire.Asked:
        """Return the request that begins a large file; one that was begun twice is forgotten by the server."""
        path = b64encode(self._path.encode("utf-8", "surrogateescape")).decode()
        digest = b64encode(self._digest.hexdigest().encode()).decode()
        headers = {**_TUS, "Upload-Length": str(self.total), "Upload-Metadata": f"path {path},sha256 {digest}"}
        return wire.Asked("create_upload", f"api/v1/uploads/{self._project_id}", headers, is_repeatable=True)

    def note_created(self, call: str, response: httpx.Response) -> None:
        """Read where the upload is."""
        wire.check(call, response)
        upload_id = response.headers.get("Location", "").rpartition("/")[2]
        if not upload_id:
            raise AnswerMalformed("The server did not say where the upload is.", call=call)
        self._address = f"api/v1/uploads/{self._project_id}/{upload_id}"

    def piece(self) -> wire.Asked:
        """Return the request with the next bytes; it is sent once, since only the server knows what arrived."""
        headers = {**_TUS, "Upload-Offset": str(self.done), "Content-Type": "application/offset+octet-stream"}
        return wire.Asked("append_to_upload", self._address, headers, self._read(self.done), method="PATCH")

    def question(self) -> wire.Asked:
        """Return the request that asks how far the server is."""
        return wire.Asked("show_upload", self._address, _TUS, method="HEAD", is_repeatable=True)

    def note_offset(self, call: str, response: httpx.Response) -> None:
        """Read how far the server is."""
        wire.check(call, response)
        offset = response.headers.get("Upload-Offset", "")
        if not offset.isdigit():
            raise AnswerMalformed("The server did not say how far the upload is.", call=call)
        self.note(int(offset))

    def note(self, done: int) -> None:
        """Note how many bytes the server has."""
        self.done = done
        if self._on_progress is not None:
            self._on_progress(self.done, self.total)

    def _read(self, start: int) -> bytes:
        self._file.seek(start)
        return self._file.read(PIECE_BYTES)


def may_have_arrived(error: StudioloError) -> bool:
    """Tell whether to ask the server how far it is, instead of giving up: an answer got lost, or came twice."""
    return error.is_retryable or isinstance(error, Conflict) or error.status in (502, 503, 504)


def as_lost(error: StudioloError) -> StudioloError:
    """Return the error as one after which to go on; a Conflict only said that the server knows better how far it is."""
    return ConnectionLost(error.message, call=error.call) if isinstance(error, Conflict) else error


def bytes_of(project_id: str, path: str) -> wire.Asked:
    """Return the request for a whole file."""
    return wire.Asked("download_file", file_address(project_id, path), _PLAIN, method="GET", is_repeatable=True)


def body_of(call: str, response: httpx.Response) -> bytes:
    """Return the answer's body."""
    wire.check(call, response)
    return response.content


def archive_address(project_id: str, paths: Sequence[str], form: str) -> str:
    """Return the address of an archive of some paths."""
    query = "&".join([f"format={quote(form)}", *(f"path={quote(path)}" for path in paths)])
    return f"api/v1/archives/{project_id}?{query}"


def check_stored(call: str, response: httpx.Response) -> None:
    """Raise what the door for whole files answered with."""
    wire.check(call, response)
