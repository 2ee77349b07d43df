"""Whose records a query may meet: the one rule for all tables that belong to projects.

Reading: the caller's projects, or the one that the query names, in which the caller (even an administrator) must have
a place. Writing: where the caller may write.
"""

from typing import Any

from studiolo.core.errors import Forbidden, InvalidRequest, NotFound, ProjectNotFound
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import Principal, Project
from studiolo.domain.access import require
from studiolo.domain.home_paths import path_in_home
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Filter, Row
from studiolo.storage import projects
from studiolo.storage.database import Transaction
from studiolo.storage.projects import Reach

MAX_PATH_CHARACTERS = 4_096


def reach_of(tx: Transaction, principal: Principal, selection: Selection) -> Reach | None:
    """Return the projects whose records the caller may read; None if there are none.

    Raises ProjectNotFound if the query names a project in which the caller has no place.
    """
    named = [one.value for one in selection.filters if names_project(one)]
    limits = [*named, principal.key_project_id, principal.scope.project_id]
    reached = {str(one) for one in limits if one is not None}
    if principal.scope.path_prefix is not None:
        reached = {"", "nothing"}  # a sign-in narrowed to some paths reads documents, not records
    if not reached:
        return Reach(account_id=principal.account_id) if principal.account_id is not None else None
    only = ProjectId(next(iter(reached)))
    if len(reached) == 1 and _has_place(tx, principal, only):
        return Reach(project_id=only)
    if named:
        raise ProjectNotFound("FATAL: you do not have read access to this project")
    return None


def names_project(one: Filter) -> bool:
    """Tell whether a condition fixes the project."""
    return one.field == "project_id" and one.operator in ("=", "==")


def is_only_by_project(selection: Selection, newest_first_by: str) -> bool:
    """Tell whether the database, which orders by one field, may stop at the query's limit."""
    return selection.order_by == ((newest_first_by, True),) and all(map(names_project, selection.filters))


def writable(tx: Transaction, principal: Principal, project_id: object, *, including_deleted: bool = False) -> Project:
    """Return the project that a set names, or raise in the words of `query`."""
    if not isinstance(project_id, str):
        raise InvalidRequest("FATAL: query must specify project_id")
    try:
        return require(tx, principal, ProjectId(project_id), write=True, including_deleted=including_deleted)
    except (Forbidden, NotFound) as error:
        if not is_uuid(project_id) or projects.get(tx, ProjectId(project_id)) is None:
            raise ProjectNotFound(f"FATAL: unknown project_id '{project_id}'") from error
        raise type(error)("FATAL: user must be an admin", **error.details) from error


def path_of(table: str, values: Row) -> str:
    """Return the path that a set names, relative to the home; raise InvalidRequest."""
    path: Any = values.get("path")
    if not isinstance(path, str):
        raise InvalidRequest(f"FATAL: query must specify {table}.path")
    if len(path) > MAX_PATH_CHARACTERS or path_in_home(ProjectId(""), path) is None or path.startswith("/"):
        raise InvalidRequest(f"FATAL: invalid value for {table}.path -- must be inside the project's home")
    return path


def check_id(table: str, values: Row, expected: str) -> None:
    """Raise InvalidRequest if a set gives another id than project and path make."""
    if values.get("id", expected) != expected:
        raise InvalidRequest(f"FATAL: invalid value for {table}.id -- must be the sha1 of project_id and path")


def _has_place(tx: Transaction, principal: Principal, project_id: ProjectId) -> bool:
    project = projects.get(tx, project_id) if is_uuid(project_id) else None
    if project is None or project.is_deleted:
        return False
    return principal.key_project_id == project_id or project.role_of(principal.account_id) is not None
