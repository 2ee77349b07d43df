"""Who may do what with a project; written once, asked by every door.

- An administrator may do everything.
- An account may read where it has any role, and write where it is owner or collaborator.
- A project's own key may do everything in that project and nothing elsewhere.
- Whoever has a key may read what is public.
- A sign-in made from a narrowed auth token never gets more than its scope, whoever it is.
"""

from pathlib import PurePosixPath

from studiolo.core.errors import FileNotFound, Forbidden, NotFound, ProjectNotFound, RoleTooLow
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import Principal, Project, Role, Scope
from studiolo.domain.home_paths import path_below_home, path_in_home
from studiolo.storage import projects, public_paths
from studiolo.storage.database import Database, Transaction

_WRITING_ROLES = (Role.OWNER, Role.COLLABORATOR)


class Access:
    """Gives out projects to those who may have them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def project(
        self,
        principal: Principal,
        project_id: ProjectId,
        *,
        write: bool,
        path: str | None = None,
        including_deleted: bool = False,
    ) -> Project:
        """Return the project, or raise ProjectNotFound, RoleTooLow or Forbidden in the wire's words.

        `path` (relative to the home) is what is to be read or written. Without it the whole project is meant, which a
        sign-in that is narrowed to some paths may look at but not write.
        """
        return await self._database.read(
            lambda tx: require(tx, principal, project_id, write=write, path=path, including_deleted=including_deleted)
        )

    async def public(self, principal: Principal, project_id: ProjectId, path: str) -> Project:
        """Return the project of a path that is public; raise NotFound in the wire's words."""
        return (await self._database.read(lambda tx: require_public(tx, principal, project_id, path)))[0]


def require(
    tx: Transaction,
    principal: Principal,
    project_id: ProjectId,
    *,
    write: bool,
    path: str | None = None,
    including_deleted: bool = False,
) -> Project:
    """Do the same within the caller's transaction."""
    project = projects.get(tx, project_id) if is_uuid(project_id) else None
    return require_loaded(principal, project_id, project, write=write, path=path, including_deleted=including_deleted)


def require_loaded(
    principal: Principal,
    project_id: ProjectId,
    project: Project | None,
    *,
    write: bool,
    path: str | None = None,
    including_deleted: bool = False,
) -> Project:
    """Do the same with a project that was looked up, or was not found."""
    words = f"User {principal.wire_id} does not have {'write' if write else 'read'} access to project {project_id}"
    if project is None or (project.is_deleted and not including_deleted):
        raise ProjectNotFound(words)
    if not _may_know(principal, project):
        raise ProjectNotFound(words)
    if write and not _may_write(principal, project):
        raise RoleTooLow(words)
    if not _is_within(principal.scope, path, write=write):
        if path is None:
            raise Forbidden(words)
        raise FileNotFound(words)  # what lies outside is not there for this sign-in, whether it exists or not
    return project


def require_public(tx: Transaction, principal: Principal, project_id: ProjectId, path: str) -> tuple[Project, str]:
    """Return the project of a public path and the public path it is below; raise NotFound in the wire's words."""
    words = f"path '{path}' of project with id '{project_id}' is not public"
    try:
        project, roots = public_roots(tx, principal, project_id)
    except NotFound as error:
        raise NotFound(words) from error
    inside = path_in_home(project_id, path)
    root = None if inside is None else root_of(roots, inside.strip("/"))
    if root is None:
        raise NotFound(words)
    return project, root


def public_roots(tx: Transaction, principal: Principal, project_id: ProjectId) -> tuple[Project, list[str]]:
    """Return a project and its public paths; raise NotFound or Forbidden in the wire's words."""
    project = projects.get(tx, project_id) if is_uuid(project_id) else None
    if project is None or project.is_deleted:
        raise NotFound("not_public")
    if principal.is_anonymous or principal.scope.project_id not in (None, project_id):
        raise Forbidden("not_public")
    if principal.scope.path_prefix is not None:
        raise NotFound("not_public")  # what is public lies as far outside as all else
    found = [one.path for one in public_paths.list_of(tx, project_id) if not one.is_disabled]
    return project, [path_below_home(project_id, path) for path in found]


def root_of(roots: list[str], path: str) -> str | None:
    """Return the public path that makes a path public; the empty one is the whole home."""
    path = "" if path == "." else path
    return next((root for root in roots if is_path_within(path, root)), None)


def is_path_within(path: str, prefix: str) -> bool:
    """Tell whether a path is the prefix or lies below it; both relative to the home, `..` is never within."""
    parts, wanted = PurePosixPath(path).parts, PurePosixPath(prefix).parts
    return ".." not in parts and not path.startswith("/") and parts[: len(wanted)] == wanted


def within(scope: Scope) -> dict[str, str]:
    """Return the parameter that has an agent follow links no further than a narrowed sign-in may go."""
    return {} if scope.path_prefix is None else {"within": scope.path_prefix}


def _may_know(principal: Principal, project: Project) -> bool:
    if principal.scope.project_id not in (None, project.project_id):
        return False
    if principal.key_project_id is not None:
        return principal.key_project_id == project.project_id
    return principal.is_admin or project.role_of(principal.account_id) is not None


def _may_write(principal: Principal, project: Project) -> bool:
    if principal.scope.is_read_only:
        return False
    is_own_key = principal.key_project_id is not None  # of this project, else it may not even know of it
    return is_own_key or principal.is_admin or project.role_of(principal.account_id) in _WRITING_ROLES


def _is_within(scope: Scope, path: str | None, *, write: bool) -> bool:
    if scope.path_prefix is None:
        return True
    return not write if path is None else is_path_within(path, scope.path_prefix)
