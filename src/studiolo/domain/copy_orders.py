"""From the row of a copy to the order for an engine: who may it, which homes, which paths.

All of it happens within the transaction that claims the copies, so that between looking and copying nothing waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from studiolo.core.errors import CopyCancelled, CopyFailed, Forbidden, NotFound, StudioloError
from studiolo.core.ids import AccountId, ProjectId
from studiolo.core.models import CopyOperation, CopyOrder, Principal, Project, ProjectSpec
from studiolo.core.settings import Settings
from studiolo.domain import access
from studiolo.domain.home_paths import path_in_home
from studiolo.domain.lifecycle import project_spec
from studiolo.storage import accounts, copy_bases, projects
from studiolo.storage.database import Transaction

MAX_ATTEMPTS = 5
CANCELLED = "The copy was cancelled. Files that had arrived before are whole and stay."
Prepared = CopyOrder | StudioloError | None  # None: there is nothing to do


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a project; without a path, all of the project."""

    project_id: ProjectId
    path: str | None
    is_public: bool = False  # it need not be the caller's


def prepare(
    tx: Transaction, settings: Settings, claimed: Sequence[CopyOperation]
) -> list[tuple[CopyOperation, Prepared]]:
    """Return the order of each copy, or why it ends without one."""
    ids = {project_id for copy in claimed for project_id in (copy.source_project_id, copy.target_project_id)}
    known = projects.get_all(tx, list(ids)) if claimed else {}
    principals: dict[AccountId | None, Principal] = {}
    hand_outs = copy_bases.planned(tx, [copy for copy in claimed if copy.mode == "copy"])
    prepared: list[tuple[CopyOperation, Prepared]] = []
    for copy in claimed:
        try:
            _refuse_ended(copy)
            if copy.account_id is None or copy.account_id not in principals:
                principals[copy.account_id] = _principal(tx, copy)
            ends = require_both(tx, principals[copy.account_id], copy, known)
            order = order_of(tx, settings, principals[copy.account_id], copy, ends)
            if order is not None and copy.mode == "copy":
                order = replace(order, is_handed_out=copy.group_id in hand_outs)
            prepared.append((copy, order))
        except StudioloError as error:
            prepared.append((copy, error))
    return prepared


def order_of(
    tx: Transaction, settings: Settings, principal: Principal, copy: CopyOperation, ends: tuple[Project, Project]
) -> CopyOrder | None:
    """Return the order of a copy between a source and a target that may be used; None if there is nothing to do."""
    order = _within_public(tx, principal, copy, _order(settings, copy, *ends))
    return _with_base(tx, copy, order)


def require(
    tx: Transaction,
    principal: Principal,
    source: Place | None,
    target: Place | None,
    known: Mapping[ProjectId, Project] | None = None,
) -> list[Project]:
    """Return the projects, the target first; raise in the words of the copy calls if one may not be used.

    `known` are all the projects in question, where they were looked up already.
    """
    found: list[Project] = []
    for place, write, refusal in (
        (target, True, "No write access to target"),
        (source, False, "No read access to source"),
    ):
        if place is None:
            continue
        if place.is_public:
            found.append(access.require_public(tx, principal, place.project_id, place.path or "")[0])
            continue
        try:
            project = projects.get(tx, place.project_id) if known is None else known.get(place.project_id)
            found.append(access.require_loaded(principal, place.project_id, project, write=write, path=place.path))
        except (Forbidden, NotFound) as error:
            message = f"ACCESS BLOCKED -- {refusal} project -- {place.project_id}"
            if source is not None and source.is_public:
                message = f"user must have write access to target project {place.project_id}"
            raise type(error)(message, **error.details) from error
    return found


def require_both(
    tx: Transaction, principal: Principal, copy: CopyOperation, known: Mapping[ProjectId, Project] | None = None
) -> tuple[Project, Project]:
    """Return the source and the target of a copy that the caller may read and write."""
    source = Place(copy.source_project_id, copy.source_path, is_public=copy.is_public)
    target = Place(copy.target_project_id, copy.target_path)
    found = require(tx, principal, source, target, known)
    return found[1], found[0]


def _refuse_ended(claimed: CopyOperation) -> None:
    if claimed.is_cancelled:  # whoever carried it out died before it could stop
        raise CopyCancelled(CANCELLED)
    if claimed.attempts > MAX_ATTEMPTS:
        raise CopyFailed(f"The copy was given up after {MAX_ATTEMPTS} attempts.")


def _order(settings: Settings, claimed: CopyOperation, source: Project, target: Project) -> CopyOrder | None:
    source_path = path_in_home(source.project_id, claimed.source_path)
    target_path = path_in_home(target.project_id, claimed.target_path)
    if source_path is None or target_path is None:
        raise CopyFailed("a path leads out of the project")
    if claimed.mode == "snapshot":
        return _snapshot(settings, claimed, project_spec(source, settings), source_path)
    if source.project_id == target.project_id and source_path.rstrip("/") == target_path.rstrip("/"):
        return None  # onto itself
    return CopyOrder(
        source=project_spec(source, settings),
        source_path=source_path,
        target=project_spec(target, settings),
        target_path=target_path,
        overwrite_newer=claimed.overwrite_newer,
        delete_missing=claimed.delete_missing,
        backup=claimed.backup,
        exclude=claimed.exclude,
        timeout_seconds=claimed.timeout_seconds,
    )


def _snapshot(settings: Settings, claimed: CopyOperation, source: ProjectSpec, path: str) -> CopyOrder:
    """Return the order to copy the source into a home of its own, of which nobody knows but revising."""
    return CopyOrder(
        source=source,
        source_path=path,
        target=replace(source, project_id=ProjectId(claimed.group_id or "")),
        target_path=path,
        delete_missing=True,  # what an attempt left that died
        max_bytes=settings.copy_base_mb * 1024 * 1024,
    )


def _within_public(
    tx: Transaction, principal: Principal, claimed: CopyOperation, order: CopyOrder | None
) -> CopyOrder | None:
    """Let links in the path of what is public lead no further than what is public."""
    if order is None or not claimed.is_public:
        return order
    _, root = access.require_public(tx, principal, claimed.source_project_id, claimed.source_path)
    return replace(order, source_within=root)


def _with_base(tx: Transaction, claimed: CopyOperation, order: CopyOrder | None) -> CopyOrder | None:
    if order is None or claimed.mode not in ("revise", "rehearse"):
        return order
    stamp = f"{claimed.created_at:%Y-%m-%d}"
    return replace(order, mode=claimed.mode, base_id=copy_bases.find(tx, claimed), stamp=stamp)


def _principal(tx: Transaction, claimed: CopyOperation) -> Principal:
    account_id = claimed.account_id
    if account_id is None:  # ordered with a project's own key, which reaches that project only
        return Principal(key_project_id=claimed.target_project_id)
    account = accounts.get(tx, account_id)
    if account is None or account.is_banned or account.is_deleted:
        raise Forbidden("ACCESS BLOCKED -- The account that ordered the copy is gone.")
    return Principal(account_id=account_id, is_admin=account.is_admin)
