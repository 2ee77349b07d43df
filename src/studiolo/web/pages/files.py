"""What people do with files on the page of a directory: save them, add one, delete one."""

import posixpath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from studiolo.core import file_names
from studiolo.core.errors import InvalidRequest, StudioloError, Unauthenticated
from studiolo.core.ids import ProjectId
from studiolo.core.settings import Settings
from studiolo.domain.entries import Entries
from studiolo.domain.transfers import Transfers
from studiolo.web.pages.file_forms import read_file_form
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.rendering import Pages, redirect, sign_in_address
from studiolo.web.pages.visitors import Visitors
from studiolo.web.streams.door import Answer
from studiolo.web.streams.downloads import send_file


class FilePages:
    """Downloads, uploads and deletes for signed-in people, without a script."""

    def __init__(
        self, pages: Pages, visitors: Visitors, transfers: Transfers, entries: Entries, settings: Settings
    ) -> None:
        self._pages = pages
        self._visitors = visitors
        self._transfers = transfers
        self._entries = entries
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the routes; they come before the page of all else below a project."""
        guarded = self._pages.guarded
        return [
            Route("/projects/{project_id}/download", _Endpoint(self._download), methods=["GET", "HEAD"]),
            Route("/projects/{project_id}/upload", guarded(self.upload_file), methods=["POST"]),
            Route("/projects/{project_id}/delete", guarded(self.delete_path), methods=["POST"]),
        ]

    async def upload_file(self, request: Request) -> Response:
        """Take a file from the form into the directory that the form names."""
        visitor = await self._visitors.require(request)
        request.scope.setdefault("state", {})["max_body_bytes"] = self._transfers.max_upload_bytes
        form = await read_file_form(request, self._settings, visitor.secret)
        name = posixpath.basename(form.file_name.replace("\\", "/"))
        if not name:
            raise InvalidRequest("Choose a file first.")
        project_id, directory = ProjectId(request.path_params["project_id"]), form.fields.get("directory", "")
        path = posixpath.join(directory, name)
        await self._transfers.upload(visitor.principal, project_id, path, form.pieces)
        return redirect(directory_address(project_id, directory))

    async def delete_path(self, request: Request) -> Response:
        """Delete what the form names, a directory with all that is in it only if it says so."""
        visitor = await self._visitors.require(request)
        form = await read_form(request, self._settings, visitor.secret)
        project_id, path = ProjectId(request.path_params["project_id"]), form.get("path", "")
        is_recursive = form.get("recursive") == "1"
        await self._entries.delete(visitor.principal, project_id, path, recursive=is_recursive)
        return redirect(directory_address(project_id, posixpath.dirname(path.strip("/"))))

    async def _download(self, request: Request, send: Send) -> Response | None:
        try:
            visitor = await self._visitors.require(request)
            project_id, path = ProjectId(request.path_params["project_id"]), request.query_params.get("path", "")
            async with self._transfers.download(visitor.principal, project_id, path) as download:
                return await send_file(request, send, download, posixpath.basename(path.rstrip("/")))
        except Unauthenticated:
            return redirect(sign_in_address(request))
        except StudioloError as error:
            return self._pages.render_error(error, await self._visitors.find(request))


def directory_address(project_id: str, path: str) -> str:
    """Return the address of a directory's page."""
    parts = [part for part in file_names.to_system(path).split("/") if part]
    inside = "".join(quote(part, safe="", errors="surrogatepass") + "/" for part in parts)
    return f"/projects/{quote(project_id, safe='')}/files/{inside}"


class _Endpoint:
    """An endpoint that may send its answer itself."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request, send)
        if response is not None:
            await response(scope, receive, send)
