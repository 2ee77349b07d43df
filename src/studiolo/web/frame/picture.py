"""POST /frame/picture: a picture that a document shows, for the page that has the document open.

1. Who may read the file, may have it; a narrowed sign-in gets no further than its part of the home.
2. It is a picture by what it holds, not by its name, and it is never more than that: the page shows it by `<img>`,
   where SVG runs nothing, and if a browser could be made to show it by itself, it would have no origin and no script.
3. Whoever has it already (`If-None-Match`) is told that it is still the same.
"""

import re
from collections.abc import AsyncGenerator

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from studiolo.core.errors import FileTooLarge, FileTypeUnsupported, ProjectNotFound, StudioloError
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.domain.transfers import Download, Pieces, Transfers
from studiolo.web import errors
from studiolo.web.frame.bodies import read_model
from studiolo.web.frame.credentials import Credentials
from studiolo.web.streams.door import send_pieces
from studiolo.web.streams.downloads import GUARDS, disposition
from studiolo.web.streams.ranges import is_not_modified

MAX_BODY_BYTES = 16 * 1024
MAX_PICTURE_MB = 10
_HEADERS = {**GUARDS, "Cache-Control": "no-store"}
_HEAD_BYTES = 4096  # in which an SVG must begin
_MAGIC = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    (
        "image/svg+xml",
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*(?:(?:<\?[^>]*>|<!--(?:(?!-->).)*-->|<!DOCTYPE\s+svg[^>\[]*(?:\[[^\]]*\]\s*)?>)\s*)*"
            rb"<svg[\s>]",
            re.DOTALL,
        ),
    ),
)


class PictureRequest(BaseModel):
    """Which file; the path is relative to the home."""

    model_config = ConfigDict(strict=True)

    project_id: str
    path: str


class FramePicture:
    """Answers POST /frame/picture."""

    def __init__(self, credentials: Credentials, transfers: Transfers) -> None:
        self._credentials = credentials
        self._transfers = transfers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the picture, or the error as JSON."""
        request = Request(scope, receive)
        try:
            await self._answer(request, send)
        except StudioloError as error:
            await _refused(error)(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        principal = await self._credentials.bearer_principal(request)
        asked = await read_model(request, PictureRequest, max_bytes=MAX_BODY_BYTES)
        if not is_uuid(asked.project_id):
            raise ProjectNotFound("There is no such project.")
        async with self._transfers.download(principal, ProjectId(asked.project_id), asked.path) as download:
            if download.size_bytes > MAX_PICTURE_MB * 1024 * 1024:
                raise FileTooLarge(f"A picture in a document must not be larger than {MAX_PICTURE_MB} MB.")
            if is_not_modified(request.headers, f'"{download.etag}"', download.modified_at):
                await Response(status_code=304, headers=_HEADERS)(request.scope, request.receive, send)
            else:
                await _send(request, send, download)


async def _send(request: Request, send: Send, download: Download) -> None:
    pieces = aiter(download.pieces(0, download.size_bytes))
    first = await anext(pieces, b"")
    kind = picture_type(first)
    if kind is None:
        raise FileTypeUnsupported("The file is no picture that a document may show.")
    length = str(download.size_bytes)
    headers = {
        **_HEADERS,
        "Content-Type": kind,
        "ETag": f'"{download.etag}"',
        "Content-Length": length,
        "Content-Disposition": disposition("picture"),
    }
    await send_pieces(request.receive, send, 200, headers, _joined(first, pieces))


def picture_type(beginning: bytes) -> str | None:
    """Return the type of a picture by its first bytes, None for what is none."""
    return next((kind for kind, magic in _MAGIC if magic.match(beginning[:_HEAD_BYTES])), None)


async def _joined(first: bytes, rest: Pieces) -> AsyncGenerator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _refused(error: StudioloError) -> Response:
    headers = {**errors.headers_of(error), **_HEADERS}
    return JSONResponse({"error": error.message, "code": error.code}, error.status, headers)
