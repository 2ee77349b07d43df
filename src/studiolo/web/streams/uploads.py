"""`PUT` of a file in one request.

`If-None-Match: *` takes it only if there is no such file yet, `If-Match` only if the file there is the one that is
named; `Repr-Digest: sha-256=:...:` (RFC 9530) has what arrived checked.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.core.models import KeyScope
from studiolo.domain.services import Services
from studiolo.web.errors import WireResponse
from studiolo.web.streams.door import Doorkeeper, file_path

_DIGEST = re.compile(r"sha-256\s*=\s*:([A-Za-z0-9+/=]*):")
MOST_DIGITS = 18


class Uploads:
    """Takes files in one go."""

    def __init__(self, services: Services, keeper: Doorkeeper) -> None:
        self._transfers = services.transfers
        self._keeper = keeper

    async def upload_file(self, request: Request, _send: Send) -> Response:
        """Take a file whole."""
        principal = await self._keeper.admit(request, "upload_file", KeyScope.FILES_WRITE)
        project_id = ProjectId(request.path_params["project_id"])
        if "content-range" in request.headers:
            raise InvalidRequest("A file is written whole here; use an upload that can be resumed for parts of it.")
        none_match = request.headers.get("if-none-match")
        if none_match not in (None, "*"):
            raise InvalidRequest("If-None-Match can only be * here.")
        request.scope["state"]["max_body_bytes"] = self._transfers.max_upload_bytes
        placed = await self._transfers.upload(
            principal,
            project_id,
            file_path(request, project_id),
            body_of(request),
            size_bytes=whole_number(request.headers.get("content-length")),
            sha256=_sha256(request.headers.get("repr-digest")),
            if_match=_etag(request.headers.get("if-match")),
            must_not_exist=none_match == "*",
        )
        status = 201 if placed.is_new else 200
        return WireResponse(
            {"size_bytes": placed.size_bytes, "etag": placed.etag},
            status_code=status,
            headers={"ETag": f'"{placed.etag}"'},
        )


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Iterate over the body as it comes."""
    async for piece in request.stream():
        yield piece


def whole_number(text: str | None) -> int | None:
    """Return the number in a header; None without the header, InvalidRequest for what is none."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise InvalidRequest("A header that must be a whole number is none.")
    return int(text)


def _etag(text: str | None) -> str | None:
    return None if text is None else text.strip().strip('"')


def _sha256(text: str | None) -> str | None:
    if text is None:
        return None
    found = _DIGEST.search(text)
    try:
        digest = b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise InvalidRequest("Repr-Digest must be sha-256=:BASE64: with 32 bytes.")
    return digest.hex()
