"""A project's copies as its people look at them: what runs or waits, and what ended lately."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studiolo.core.errors import CopyCancelled, FileNotFound, Forbidden, NotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import CopyGroup, CopyOperation, CopyState, Principal, Project
from studiolo.domain import access
from studiolo.domain.copy_groups import may_steer, owner_of
from studiolo.storage import copies as rows
from studiolo.storage import copy_groups as group_rows
from studiolo.storage import projects
from studiolo.storage.database import Database, Transaction

MOST_UNFINISHED = 100
MOST_FINISHED = 50
MOST_GROUPS = 10


@dataclass(frozen=True, slots=True)
class CopySeen:
    """One copy from a project's side."""

    copy: CopyOperation
    state: CopyState
    is_incoming: bool
    other: Project | None  # at the other end; None: the same project, or one that the caller may not know
    may_change: bool  # cancel it, or try it again
    group: CopyGroup | None  # it was ordered in, if the caller may steer that


@dataclass(frozen=True, slots=True)
class CopyOverview:
    """A project's copies, the newest first."""

    project: Project
    unfinished: list[CopySeen]
    finished: list[CopySeen]
    groups: list[CopyGroup]  # out of or into the project, that the caller may steer


class CopyOverviews:
    """Shows the copies from and to a project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, principal: Principal, project_id: ProjectId) -> CopyOverview:
        """Return the copies from a project that the caller may read and, for who may write to it, those to it."""

        def read(tx: Transaction) -> CopyOverview:
            inside = None if principal.scope.path_prefix is None else "."  # the list is about all of the project
            project = access.require(tx, principal, project_id, write=False, path=inside)
            may_write = _may(principal, project, write=True)
            unfinished = _both_ways(tx, project_id, "pending", MOST_UNFINISHED, may_write=may_write)
            finished = _both_ways(tx, project_id, "finished", MOST_FINISHED, may_write=may_write)
            others = _others(project_id, (*unfinished, *finished))
            known = {**projects.get_all(tx, others), project_id: project}
            groups = _groups(tx, principal, (*unfinished, *finished))
            return CopyOverview(
                project,
                [_seen(principal, project_id, copy, known, groups) for copy in unfinished],
                [_seen(principal, project_id, copy, known, groups) for copy in finished],
                _groups_of_project(tx, principal, project_id),
            )

        return await self._database.read(read)


def state_of(copy: CopyOperation) -> CopyState:
    """Return where a copy is in its life."""
    if copy.finished_at is None:
        return "waiting" if copy.started_at is None else "running"
    if copy.error is None:
        return "done"
    by_code: dict[str | None, CopyState] = {CopyCancelled.code: "cancelled", FileNotFound.code: "missing"}
    return by_code.get(copy.error_code, "failed")


def _both_ways(
    tx: Transaction, project_id: ProjectId, kind: rows.Kind, most: int, *, may_write: bool
) -> list[CopyOperation]:
    found: dict[str, CopyOperation] = {}
    for source_id, target_id in ((project_id, None), (None, project_id)):
        if target_id is None or may_write:
            listed = rows.list_between(
                tx,
                source_project_id=source_id,
                target_project_id=target_id,
                source_path=None,
                kind=kind,
                limit=most,
                offset=0,
            )
            found |= {copy.copy_id: copy for copy in listed}
    return sorted(found.values(), key=lambda copy: (copy.created_at, copy.copy_id), reverse=True)[:most]


def _others(project_id: ProjectId, copies: Iterable[CopyOperation]) -> list[ProjectId]:
    ends = {end for copy in copies for end in (copy.source_project_id, copy.target_project_id)}
    return list(ends - {project_id})


def _groups(tx: Transaction, principal: Principal, copies: Iterable[CopyOperation]) -> dict[str, CopyGroup]:
    found = group_rows.get_all(tx, list({copy.group_id for copy in copies if copy.group_id is not None}))
    return {group_id: group for group_id, group in found.items() if may_steer(principal, group)}


def _groups_of_project(tx: Transaction, principal: Principal, project_id: ProjectId) -> list[CopyGroup]:
    owner = None if principal.is_admin else owner_of(principal)
    found = group_rows.list_of_project(tx, project_id, owner, MOST_GROUPS)
    return [group for group in found if may_steer(principal, group)]


def _seen(
    principal: Principal,
    project_id: ProjectId,
    copy: CopyOperation,
    known: Mapping[ProjectId, Project],
    groups: Mapping[str, CopyGroup],
) -> CopySeen:
    is_incoming = copy.target_project_id == project_id
    other = known.get(copy.source_project_id if is_incoming else copy.target_project_id)
    is_known = other is not None and other.project_id != project_id and _may(principal, other, write=False)
    source, target = known.get(copy.source_project_id), known.get(copy.target_project_id)
    may_read = copy.is_public or _may(principal, source, write=False)
    return CopySeen(
        copy=copy,
        state=state_of(copy),
        is_incoming=is_incoming,
        other=other if is_known else None,
        may_change=may_read and _may(principal, target, write=True),
        group=groups.get(copy.group_id or ""),
    )


def _may(principal: Principal, project: Project | None, *, write: bool) -> bool:
    if project is None:
        return False
    try:
        access.require_loaded(principal, project.project_id, project, write=write)
    except (Forbidden, NotFound):
        return False
    return True
