"""Projects and their files as pages, and the door to the frame's shell below /projects/ and /app.

A path is decoded once, by the server, and may hold anything a file name may: spaces, quotes, newlines, `%`.
"""

from typing import Any
from urllib.parse import quote

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studiolo.core import file_names
from studiolo.core.errors import InvalidRequest, NotFound, ProjectNotFound
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import Project, Role
from studiolo.core.settings import Settings
from studiolo.domain.files import FileEntry, Files
from studiolo.domain.projects import Projects
from studiolo.web.frame.shell import ShellPage, Shells, wants_kiosk
from studiolo.web.pages.amounts import size_words
from studiolo.web.pages.api_keys import ApiKeyPages
from studiolo.web.pages.forms import read_form
from studiolo.web.pages.rendering import Pages, redirect
from studiolo.web.pages.visitors import Visitors

MAX_TITLE = 254
FOREIGN_VIEWS = ("settings", "notifications", "admin")  # known to integrations that were made for CoCalc
WRITING_ROLES = (Role.OWNER, Role.COLLABORATOR)


class AnyText(Convertor[str]):
    """A path parameter that may hold every character; Starlette's own `path` stops at a newline."""

    regex = r"(?s:.*)"

    def convert(self, value: str) -> str:
        """Return the text as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text as it is."""
        return value


class ProjectPages:
    """Lists projects and files; hands documents over to the shell."""

    def __init__(
        self,
        pages: Pages,
        visitors: Visitors,
        projects: Projects,
        files: Files,
        shells: Shells,
        api_key_pages: ApiKeyPages,
        settings: Settings,
    ) -> None:
        self._pages = pages
        self._visitors = visitors
        self._projects = projects
        self._files = files
        self._shells = shells
        self._api_key_pages = api_key_pages
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the routes of /, /projects/... and /app."""
        register_url_convertor("anytext", AnyText())
        guarded = self._pages.guarded
        return [
            Route("/", guarded(self.list_projects), methods=["GET"]),
            Route("/projects", guarded(self.list_projects), methods=["GET"]),
            Route("/projects", guarded(self.create_project), methods=["POST"]),
            Route("/projects/{project_id}/files/{path:anytext}", guarded(self.show_file), methods=["GET"]),
            Route("/projects/{project_id}{rest:anytext}", guarded(self.show_other_view), methods=["GET"]),
            Route("/app", guarded(self.show_app), methods=["GET"]),
            *(
                Route(f"/{view}{rest}", guarded(self.show_foreign_view), methods=["GET"])
                for view in FOREIGN_VIEWS
                for rest in ("", "/{rest:anytext}")
            ),
        ]

    async def list_projects(self, request: Request) -> Response:
        """Show the visitor's projects; in a frame the banner."""
        if belongs_in_shell(request):
            return self._shells.respond(request, ShellPage("banner"))
        visitor = await self._visitors.require(request)
        projects = await self._projects.list_for(visitor.principal)
        return self._pages.render("projects.html", visitor, projects=projects)

    async def create_project(self, request: Request) -> Response:
        """Make a project and show its files."""
        visitor = await self._visitors.require(request)
        form = await read_form(request, self._settings, visitor.secret)
        title = form.get("title", "").strip()
        if not 0 < len(title) <= MAX_TITLE:
            raise InvalidRequest(f"A project needs a title of at most {MAX_TITLE} characters.")
        project = await self._projects.create(visitor.principal, title, form.get("description", "").strip())
        return redirect(f"/projects/{project.project_id}/files/")

    async def show_file(self, request: Request) -> Response:
        """Show a document, or the files of a directory; in a kiosk a directory is the banner."""
        project_id, path = request.path_params["project_id"], request.path_params["path"]
        is_directory = path == "" or path.endswith("/")
        if not is_directory:
            return self._shells.respond(request, ShellPage("file", project_id, path))
        if belongs_in_shell(request):
            return self._shells.respond(request, ShellPage("banner", project_id, path))
        return await self._list_files(request, project_id, path)

    async def show_other_view(self, request: Request) -> Response:
        """Show the banner in a kiosk; elsewhere there is nothing but files yet."""
        project_id = request.path_params["project_id"].partition("/")[0]
        if belongs_in_shell(request):
            return self._shells.respond(request, ShellPage("banner", project_id))
        if request.path_params["rest"] in ("", "/", "/files"):
            return redirect(f"/projects/{quote(project_id, safe='')}/files/")
        raise NotFound("There is no such page.")

    async def show_app(self, request: Request) -> Response:
        """Show the loading screen of a frame, the hand-out of a key, or on its own the projects."""
        if "get_api_key" in request.query_params:
            return await self._api_key_pages.show_hand_out(request)
        if belongs_in_shell(request) or request.headers.get("sec-fetch-dest", "document") != "document":
            return await self._shells.app(request)
        return redirect("/")

    async def show_foreign_view(self, request: Request) -> Response:
        """Show the banner in a frame where CoCalc has a page of its own and we have none."""
        if belongs_in_shell(request):
            return self._shells.respond(request, ShellPage("banner"))
        raise NotFound("There is no such page.")

    async def _list_files(self, request: Request, project_id: str, path: str) -> Response:
        visitor = await self._visitors.require(request)
        if not is_uuid(project_id):
            raise ProjectNotFound("There is no such project.")
        project = await self._projects.get(visitor.principal, ProjectId(project_id))
        entries = await self._files.list(visitor.principal, project.project_id, path.strip("/"))
        return self._pages.render(
            "files.html",
            visitor,
            project=project,
            crumbs=_crumbs(project, path),
            entries=sorted(map(_row, entries), key=lambda row: (not row["is_directory"], row["name"].casefold())),
            base=_address(project, path),
            directory=file_names.from_system(path.strip("/")),
            may_write=visitor.principal.is_admin or project.role_of(visitor.principal.account_id) in WRITING_ROLES,
        )


def belongs_in_shell(request: Request) -> bool:
    """Tell whether the page is for a frame: a page of ours that refuses to be framed must not be shown there."""
    is_framed = request.headers.get("sec-fetch-dest") in ("iframe", "frame", "embed", "object")
    return wants_kiosk(request) or "auth_token" in request.query_params or is_framed


def _address(project: Project, path: str) -> str:
    inside = "/".join(quote(part, safe="", errors="surrogatepass") for part in path.split("/") if part)
    return f"/projects/{project.project_id}/files/{inside}/" if inside else f"/projects/{project.project_id}/files/"


def _crumbs(project: Project, path: str) -> list[tuple[str, str]]:
    parts = [part for part in path.split("/") if part]
    return [(part, _address(project, "/".join(parts[: depth + 1]))) for depth, part in enumerate(parts)]


def _row(entry: FileEntry) -> dict[str, Any]:
    name = entry.name.encode("utf-8", "replace").decode()
    return {
        "name": name,
        "wire_name": file_names.from_system(entry.name),
        "href": quote(entry.name, safe="", errors="surrogatepass") + ("/" if entry.is_directory else ""),
        "is_directory": entry.is_directory,
        "size": "" if entry.is_directory else size_words(entry.size_bytes),
        "modified": entry.modified_at[:16].replace("T", " "),
    }
