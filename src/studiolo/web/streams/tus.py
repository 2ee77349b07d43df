"""Uploads that can be resumed: the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

Core and the extensions creation, creation-with-upload, expiration, checksum and termination. The file's place in the
project stands in `Upload-Metadata` as `path` (or `filename`); `sha256`, in hexadecimal, has the whole file checked.
"""

import binascii
from base64 import b64decode, b64encode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from studiolo.core.errors import ContentTypeUnsupported, InvalidRequest, ProtocolVersionUnsupported
from studiolo.core.ids import ProjectId
from studiolo.core.models import KeyScope, Principal
from studiolo.domain.idempotency import Made
from studiolo.domain.services import Services
from studiolo.domain.transfers import Upload
from studiolo.web.idempotency import fingerprint, once
from studiolo.web.streams.door import Door, Doorkeeper
from studiolo.web.streams.ranges import http_date
from studiolo.web.streams.uploads import body_of, whole_number

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
ALGORITHMS = {"sha1": 20, "sha256": 32}
BODY_TYPE = "application/offset+octet-stream"
HEADERS = {"Tus-Resumable": VERSION, "Tus-Version": VERSION, "Cache-Control": "no-store"}


class Tus:
    """Takes files piece by piece."""

    def __init__(self, services: Services, keeper: Doorkeeper, prefix: str) -> None:
        self._transfers = services.transfers
        self._idempotency = services.idempotency
        self._keeper = keeper
        self._prefix = prefix

    def collection(self) -> Door:
        """Return the door at which uploads begin."""
        return Door({"POST": self.create_upload, "OPTIONS": self.show_options}, HEADERS)

    def one(self) -> Door:
        """Return the door of one upload."""
        return Door(
            {
                "HEAD": self.show_upload,
                "PATCH": self.append_to_upload,
                "DELETE": self.discard_upload,
                "OPTIONS": self.show_options,
            },
            HEADERS,
        )

    async def show_options(self, _request: Request, _send: Send) -> Response:
        """Tell what is possible here; that is no secret."""
        headers = {
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            "Tus-Max-Size": str(self._transfers.max_upload_bytes),
        }
        return Response(status_code=204, headers=headers)

    async def create_upload(self, request: Request, _send: Send) -> Response:
        """Begin an upload, and take its first bytes if they come along."""
        principal, project_id = await self._enter(request, "create_upload")
        size = whole_number(request.headers.get("upload-length"))
        if size is None:
            raise InvalidRequest("Upload-Length is missing; a length that is told later is not supported.")
        metadata = _metadata(request.headers.get("upload-metadata", ""))
        path = metadata.get("path") or metadata.get("filename")
        if not path:
            raise InvalidRequest("Upload-Metadata must say the file's `path` in the project.")
        sha256 = metadata.get("sha256")
        upload, headers = await once(
            self._idempotency,
            request,
            principal,
            Made.UPLOAD,
            lambda: fingerprint("create_upload", {"project_id": project_id, "path": path, "of": [size, sha256]}),
            lambda: self._transfers.create_upload(principal, project_id, path, size, sha256),
        )
        address = f"{self._prefix}/api/v1/uploads/{project_id}/{upload.upload_id}"
        headers |= {"Location": address, **_expires(upload)}
        if _media_type(request) == BODY_TYPE and size > 0:
            headers["Upload-Offset"] = str(await self._begin(request, principal, project_id, upload))
        return Response(status_code=201, headers=headers)

    async def show_upload(self, request: Request, _send: Send) -> Response:
        """Tell how far an upload is."""
        principal, project_id = await self._enter(request, "show_upload")
        upload = await self._transfers.find_upload(principal, project_id, request.path_params["upload_id"])
        headers = {
            "Upload-Offset": str(upload.offset),
            "Upload-Length": str(upload.size_bytes),
            "Upload-Metadata": f"path {b64encode(upload.path.encode('utf-8', 'replace')).decode()}",
            **_expires(upload),
        }
        return Response(status_code=200, headers=headers)

    async def append_to_upload(self, request: Request, _send: Send) -> Response:
        """Take more bytes."""
        principal, project_id = await self._enter(request, "append_to_upload")
        if _media_type(request) != BODY_TYPE:
            raise ContentTypeUnsupported(f"The content type must be {BODY_TYPE}.")
        offset = whole_number(request.headers.get("upload-offset"))
        if offset is None:
            raise InvalidRequest("Upload-Offset is missing.")
        reached = await self._append(request, principal, project_id, request.path_params["upload_id"], offset)
        return Response(status_code=204, headers={"Upload-Offset": str(reached)})

    async def discard_upload(self, request: Request, _send: Send) -> Response:
        """Give an upload up."""
        principal, project_id = await self._enter(request, "discard_upload")
        await self._transfers.discard_upload(principal, project_id, request.path_params["upload_id"])
        return Response(status_code=204)

    async def _enter(self, request: Request, call: str) -> tuple[Principal, ProjectId]:
        if request.headers.get("tus-resumable") != VERSION:
            raise ProtocolVersionUnsupported(f"The header Tus-Resumable must be {VERSION}.")
        return await self._keeper.admit(request, call, KeyScope.FILES_WRITE), ProjectId(
            request.path_params["project_id"]
        )

    async def _begin(self, request: Request, principal: Principal, project_id: ProjectId, upload: Upload) -> int:
        """Take the bytes that came along; a request that was sent before is told how many have arrived."""
        if upload.offset == 0:
            return await self._append(request, principal, project_id, upload.upload_id, 0)
        return upload.offset  # the client goes on from here

    async def _append(
        self, request: Request, principal: Principal, project_id: ProjectId, upload_id: str, offset: int
    ) -> int:
        checksum = _checksum(request.headers.get("upload-checksum"))
        request.scope["state"]["max_body_bytes"] = self._transfers.max_upload_bytes
        return await self._transfers.append(principal, project_id, upload_id, offset, body_of(request), checksum)


def _metadata(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in header.split(","):
        key, _, value = pair.strip().partition(" ")
        if not key:
            continue
        try:
            found[key] = b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest("Upload-Metadata must be names and values in Base64.") from error
    return found


def _checksum(header: str | None) -> tuple[str, str] | None:
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    try:
        digest = b64decode(value.strip(), validate=True)
    except binascii.Error:
        digest = b""
    if ALGORITHMS.get(algorithm) != len(digest):
        raise InvalidRequest(f"Upload-Checksum must be one of {', '.join(ALGORITHMS)} and a value in Base64.")
    return algorithm, digest.hex()


def _expires(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": http_date(upload.expires_at)}


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
