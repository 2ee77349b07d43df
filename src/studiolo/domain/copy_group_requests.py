"""What somebody orders as a group of copies, checked: its words, its projects, its paths."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from studiolo.core.errors import Forbidden, InvalidRequest, NotFound, ProjectNotFound
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import FULL_SCOPE, CopyMode, CopyOperation, Principal, Project
from studiolo.domain import access
from studiolo.domain.copies import check_operation
from studiolo.domain.copy_targets import Member, check_template
from studiolo.domain.home_paths import path_below_home
from studiolo.domain.projects import is_storable
from studiolo.storage import projects
from studiolo.storage.database import Transaction

MAX_MEMBERS = 20_000
MAX_KEY = 128
_MAX_NAMED = 100  # projects that an error names
Kind = Literal["hand_out", "collect"]


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """What a caller orders; nothing of it is checked yet."""

    kind: Kind
    project_id: str  # the one: the source when handing out, the target when collecting
    source_path: str
    target_path: str | None  # a template
    members: tuple[Member, ...]
    mode: CopyMode = "copy"
    overwrite_newer: bool = False
    delete_missing: bool = False
    backup: bool = False
    exclude: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    scheduled: str | None = None
    group_key: str | None = None


def check(request: GroupRequest) -> None:
    """Raise InvalidRequest, in words, for what could be no group whoever asks."""
    one, many = ("src", "targets") if request.kind == "hand_out" else ("target", "sources")
    if not is_uuid(request.project_id):
        raise InvalidRequest(f"{one}_project_id='{request.project_id[:50]}' not valid")
    if not request.source_path:
        raise InvalidRequest("src_path must be defined")
    if not 1 <= len(request.members) <= MAX_MEMBERS:
        raise InvalidRequest(f"{many} must name 1 to {MAX_MEMBERS} projects", fields={many: "wrong number"})
    for at, member in enumerate(request.members):
        if not is_uuid(member.project_id):
            raise InvalidRequest(f"{many}[{at}]: project_id='{member.project_id[:50]}' not valid")
        if member.target_path is not None:
            check_template(member.target_path)
    check_template(request.target_path or "")
    key = request.group_key
    if key is not None and not (0 < len(key) <= MAX_KEY and is_storable(key)):
        raise InvalidRequest(f"group_key must have 1 to {MAX_KEY} characters", fields={"group_key": "wrong length"})
    options = (request.overwrite_newer, request.delete_missing, request.backup, request.exclude)
    if request.mode != "copy" and any(options):
        raise InvalidRequest(
            "revise keeps what was changed: it goes with neither overwrite_newer, delete_missing, backup nor exclude",
            fields={"revise": "does not go with these options"},
        )


def projects_of(tx: Transaction, principal: Principal, request: GroupRequest) -> tuple[Project, list[Project]]:
    """Return the one project and the many, in the order of the request; raise in the words of the copy calls."""
    is_hand_out = request.kind == "hand_out"
    one_id, many_ids = ProjectId(request.project_id), [ProjectId(member.project_id) for member in request.members]
    found = projects.get_all(tx, list(dict.fromkeys((one_id, *many_ids))))
    path = request.source_path if is_hand_out else None
    one = _allowed(principal, found, [one_id], write=not is_hand_out, path=path)[0]
    return one, _allowed(
        principal, found, many_ids, write=is_hand_out, path=None if is_hand_out else request.source_path
    )


def _allowed(
    principal: Principal, found: dict[ProjectId, Project], ids: Sequence[ProjectId], *, write: bool, path: str | None
) -> list[Project]:
    allowed: list[Project] = []
    refused: list[ProjectId] = []
    kind: type[Forbidden | NotFound] = ProjectNotFound
    path = None if principal.scope == FULL_SCOPE else path or ""  # where it goes is asked again, for each path
    for project_id in ids:
        try:
            allowed.append(access.require_loaded(principal, project_id, found.get(project_id), write=write, path=path))
        except (Forbidden, NotFound) as error:
            kind = type(error)
            refused.append(project_id)
    if refused:
        named = ", ".join(refused[:_MAX_NAMED]) + (" ..." if len(refused) > _MAX_NAMED else "")
        what = "No write access to target project" if write else "No read access to source project"
        raise kind(f"ACCESS BLOCKED -- {what} -- {named}", refused=refused[:_MAX_NAMED], count=len(refused))
    return allowed


def check_copies(principal: Principal, copies: Sequence[CopyOperation], found: dict[ProjectId, Project]) -> None:
    """Raise InvalidRequest or PathOutsideProject for copies that cannot be, or that have one target."""
    seen: dict[tuple[str, str], int] = {}
    for copy in copies:
        check_operation(copy)
        place = (copy.target_project_id, path_below_home(copy.target_project_id, copy.target_path))
        if place in seen:
            raise InvalidRequest(
                f"copies {seen[place]} and {copy.position} have the same target {copy.target_path[:200]}",
                fields={"target_path": "not unique"},
            )
        seen[place] = copy.position or 0
        target = found[copy.target_project_id]
        access.require_loaded(principal, target.project_id, target, write=True, path=copy.target_path)


def hash_of(request: GroupRequest) -> str:
    """Return what tells one order from another, whatever the name it was given."""
    content: dict[str, Any] = asdict(request)
    del content["group_key"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
