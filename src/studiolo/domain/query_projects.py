"""The tables `projects` and `projects_all` of `query`: the projects in which the caller has a place."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from studiolo.core.clock import Clock, iso_milliseconds
from studiolo.core.errors import Forbidden, InvalidRequest, ProjectNotFound, ProjectNotRunning, StudioloError
from studiolo.core.ids import AccountId, ProjectId, is_uuid
from studiolo.core.models import FULL_SCOPE, Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain import collaborators
from studiolo.domain.lifecycle import Lifecycle
from studiolo.domain.projects import check_texts
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row, deep_merge
from studiolo.domain.query_reach import names_project, writable
from studiolo.domain.query_values import check_size, check_types
from studiolo.storage import projects as storage
from studiolo.storage.database import Database, Transaction

LIST_LIMIT = 100
NEWEST_FIRST = Options(limit=LIST_LIMIT, order_by=(("last_edited", True),))
_COLUMNS = {"title": "title", "description": "description", "deleted": "is_deleted"}
_ORDERS: Mapping[str, storage.MomentName] = {
    "last_edited": "last_edited_at",
    "last_active": "last_active_at",
    "created": "created_at",
}
_SETTABLE_SETTINGS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "invite_requests": (dict,),
    "compute_image": (str,),
    "site_license": (dict,),
    "env": (dict,),
    "sandbox": (bool,),
    "avatar_image_tiny": (str,),
    "avatar_image_full": (str,),
}
_OTHER_SETTINGS = ("invite", "host", "run_quota", "status", "action_request", "course", "pay_as_you_go_quotas")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "project_id": (str,),
    "title": (str,),
    "description": (str,),
    "deleted": (bool,),
    "users": (dict,),
    "action_request": (dict,),
    **_SETTABLE_SETTINGS,
}


class ProjectsTable:
    """The caller's projects; `projects` lists the newest hundred where the query says nothing else."""

    settable = frozenset(_TYPES)
    readable: Mapping[str, Any]

    def __init__(
        self,
        name: Literal["projects", "projects_all"],
        settings: Settings,
        database: Database,
        clock: Clock,
        lifecycle: Lifecycle,
    ) -> None:
        self.name = name
        self.list_options = NEWEST_FIRST if name == "projects" else Options()
        self._edited_days = settings.projects_query_days if name == "projects" else 0
        self._database = database
        self._clock = clock
        self._lifecycle = lifecycle
        self.readable = readable_fields(settings)

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the caller's projects; one that is named must be the caller's, whoever the caller is."""
        named = [one.value for one in selection.filters if names_project(one)]
        limits = [*named, principal.key_project_id, principal.scope.project_id]
        reached = {str(one) for one in limits if one is not None}
        found: Sequence[Project] = ()
        if len(reached) < 2:
            found = await self._read(principal, selection, next(iter(reached), None))
        if named and not found:
            raise ProjectNotFound("FATAL: you do not have read access to this project")
        return [project_row(project) for project in found]

    async def set(self, principal: Principal, values: Row) -> None:
        """Change a project that the caller may write to; `action_request` is carried out before this returns."""
        project_id = values.get("project_id")
        if not isinstance(project_id, str):
            raise InvalidRequest("FATAL: query must specify project_id")
        values = {field: value for field, value in values.items() if field != "project_id"}
        check_types(self.name, values, _TYPES)
        check_texts({field: values[field] for field in ("title", "description") if field in values})
        action = _action(values.pop("action_request", None))
        project = await self._change(principal, ProjectId(project_id), values)
        if values.get("deleted") is True:
            await self._lifecycle.stop(project.project_id)
        elif action is not None:
            await self._act(project, action, may_start=principal.scope.may_start)

    async def _read(self, principal: Principal, selection: Selection, only: str | None) -> Sequence[Project]:
        if only is not None and not is_uuid(only):
            return []
        account_id = principal.account_id
        if account_id is None:
            return [] if only is None else await self._read_of_key(principal, ProjectId(only))
        return await self._read_of_account(account_id, selection, ProjectId(only) if only is not None else None)

    async def _read_of_key(self, principal: Principal, project_id: ProjectId) -> Sequence[Project]:
        if principal.key_project_id != project_id:
            return []
        project = await self._database.read(lambda tx: storage.get(tx, project_id))
        return [project] if project is not None else []

    async def _read_of_account(
        self, account_id: AccountId, selection: Selection, only: ProjectId | None
    ) -> Sequence[Project]:
        days = self._edited_days
        edited_since = self._clock.now() - timedelta(days=days) if days else None
        order_by: list[tuple[storage.MomentName, bool]] = [
            (_ORDERS[name], is_descending) for name, is_descending in selection.order_by if name in _ORDERS
        ]
        # the database may stop early only if it alone filters and orders
        is_whole = len(order_by) == len(selection.order_by) and all(names_project(one) for one in selection.filters)
        limit = selection.limit if is_whole else None
        return await self._database.read(
            lambda tx: storage.list_for(
                tx, account_id, project_id=only, edited_since=edited_since, order_by=order_by, limit=limit
            )
        )

    async def _change(self, principal: Principal, project_id: ProjectId, values: Row) -> Project:
        now = self._clock.now()

        def change(tx: Transaction) -> Project:
            project = writable(tx, principal, project_id, including_deleted=True)
            if "deleted" in values and principal.scope != FULL_SCOPE:
                raise Forbidden("FATAL: this sign-in may not delete or restore projects")
            columns: dict[str, Any] = {_COLUMNS[field]: values[field] for field in _COLUMNS if field in values}
            settings = {field: values[field] for field in _SETTABLE_SETTINGS if field in values}
            if settings:
                columns["settings"] = deep_merge(project.settings, settings)
                check_size(self.name, columns["settings"])
            if "users" in values:
                check_size(self.name, values["users"])
                collaborators.change(tx, principal, project, values["users"], now)
            if columns:
                storage.change(tx, project_id, {**columns, "last_edited_at": now})
            return project

        return await self._database.write(change)

    async def _act(self, project: Project, action: str, *, may_start: bool) -> None:
        started = self._clock.now()
        record: Row = {"action": action, "started": iso_milliseconds(started)}
        try:
            await self._carry_out(project, action, may_start=may_start)
        except StudioloError as error:
            record["err"] = error.message
            raise
        finally:
            record["finished"] = iso_milliseconds(self._clock.now())
            await self._database.write(lambda tx: _record_action(tx, project.project_id, record))

    async def _carry_out(self, project: Project, action: str, *, may_start: bool) -> None:
        if action == "restart" and not may_start:
            raise ProjectNotRunning("This sign-in may not start the project.")
        if action in ("stop", "restart"):
            await self._lifecycle.stop(project.project_id)
        if action in ("start", "restart"):
            project = await self._lifecycle.read(project.project_id)
            await self._lifecycle.ensure_running(project, may_start=may_start)


def _record_action(tx: Transaction, project_id: ProjectId, record: Row) -> None:
    project = storage.get(tx, project_id)
    if project is not None:
        storage.change(tx, project_id, {"settings": {**project.settings, "action_request": record}})


def _action(given: Any) -> str | None:
    if given is None:
        return None
    action = given.get("action")
    if action not in ("start", "stop", "restart"):
        raise InvalidRequest(f"FATAL: action '{action}' not implemented")
    return action


def project_row(project: Project) -> Row:
    """Return every readable field of a project."""
    kept = project.settings
    changed_at = project.state_changed_at or project.created_at
    state = {"state": project.state.value, "time": iso_milliseconds(changed_at)}
    if project.state_error is not None:
        state["error"] = project.state_error
    return {
        **{field: kept.get(field) for field in (*_SETTABLE_SETTINGS, *_OTHER_SETTINGS)},
        "project_id": project.project_id,
        "title": project.title,
        "description": project.description,
        "users": {
            person.account_id: {"group": person.role.value, **person.details} for person in project.collaborators
        },
        "deleted": True if project.is_deleted else None,
        "settings": _own_quotas(project),
        "state": state,
        "last_edited": project.last_edited_at,
        "last_active": project.last_active_at,
        "created": project.created_at,
    }


def readable_fields(settings: Settings) -> Mapping[str, Any]:
    """Return the fields that a query may ask of a project, with their defaults."""
    readable_settings = [one for one in (*_SETTABLE_SETTINGS, *_OTHER_SETTINGS) if one != "avatar_image_full"]
    return {
        "project_id": None,
        "title": "",
        "description": "",
        "users": {},
        "deleted": None,
        "settings": _quotas(settings),
        "state": None,
        "last_edited": None,
        "last_active": None,
        "created": None,
        **{field: None for field in readable_settings},  # noqa: C420 - typed
    }


def _quotas(settings: Settings) -> Row:
    """Return what a project may use, in the historical units: cores, MB, seconds."""
    return {
        "cores": settings.cpu_cores,
        "memory": settings.memory_mb,
        "disk_quota": settings.disk_mb,
        "mintime": settings.idle_timeout_seconds,
        "network": 0,
        "member_host": 0,
    }


def _own_quotas(project: Project) -> Row:
    names = {"cpu_cores": "cores", "memory_mb": "memory", "disk_mb": "disk_quota"}
    own = {names[name]: value for name, value in project.limits.items() if name in names}
    return own | {"network": 1} if project.has_network else own
