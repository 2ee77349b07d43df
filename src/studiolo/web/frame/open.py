"""POST /frame/open: sign a frame in and open its document, told as a stream of events, one JSON object a line.

1. `signed_in` first, with the bearer of all that follows; without a project it is the only one.
2. `progress` while the project starts and the document opens.
3. `opened` with the HTML of the document, or `directory`, or `error` with a stable code.

Each event is sent as soon as it happens, compressed where the browser takes gzip.

Credentials that are refused give the error's status and an `error` event as the body; once the stream has begun,
failures can only be events.
"""

import asyncio
import json
import posixpath
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import structlog
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from studiolo.core.errors import FileNotFound, FileTypeUnsupported, PathOutsideProject, ProjectNotFound, StudioloError
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import Principal
from studiolo.domain.accounts import Accounts
from studiolo.domain.documents import Documents, Snapshot
from studiolo.domain.files import Files
from studiolo.domain.places import Places
from studiolo.web import errors
from studiolo.web.encodings import Stream, choose
from studiolo.web.frame.bodies import read_model
from studiolo.web.frame.credentials import Admission, Credentials
from studiolo.web.frame.rendering import render_document

MAX_BODY_BYTES = 64 * 1024
MEDIA_TYPE = "application/x-ndjson"
_SILENCE_SECONDS = 15.0  # proxies cut a stream that says nothing for a minute

Event = dict[str, Any]

log = structlog.get_logger(__name__)


class OpenRequest(BaseModel):
    """What a frame may send: who it is, and what to open.

    Only the whole body has a limit: what is too long for a token, an id or a path is refused as a wrong one is.
    """

    model_config = ConfigDict(strict=True)

    auth_token: str | None = None
    frame: str | None = None
    project_id: str | None = None
    path: str = ""


class FrameOpen:
    """Answers POST /frame/open."""

    def __init__(
        self, credentials: Credentials, accounts: Accounts, documents: Documents, files: Files, places: Places
    ) -> None:
        self._places = places
        self._credentials = credentials
        self._accounts = accounts
        self._documents = documents
        self._files = files

    async def answer(self, request: Request) -> Response:
        """Admit the frame and stream what happens."""
        try:
            asked = await read_model(request, OpenRequest, max_bytes=MAX_BODY_BYTES)
            admission = await self._credentials.admit(request, auth_token=asked.auth_token, frame_key=asked.frame)
            self._places.check(**_subjects(admission.principal))
            first = await self._signed_in(admission)
        except StudioloError as error:
            return _answer(request, _once(_error_event(error)), error=error)
        events = self._events(first, admission.principal, asked)
        return _answer(request, events, set_cookies=admission.set_cookies)

    async def _signed_in(self, admission: Admission) -> Event:
        account_id = admission.principal.account_id
        name = admission.name
        if name is None:
            account = await self._accounts.get(account_id) if account_id else None
            name = f"{account.first_name} {account.last_name}".strip() if account else ""
        return {
            "event": "signed_in",
            "bearer": admission.bearer,
            "expires_in_seconds": admission.expires_in_seconds,
            "frame": admission.frame_key,
            "account": {"account_id": account_id, "name": name},
        }

    async def _events(self, first: Event, principal: Principal, asked: OpenRequest) -> AsyncIterator[Event]:
        yield first
        if asked.project_id is None:
            return
        try:
            if not is_uuid(asked.project_id):
                raise ProjectNotFound("There is no such project.")
            project_id = ProjectId(asked.project_id)
            with self._places.hold(**_subjects(principal)):
                async for event in self._opening(principal, project_id, asked.path):
                    yield event
        except StudioloError as error:
            yield _error_event(error)
        except Exception:
            log.exception("frame_open_failed")
            yield _error_event(StudioloError("Something went wrong on the server."))

    async def _opening(self, principal: Principal, project_id: ProjectId, path: str) -> AsyncIterator[Event]:
        if path == "" or path.endswith("/"):
            await self._require_directory(principal, project_id, path)
            yield _directory_event(project_id, path)
            return
        stages: asyncio.Queue[str | None] = asyncio.Queue()
        opening = asyncio.ensure_future(self._documents.open(principal, project_id, path, stages.put_nowait))
        opening.add_done_callback(lambda _: stages.put_nowait(None))
        try:
            async for stage in _spoken(stages):
                yield {"event": "progress", "stage": stage}
            yield await self._opened(opening.result())
        except FileTypeUnsupported:
            if not await self._is_directory(principal, project_id, path):
                raise
            yield _directory_event(project_id, path)
        finally:
            opening.cancel()

    async def _opened(self, snapshot: Snapshot) -> Event:
        html = await asyncio.to_thread(render_document, snapshot.as_dict())
        return {
            "event": "opened",
            "path": snapshot.path,
            "kind": snapshot.kind,
            "html": html,
            "can_write": snapshot.can_write,
            "title": snapshot.path.rsplit("/", 1)[-1],
        }

    async def _require_directory(self, principal: Principal, project_id: ProjectId, path: str) -> None:
        if posixpath.normpath(path.strip("/")).split("/")[0] == "..":
            raise PathOutsideProject(f"The path {path!r} leads out of the project.")
        try:
            await self._files.list(principal, project_id, path.strip("/"))
        except (FileNotFound, FileTypeUnsupported) as error:  # said in the words of API v1
            raise FileNotFound(f"There is no directory {path!r} in this project.", path=path) from error

    async def _is_directory(self, principal: Principal, project_id: ProjectId, path: str) -> bool:
        try:
            await self._files.list(principal, project_id, path)
        except StudioloError:
            return False
        return True


def _directory_event(project_id: ProjectId, path: str) -> Event:
    inside = path.strip("/")
    location = f"/projects/{project_id}/files/{quote(inside)}/" if inside else f"/projects/{project_id}/files/"
    return {"event": "directory", "location": location}


async def _spoken(stages: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while True:
        try:
            stage = await asyncio.wait_for(stages.get(), _SILENCE_SECONDS)
        except TimeoutError:
            stage = "waiting"
        if stage is None:
            return
        yield stage


async def _once(event: Event) -> AsyncIterator[Event]:
    yield event


async def _lines(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    async for event in events:
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


async def _packed(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compress line by line; the first, with the bearer, is sealed off from the document (see `encodings.py`)."""
    stream = Stream()
    is_first = True
    async for line in lines:
        yield stream.seal(line) if is_first else stream.add(line)
        is_first = False
    yield stream.end()


def _subjects(principal: Principal) -> dict[str, str | None]:
    return {"account": principal.account_id, "sign_in": principal.sign_in_id}


def _error_event(error: StudioloError) -> Event:
    return {"event": "error", "code": error.code, "message": error.message}


def _answer(
    request: Request,
    events: AsyncIterator[Event],
    *,
    error: StudioloError | None = None,
    set_cookies: tuple[str, ...] = (),
) -> Response:
    headers = {
        **(errors.headers_of(error) if error is not None else {}),
        "cache-control": "no-store",
        "vary": "accept-encoding",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
    }
    lines = _lines(events)
    if choose(request.headers.get("accept-encoding", ""), ("gzip",)) is not None:
        headers["content-encoding"] = "gzip"
        lines = _packed(lines)
    response = StreamingResponse(lines, 200 if error is None else error.status, headers, MEDIA_TYPE)
    for line in set_cookies:
        response.headers.append("set-cookie", line)
    return response
