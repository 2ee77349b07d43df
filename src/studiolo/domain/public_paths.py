"""Public paths: files and directories of projects that every caller may read and copy.

A path is public if it, or a directory above it, was made public and is not disabled. Reading starts the project if
need be, and follows no link that leads out of the public directory.
"""

import posixpath
from dataclasses import dataclass
from typing import Any, Literal

from studiolo.core.errors import Forbidden, NotFound, StudioloError
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import Principal, Project, PublicPath
from studiolo.domain.access import is_path_within, public_roots, require, require_public, root_of
from studiolo.domain.agents import Agents
from studiolo.domain.files import FileEntry, raise_in_historical_words, read_entries, read_text
from studiolo.domain.home_paths import path_below_home
from studiolo.storage import projects
from studiolo.storage import public_paths as rows
from studiolo.storage.database import Database, Transaction

MAX_READ_BYTES = 20 * 1024 * 1024
CALL_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ListingOptions:
    """How a listing is cut: `limit` -1 is everything."""

    is_hidden_shown: bool = False
    order: Literal["name", "time"] = "name"
    start: int = 0
    limit: int = -1


class PublicPaths:
    """Reads what is public."""

    def __init__(self, database: Database, agents: Agents) -> None:
        self._database = database
        self._agents = agents

    async def read_text(self, principal: Principal, project_id: ProjectId, path: str) -> str:
        """Return a public file's text."""
        project, root = await self._database.read(lambda tx: require_public(tx, principal, project_id, path))
        params = {"path": path_below_home(project_id, path), "max_bytes": MAX_READ_BYTES, "within": root}
        return read_text(await self._ask(principal, project, "files.read_text", params), MAX_READ_BYTES)

    async def list(
        self, principal: Principal, project_id: ProjectId, path: str, options: ListingOptions
    ) -> list[FileEntry]:
        """Return the public entries of a directory, which need not be public itself if something below it is."""
        project, roots = await self._database.read(lambda tx: public_roots(tx, principal, project_id))
        if not roots:
            raise NotFound("not_public")
        directory = path_below_home(project_id, path)
        within = root_of(roots, directory) or ""
        params = {"path": directory, "within": within}
        entries = read_entries(await self._ask(principal, project, "files.list", params))
        shown = [
            one
            for one in entries
            if (options.is_hidden_shown or not one.name.startswith("."))
            and _is_shown(posixpath.join(directory, one.name) if directory else one.name, roots)
        ]
        if options.order == "time":
            shown.sort(key=lambda one: one.modified_at, reverse=True)
        end = None if options.limit < 0 else options.start + options.limit
        return shown[options.start : end]

    async def _ask(self, principal: Principal, project: Project, call: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._agents.call(
                project, call, params, timeout_seconds=CALL_TIMEOUT_SECONDS, may_start=principal.scope.may_start
            )
        except StudioloError as error:
            raise_in_historical_words(error)


def list_visible(tx: Transaction, principal: Principal, project_id: ProjectId) -> list[PublicPath]:
    """Return the public paths of a project; disabled ones only to those who may write there."""
    project = projects.get(tx, project_id) if is_uuid(project_id) else None
    if project is None or project.is_deleted or principal.scope.project_id not in (None, project_id):
        return []
    if principal.scope.path_prefix is not None:
        return []  # a sign-in narrowed to some paths reads documents, not records
    found = rows.list_of(tx, project_id)
    try:
        require(tx, principal, project_id, write=True)
    except (Forbidden, NotFound):
        return [one for one in found if not one.is_disabled]
    return found


def _is_shown(path: str, roots: list[str]) -> bool:
    return any(is_path_within(path, root) or is_path_within(root, path) for root in roots)
