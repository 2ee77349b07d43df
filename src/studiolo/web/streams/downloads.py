"""`GET` and `HEAD` of files, and `GET` of archives.

What a project holds is somebody's text and never becomes a page of ours: it is saved, not shown
(`Content-Disposition`), not guessed at (`nosniff`), and if a browser could be made to show it all the same, it would
run nothing and have no origin (`sandbox`).
"""

import mimetypes
import posixpath
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.core.models import KeyScope
from studiolo.domain.services import Services
from studiolo.domain.transfers import Download, Pieces
from studiolo.web.streams.door import Doorkeeper, file_path, send_pieces
from studiolo.web.streams.ranges import Part, http_date, is_not_modified, part_of

FORMATS = {"zip": "application/zip", "tar.gz": "application/gzip"}
GUARDS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TYPES = mimetypes.MimeTypes()  # the library's own list, not the machine's


class Downloads:
    """Sends files."""

    def __init__(self, services: Services, keeper: Doorkeeper) -> None:
        self._transfers = services.transfers
        self._keeper = keeper

    async def download_file(self, request: Request, send: Send) -> Response | None:
        """Send a file, or the part of it that is asked for."""
        principal = await self._keeper.admit(request, "download_file", KeyScope.FILES_READ)
        project_id = ProjectId(request.path_params["project_id"])
        path = file_path(request, project_id)
        async with self._transfers.download(principal, project_id, path) as download:
            return await send_file(request, send, download, posixpath.basename(path.rstrip("/")))

    async def download_archive(self, request: Request, send: Send) -> Response | None:
        """Send some paths in one archive."""
        principal = await self._keeper.admit(request, "download_archive", KeyScope.FILES_READ)
        project_id = ProjectId(request.path_params["project_id"])
        paths, form = request.query_params.getlist("path") or [""], request.query_params.get("format", "zip")
        if form not in FORMATS:
            raise InvalidRequest(f"format must be one of {', '.join(FORMATS)}", fields={"format": "is unknown"})
        name = (posixpath.basename(paths[0].rstrip("/")) if len(paths) == 1 else "") or project_id
        await send_archive(request, send, self._transfers.archive(principal, project_id, paths, form), name, form)
        return None


async def send_archive(
    request: Request, send: Send, packing: AbstractAsyncContextManager[Pieces], name: str, form: str
) -> None:
    """Send an archive as it is made; its length is not known before."""
    headers = {
        **GUARDS,
        "Content-Type": FORMATS[form],
        "Content-Disposition": disposition(f"{name}.{form}"),
        "Cache-Control": "private, no-store",
    }
    async with packing as pieces:
        await send_pieces(request.receive, send, 200, headers, pieces)


async def send_file(request: Request, send: Send, download: Download, name: str) -> Response | None:
    """Send an open file as the request's headers want it."""
    etag = f'"{download.etag}"'
    headers = {
        **GUARDS,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition(name),
        "Content-Type": _TYPES.guess_type(name)[0] or "application/octet-stream",
        "ETag": etag,
        "Last-Modified": http_date(download.modified_at),
    }
    if is_not_modified(request.headers, etag, download.modified_at):
        kept = ("ETag", "Last-Modified", "Cache-Control", *GUARDS)
        return Response(status_code=304, headers={name: headers[name] for name in kept})
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(download.size_bytes)})
    part = part_of(request.headers, download.size_bytes, etag, download.modified_at)
    status, start, length = (200, 0, download.size_bytes) if part is None else (206, part.start, part.length)
    headers |= _lengths(part, length)
    await send_pieces(request.receive, send, status, headers, download.pieces(start, length))
    return None


def disposition(name: str) -> str:
    """Return the header that has a browser save a file under a name, whatever the name holds."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%/' else "_" for c in name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name.replace('/', '_') or 'file', safe='')}"


def _lengths(part: Part | None, length: int) -> dict[str, str]:
    return {"Content-Length": str(length), **({"Content-Range": part.content_range} if part else {})}
