"""Rows of `projects`: who may see them, and the state machine that several hubs share.

    opened --claim_start--> starting --mark_running--> running --claim_stop--> stopping --mark_opened--> opened

`state_changed_at` is also the claim of the hub that starts or stops a project: it renews the moment while it works,
and whoever finds it old may take over. Every step names the moment it saw, so that a hub that lost its claim changes
nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import Collaborator, Project, ProjectState
from studiolo.storage import collaborators
from studiolo.storage.dialects import insert_if_absent
from studiolo.storage.tables import collaborators as collaborators_table
from studiolo.storage.tables import projects

MomentName = Literal["last_edited_at", "last_active_at", "created_at"]
_ACTIVE_STATES = (ProjectState.STARTING, ProjectState.RUNNING, ProjectState.STOPPING)
_UID_ATTEMPTS = 100
_MAX_PEOPLE = 20_000
_IDS_PER_QUERY = 5000  # below the number of parameters that either database takes
# built once: putting such statements together costs more than running them
_ONE = select(projects).where(projects.c.project_id == bindparam("wanted"))
_SOME = select(projects).where(projects.c.project_id.in_(bindparam("wanted", expanding=True)))


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose records are meant: those of one project, else those of all projects visible to an account."""

    account_id: AccountId | None = None
    project_id: ProjectId | None = None


def visible_to(account_id: AccountId) -> ColumnElement[bool]:
    """Return the condition for the projects that an account may know of: those it has a place in."""
    mine = select(collaborators_table.c.project_id).where(collaborators_table.c.account_id == account_id)
    return projects.c.project_id.in_(mine)


def is_reached(project_id: ColumnElement[Any], reach: Reach) -> ColumnElement[bool]:
    """Return the condition for records of projects, by the column that names their project."""
    if reach.project_id is not None or reach.account_id is None:
        return project_id == reach.project_id
    return project_id.in_(
        select(projects.c.project_id).where(visible_to(reach.account_id), projects.c.is_deleted.is_(False))
    )


def insert(tx: Connection, project_id: ProjectId, *, title: str, description: str, now: datetime) -> int:
    """Insert a project and return its uid, a number that no project has or had.

    Rows are never deleted, so the largest number is the last one given.
    """
    for _ in range(_UID_ATTEMPTS):
        uid = (tx.execute(select(func.max(projects.c.uid))).scalar_one() or 0) + 1
        row = {"project_id": project_id, "uid": uid, "title": title, "description": description}
        moments = {"created_at": now, "last_edited_at": now, "last_active_at": now, "state_changed_at": now}
        if insert_if_absent(tx, projects, row | moments):
            return uid
    raise RuntimeError("no uid could be had for a new project")


def get(tx: Connection, project_id: ProjectId) -> Project | None:
    """Return a project with its collaborators."""
    row = tx.execute(_ONE, {"wanted": project_id}).mappings().one_or_none()
    return _project(row, collaborators.list_for(tx, [project_id]).get(project_id, ())) if row is not None else None


def list_for(
    tx: Connection,
    account_id: AccountId,
    *,
    project_id: ProjectId | None = None,
    edited_since: datetime | None = None,
    order_by: Sequence[tuple[MomentName, bool]] = (),
    limit: int | None = None,
) -> list[Project]:
    """Return the projects visible to an account, deleted ones too; `order_by` pairs a column with "is descending"."""
    query = select(projects).where(visible_to(account_id))
    if project_id is not None:
        query = query.where(projects.c.project_id == project_id)
    if edited_since is not None:
        query = query.where(projects.c.last_edited_at >= edited_since)
    for name, is_descending in order_by:
        column = projects.c[name]
        query = query.order_by(column.desc().nulls_last() if is_descending else column.asc().nulls_first())
    return _projects(tx, query.order_by(projects.c.project_id).limit(limit))


def get_all(tx: Connection, project_ids: Sequence[ProjectId]) -> dict[ProjectId, Project]:
    """Return many projects at once, deleted ones too, by their ids."""
    found: dict[ProjectId, Project] = {}
    for start in range(0, len(project_ids), _IDS_PER_QUERY):
        some = project_ids[start : start + _IDS_PER_QUERY]
        for project in _projects(tx, _SOME, {"wanted": some}):
            found[project.project_id] = project
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which projects are listed: those visible to an account (None: to everybody), or one of them."""

    account_id: AccountId | None
    project_id: ProjectId | None = None
    with_deleted: bool = False


def list_newest(tx: Connection, wanted: Wanted, *, before: int | None, limit: int) -> list[Project]:
    """Return projects by their uid, which grows with each new one; those `before` a uid only."""
    query = select(projects)
    if wanted.account_id is not None:
        query = query.where(visible_to(wanted.account_id))
    if wanted.project_id is not None:
        query = query.where(projects.c.project_id == wanted.project_id)
    if not wanted.with_deleted:
        query = query.where(projects.c.is_deleted.is_(False))
    if before is not None:
        query = query.where(projects.c.uid < before)
    return _projects(tx, query.order_by(projects.c.uid.desc()).limit(limit))


def list_always_running_stopped(tx: Connection) -> list[Project]:
    """Return the projects that are to run always and are stopped."""
    is_wanted = projects.c.limits["is_always_running"].as_boolean().is_(True)
    stopped = (projects.c.state == ProjectState.OPENED) & projects.c.is_deleted.is_(False)
    return _projects(tx, select(projects).where(stopped, is_wanted))


def list_active(tx: Connection) -> list[Project]:
    """Return every project that is recorded as starting, running or stopping."""
    return _projects(tx, select(projects).where(projects.c.state.in_(_ACTIVE_STATES)))


def count_running(tx: Connection) -> int:
    """Return how many projects are recorded as running."""
    return tx.execute(select(func.count()).where(projects.c.state == ProjectState.RUNNING)).scalar_one()


def list_unused(tx: Connection, since: datetime) -> list[Project]:
    """Return the running projects that no hub saw in use since a moment."""
    unused = or_(projects.c.last_active_at.is_(None), projects.c.last_active_at < since)
    return _projects(tx, select(projects).where(projects.c.state == ProjectState.RUNNING, unused))


def people_of(tx: Connection, reach: Reach) -> list[AccountId]:
    """Return the accounts that have a place in the projects."""
    people = collaborators_table.c
    query = select(people.account_id).where(is_reached(people.project_id, reach)).distinct().limit(_MAX_PEOPLE)
    return [AccountId(one) for one in tx.execute(query).scalars()]


def change(tx: Connection, project_id: ProjectId, values: Mapping[str, Any]) -> None:
    """Write columns of a project."""
    tx.execute(update(projects).where(projects.c.project_id == project_id).values(**values))


def touch(tx: Connection, project_id: ProjectId, now: datetime) -> None:
    """Note that the project is in use."""
    change(tx, project_id, {"last_edited_at": now, "last_active_at": now})


def claim_start(tx: Connection, project_id: ProjectId, *, now: datetime, stale_before: datetime) -> bool:
    """Take the right to start a stopped project, or one whose starting or stopping hub has fallen silent."""
    silent = and_(
        projects.c.state.in_((ProjectState.STARTING, ProjectState.STOPPING)), projects.c.state_changed_at < stale_before
    )
    may = or_(projects.c.state == ProjectState.OPENED, silent)
    return _move(tx, project_id, may, {"state": ProjectState.STARTING, "state_changed_at": now, "state_error": None})


def claim_stop(tx: Connection, project_id: ProjectId, *, now: datetime, stale_before: datetime) -> bool:
    """Take the right to stop a running project, or one whose starting or stopping hub has fallen silent."""
    silent = and_(
        projects.c.state.in_((ProjectState.STARTING, ProjectState.STOPPING)), projects.c.state_changed_at < stale_before
    )
    may = or_(projects.c.state == ProjectState.RUNNING, silent)
    return _move(tx, project_id, may, {"state": ProjectState.STOPPING, "state_changed_at": now})


def renew_claim(tx: Connection, project_id: ProjectId, state: ProjectState, *, seen: datetime, now: datetime) -> bool:
    """Say that the claiming hub still works on it; False when the claim was lost."""
    return _move(tx, project_id, _as_seen(state, seen), {"state_changed_at": now})


def mark_running(
    tx: Connection, project_id: ProjectId, *, seen: datetime, now: datetime, runner: str, runner_state: dict[str, Any]
) -> bool:
    """Record that the claimed start succeeded; False when the claim was lost."""
    values = {"state": ProjectState.RUNNING, "state_changed_at": now, "runner": runner, "runner_state": runner_state}
    return _move(tx, project_id, _as_seen(ProjectState.STARTING, seen), values)


def mark_opened(
    tx: Connection,
    project_id: ProjectId,
    state: ProjectState,
    *,
    seen: datetime | None,
    now: datetime,
    error: str | None,
) -> bool:
    """Record that nothing of the project runs, with the reason if it is bad; False when somebody else moved it."""
    values = {"state": ProjectState.OPENED, "state_changed_at": now, "state_error": error, "runner_state": None}
    return _move(tx, project_id, _as_seen(state, seen), values)


def _as_seen(state: ProjectState, seen: datetime | None) -> ColumnElement[bool]:
    return and_(projects.c.state == state, projects.c.state_changed_at == seen)


def _move(tx: Connection, project_id: ProjectId, may: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    moved = tx.execute(update(projects).where(projects.c.project_id == project_id, may).values(**values))
    return moved.rowcount == 1


def _projects(tx: Connection, query: Any, given: Mapping[str, Any] | None = None) -> list[Project]:
    rows = tx.execute(query, given).mappings().all()
    people = collaborators.list_for(tx, [row["project_id"] for row in rows])
    return [_project(row, people.get(row["project_id"], ())) for row in rows]


def _project(row: Any, people: Collection[Collaborator]) -> Project:
    values: dict[str, Any] = {**row, "state": ProjectState(row["state"]), "collaborators": tuple(people)}
    return Project(**values)
