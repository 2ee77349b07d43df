"""Projects: making, describing, starting and stopping them."""

import math
from collections.abc import Mapping
from datetime import timedelta

import structlog

from studiolo.core.clock import Clock
from studiolo.core.errors import (
    AgentUnavailable,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProjectNotRunning,
    RoleTooLow,
    StudioloError,
)
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import FULL_SCOPE, Principal, Project, ProjectState, Role
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.domain import paging
from studiolo.domain.access import Access
from studiolo.domain.agents import Agents
from studiolo.domain.audit import Action, in_request, note
from studiolo.domain.idempotency import Made, made_before, note_made
from studiolo.domain.lifecycle import Lifecycle, Progress
from studiolo.domain.paging import Page
from studiolo.domain.project_limits import idle_timeout_seconds
from studiolo.storage import collaborators
from studiolo.storage import projects as rows
from studiolo.storage.database import Database, Transaction

MAX_TITLE_CHARACTERS = 1_000
MAX_DESCRIPTION_CHARACTERS = 100_000
LEAST_IDLE_SECONDS = 60.0
_log = structlog.get_logger()


class Projects:
    """What may be done with projects as a whole."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        secrets: SecretSource,
        access: Access,
        lifecycle: Lifecycle,
        agents: Agents,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._access = access
        self._lifecycle = lifecycle
        self._agents = agents

    async def create(
        self, principal: Principal, title: str = "", description: str = "", start: bool = False
    ) -> Project:
        """Make a project that the caller owns; `start` starts it without waiting."""
        account_id = principal.account_id
        if account_id is None or principal.scope != FULL_SCOPE:
            raise Forbidden("You must be signed in to create a new project.")
        made = made_before(Made.PROJECT)
        if made is not None:
            return await self._lifecycle.read(ProjectId(made))
        try:
            check_texts({"title": title, "description": description})
            project_id = await self._insert(account_id, title, description)
        except StudioloError as error:
            message = f"Failed to create new project '{title}' -- {error.message}"
            raise type(error)(message, internal=error.internal, **error.details) from error
        project = await self._lifecycle.read(project_id)
        if start:
            self._lifecycle.start_in_background(project)
        return project

    async def get(self, principal: Principal, project_id: ProjectId) -> Project:
        """Return a project that the caller may read."""
        return await self._access.project(principal, project_id, write=False)

    async def list_for(self, principal: Principal, account_id: AccountId | None = None) -> list[Project]:
        """Return the projects that the caller has a place in, the one edited last first; deleted ones are left out.

        For administrators: those of any account.
        """
        if account_id is not None:
            _check_whose(principal, account_id)
        elif principal.key_project_id is not None:
            return [await self.get(principal, principal.key_project_id)]
        account_id = account_id or principal.account_id
        if account_id is None:
            return []
        only = principal.scope.project_id
        found = await self._database.read(
            lambda tx: rows.list_for(tx, account_id, project_id=only, order_by=[("last_edited_at", True)])
        )
        return [project for project in found if not project.is_deleted]

    async def list_page(
        self,
        principal: Principal,
        *,
        account_id: AccountId | None = None,
        is_every: bool = False,
        with_deleted: bool = False,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[Project]:
        """Return projects, the newest first: the caller's, or for administrators an account's, or all.

        Raises Forbidden or InvalidRequest.
        """
        whose = account_id or principal.account_id
        _check_whose(principal, whose, is_every=is_every)
        only = principal.scope.project_id or principal.key_project_id
        asked = paging.asked(cursor, limit, int)
        before = asked.after[0] if asked.after is not None else None
        wanted = rows.Wanted(None if is_every or principal.key_project_id else whose, only, with_deleted)
        found = await self._database.read(lambda tx: rows.list_newest(tx, wanted, before=before, limit=asked.look))
        return asked.page(found, lambda project: (project.uid,))

    async def update(
        self, principal: Principal, project_id: ProjectId, *, title: str | None = None, description: str | None = None
    ) -> Project:
        """Change what is not None."""
        await self._access.project(principal, project_id, write=True)
        given = {"title": title, "description": description}
        values = {name: value for name, value in given.items() if value is not None}
        check_texts(values)
        if values:
            edited = values | {"last_edited_at": self._clock.now()}
            await self._database.write(lambda tx: rows.change(tx, project_id, edited))
        return await self._lifecycle.read(project_id)

    async def start(self, principal: Principal, project_id: ProjectId) -> None:
        """Start a project and wait until its agent is there."""
        project = await self._access.project(principal, project_id, write=True)
        self._agents.note_use(project)
        await self._lifecycle.ensure_running(project, may_start=principal.scope.may_start)

    async def start_soon(self, principal: Principal, project_id: ProjectId) -> None:
        """Start a project without waiting for it."""
        project = await self._access.project(principal, project_id, write=True)
        self._agents.note_use(project)
        if not principal.scope.may_start and project.state is ProjectState.OPENED:
            raise ProjectNotRunning("The project is not running, and this sign-in may not start it.")
        self._lifecycle.start_in_background(project)

    async def stop(self, principal: Principal, project_id: ProjectId) -> None:
        """Stop a project and wait until nothing of it runs."""
        await self._access.project(principal, project_id, write=True)
        await self._lifecycle.stop(project_id)

    async def restart(self, principal: Principal, project_id: ProjectId) -> None:
        """Stop a project and start it again."""
        if not principal.scope.may_start:
            raise ProjectNotRunning("This sign-in may not start the project.")
        await self.stop(principal, project_id)
        await self.start(principal, project_id)

    async def delete(self, principal: Principal, project_id: ProjectId) -> None:
        """Mark a project as deleted and stop it; `restore` takes that back. For owners and administrators."""
        await self._set_deleted(principal, project_id, is_deleted=True)
        await self._lifecycle.stop(project_id)

    async def restore(self, principal: Principal, project_id: ProjectId) -> None:
        """Take back that a project was deleted."""
        await self._set_deleted(principal, project_id, is_deleted=False)

    async def touch(self, principal: Principal, project_id: ProjectId) -> None:
        """Note that a project is in use, and start it without waiting if it is stopped."""
        try:
            project = await self._access.project(principal, project_id, write=True)
        except (Forbidden, NotFound) as error:
            message = f"unable to touch project {project_id} -- must have write access"
            raise type(error)(message, **error.details) from error
        now = self._clock.now()
        await self._database.write(lambda tx: rows.touch(tx, project_id, now))
        if principal.scope.may_start:
            self._lifecycle.start_in_background(project)

    async def ensure_running(
        self, project: Project, *, may_start: bool = True, progress: Progress | None = None
    ) -> str:
        """Return the path of the agent's socket, starting the project if need be (see `Lifecycle.ensure_running`)."""
        return await self._lifecycle.ensure_running(project, may_start=may_start, progress=progress)

    async def adopt_all(self) -> None:
        """Bring the table and the runner together after a restart of the hub."""
        await self._lifecycle.adopt_all()

    async def stop_all(self) -> None:
        """Stop every project that runs."""
        await self._lifecycle.stop_all()

    async def count_running(self) -> int:
        """Return how many projects run, as far as the table knows."""
        return await self._database.read(rows.count_running)

    async def stop_idle(self) -> list[ProjectId]:
        """Stop the projects that nobody and nothing used for the idle timeout; return which."""
        now = self._clock.now()
        since = now - timedelta(seconds=min(LEAST_IDLE_SECONDS, self._settings.idle_timeout_seconds or math.inf))
        unused = await self._database.read(lambda tx: rows.list_unused(tx, since))
        due: list[tuple[Project, float]] = []
        for one in unused:
            timeout_seconds = idle_timeout_seconds(one, self._settings)
            seen_at = one.last_active_at or one.created_at
            if (now - seen_at).total_seconds() >= timeout_seconds:
                due.append((one, timeout_seconds))
        return [one.project_id for one, seconds in due if await self._stop_if_idle(one, seconds)]

    async def close(self) -> None:
        """Let go of what is under way; projects go on running."""
        await self._lifecycle.close()

    async def _set_deleted(self, principal: Principal, project_id: ProjectId, *, is_deleted: bool) -> None:
        project = await self._access.project(principal, project_id, write=True, including_deleted=True)
        is_owner = project.role_of(principal.account_id) is Role.OWNER
        if principal.scope != FULL_SCOPE or not (is_owner or principal.is_admin):
            raise RoleTooLow("must be an owner of the project")
        values = {"is_deleted": is_deleted, "last_edited_at": self._clock.now()}
        now = self._clock.now()

        def change(tx: Transaction) -> None:
            rows.change(tx, project_id, values)
            action = Action.PROJECT_DELETED if is_deleted else Action.PROJECT_RESTORED
            note(tx, now, principal, action, project_id=project_id)

        await self._database.write(in_request(change))

    async def _insert(self, account_id: AccountId, title: str, description: str) -> ProjectId:
        project_id = ProjectId(self._secrets.uuid())
        now = self._clock.now()

        def insert(tx: Transaction) -> None:
            rows.insert(tx, project_id, title=title, description=description, now=now)
            collaborators.put(tx, project_id, account_id, Role.OWNER, {}, now)
            note_made(tx, Made.PROJECT, project_id)

        await self._database.write(in_request(insert))
        return project_id

    async def _stop_if_idle(self, project: Project, timeout_seconds: float) -> bool:
        try:
            idle_seconds = await self._agents.idle_seconds(project)
            if idle_seconds is None or idle_seconds < timeout_seconds:
                return False
            await self._lifecycle.stop(project.project_id)
        except AgentUnavailable:
            await self._lifecycle.find_out(project.project_id)
            return False
        except StudioloError as error:
            _log.warning("idle_project_not_stopped", project_id=project.project_id, error=error.message)
            return False
        return True


def check_texts(values: Mapping[str, str]) -> None:
    """Raise InvalidRequest for a title or description that is too long or that no database can keep."""
    limits = {"title": MAX_TITLE_CHARACTERS, "description": MAX_DESCRIPTION_CHARACTERS}
    for name, value in values.items():
        if len(value) > limits.get(name, MAX_DESCRIPTION_CHARACTERS):
            raise InvalidRequest(f"{name} is longer than {limits[name]} characters", fields={name: "too long"})
        if not is_storable(value):
            raise InvalidRequest(f"{name} contains a character that cannot be stored", fields={name: "not text"})


def is_storable(text: str) -> bool:
    """Tell whether both databases can keep a text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _check_whose(principal: Principal, account_id: AccountId | None, *, is_every: bool = False) -> None:
    """Raise Forbidden unless these are the caller's own projects, or an administrator asks."""
    if (is_every or account_id != principal.account_id) and not (principal.is_admin and principal.scope == FULL_SCOPE):
        raise Forbidden("Only administrators may list the projects of others.")
