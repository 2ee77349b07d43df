"""Groups of copies: handing out to many projects, collecting from many."""

from typing import Any, Literal, Self, cast

from pydantic import Field, JsonValue

from studiolo.core.errors import InvalidRequest
from studiolo.core.models import CopyOperation, CopyState
from studiolo.domain.copy_group_requests import MAX_MEMBERS, GroupRequest
from studiolo.domain.copy_groups import MAX_PAGE, GroupStatus
from studiolo.domain.copy_targets import Member
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.copies import REPORT, CopyProgress
from studiolo.web.api_v1.parameters import (
    Answer,
    Flag,
    Integer,
    Moment,
    Number,
    Parameters,
    Shape,
    Structure,
    Text,
    Texts,
)
from studiolo.web.api_v1.registry import Call, CallContext, Example

_TEMPLATE = (
    "{project_id}, {account_id}, {title} and {index} are filled in; {account_id} is the only person beside you, or"
    " whom the project's entry names."
)
_MEMBERS = (
    f"1 to {MAX_MEMBERS} projects: ids, or objects with project_id and, if it is not like the others, target_path"
    " or account_id."
)


class GroupParameters(Parameters):
    """What both kinds of groups take."""

    overwrite_newer: Flag = Field(default=False, description="Overwrite files that are newer in the target.")
    delete_missing: Flag = Field(
        default=False, description="Delete files in the target directory that the source lacks."
    )
    backup: Flag = Field(default=False, description="Keep what is overwritten under its name with `~`.")
    exclude: Texts = Field(default=[], description="Patterns of what is left out, as rsync reads them.")
    timeout: Number = Field(default=None, description="Seconds after which one copy is given up.")
    scheduled: Text | None = Field(
        default=None, description="Not before this time, which is UTC unless it says otherwise."
    )
    group_key: Text | None = Field(
        default=None,
        description="Your own name for this request, 1 to 128 characters: sent again it answers the same group and"
        " copies nothing twice.",
    )


class HandOutParameters(GroupParameters):
    """What `copy_path_to_projects` takes."""

    src_project_id: Text
    src_path: Text = Field(description="File or directory, relative to the home directory.")
    targets: Structure = Field(description=_MEMBERS)
    target_path: Text | None = Field(
        default=None, description=f"Where to; by default the same as `src_path`. {_TEMPLATE}"
    )
    revise: Flag = Field(
        default=False,
        description="Keep what was changed in the targets: new and changed files arrive merged or beside.",
    )
    dry_run: Flag = Field(default=False, description="With `revise`: write nothing, only report what would be done.")


class CollectParameters(GroupParameters):
    """What `collect_path_from_projects` takes."""

    sources: Structure = Field(description=_MEMBERS)
    src_path: Text = Field(description="File or directory in each of the projects.")
    target_project_id: Text
    target_path: Text = Field(description=f"Where to, such as collected/{{project_id}}/. {_TEMPLATE}")


class CopyGroupAnswer(Answer):
    """The copies are on their way."""

    event: Literal["copy_group_response"] = "copy_group_response"
    group_id: str
    total: int
    repeated: bool | None = Field(default=None, description="It was ordered before under the same key.")


class CopyGroupStatusParameters(Parameters):
    """What `copy_group_status` takes."""

    group_id: Text
    state: Text | None = Field(
        default=None, description="Only copies that are waiting, running, done, missing, failed or cancelled."
    )
    after: Integer = Field(default=None, description="Begin behind this index: the `next` of the page before.")
    limit: Integer = Field(default=100, description=f"At most so many copies, 0 to {MAX_PAGE}.")


class CopyGroupCounts(Shape):
    """How many copies are in which state."""

    waiting: int
    running: int
    done: int
    missing: int = Field(description="The source has no such path.")
    failed: int
    cancelled: int


class CopyGroupRow(Shape):
    """One copy of a group."""

    index: int = Field(description="Its place in the request, from 1.")
    copy_path_id: str
    source_project_id: str
    target_project_id: str
    target_path: str
    state: CopyState
    started: Moment | None = None
    finished: Moment | None = None
    error: str | None = None
    code: str | None = None
    progress: CopyProgress | None = None
    report: dict[str, JsonValue] | None = Field(default=None, description=REPORT)

    @classmethod
    def of(cls, copy: CopyOperation, state: CopyState) -> Self:
        """Write a copy of a group in the wire's words."""
        return cls(
            index=copy.position or 0,
            copy_path_id=copy.copy_id,
            source_project_id=copy.source_project_id,
            target_project_id=copy.target_project_id,
            target_path=copy.target_path,
            state=state,
            started=copy.started_at,
            finished=copy.finished_at,
            error=copy.error,
            code=copy.error_code,
            progress=CopyProgress.of(copy),
            report=copy.report,
        )


class CopyGroupStatus(Answer):
    """How a group stands, and one page of its copies in the order of the request."""

    event: Literal["copy_group_status_response"] = "copy_group_status_response"
    group_id: str
    time: Moment
    scheduled: Moment | None = None
    total: int
    counts: CopyGroupCounts
    finished: bool = Field(description="No copy waits or runs.")
    copies: list[CopyGroupRow]
    next: int | None = Field(default=None, description="There are more: ask again with `after` set to this.")

    @classmethod
    def of(cls, status: GroupStatus) -> Self:
        """Write a group in the wire's words."""
        return cls(
            group_id=status.group.group_id,
            time=status.group.created_at,
            scheduled=status.group.scheduled_at,
            total=status.group.total,
            counts=CopyGroupCounts(**status.counts),
            finished=status.is_finished,
            copies=[CopyGroupRow.of(copy, state) for copy, state in status.copies],
            next=status.next_after,
        )


class CopyGroupParameters(Parameters):
    """Which group is meant."""

    group_id: Text


class RetryCopyGroupParameters(CopyGroupParameters):
    """What `retry_copy_group` takes."""

    include_cancelled: Flag = Field(default=False, description="Carry out what was cancelled, too.")


class CopyGroupChanged(Success):
    """It was done to so many copies."""

    count: int


async def copy_path_to_projects(context: CallContext, parameters: HandOutParameters) -> CopyGroupAnswer:
    """Hand a path out to many projects."""
    mode = "rehearse" if parameters.dry_run else "revise" if parameters.revise else "copy"
    if parameters.dry_run and not parameters.revise:
        raise InvalidRequest("dry_run goes with revise", fields={"dry_run": "goes with revise"})
    request = GroupRequest(
        kind="hand_out",
        project_id=parameters.src_project_id,
        source_path=parameters.src_path,
        target_path=parameters.target_path or None,
        members=_members("targets", parameters.targets),
        mode=mode,
        **_options(parameters),
    )
    return await _ordered(context, request)


async def collect_path_from_projects(context: CallContext, parameters: CollectParameters) -> CopyGroupAnswer:
    """Collect a path from many projects."""
    request = GroupRequest(
        kind="collect",
        project_id=parameters.target_project_id,
        source_path=parameters.src_path,
        target_path=parameters.target_path,
        members=_members("sources", parameters.sources),
        **_options(parameters),
    )
    return await _ordered(context, request)


async def copy_group_status(context: CallContext, parameters: CopyGroupStatusParameters) -> CopyGroupStatus:
    """Tell how a group stands."""
    status = await context.services.copy_groups.status(
        context.principal,
        parameters.group_id,
        after=parameters.after or 0,
        limit=100 if parameters.limit is None else parameters.limit,
        state=parameters.state or None,
    )
    return CopyGroupStatus.of(status)


async def cancel_copy_group(context: CallContext, parameters: CopyGroupParameters) -> CopyGroupChanged:
    """Cancel what is not finished of a group."""
    count = await context.services.copy_groups.cancel(context.principal, parameters.group_id)
    return CopyGroupChanged(count=count)


async def retry_copy_group(context: CallContext, parameters: RetryCopyGroupParameters) -> CopyGroupChanged:
    """Carry out once more what failed of a group."""
    count = await context.services.copy_groups.retry(
        context.principal, parameters.group_id, with_cancelled=parameters.include_cancelled
    )
    return CopyGroupChanged(count=count)


async def _ordered(context: CallContext, request: GroupRequest) -> CopyGroupAnswer:
    group, is_new = await context.services.copy_groups.create(context.principal, request)
    return CopyGroupAnswer(group_id=group.group_id, total=group.total, repeated=None if is_new else True)


def _options(parameters: GroupParameters) -> dict[str, Any]:
    return {
        "overwrite_newer": parameters.overwrite_newer,
        "delete_missing": parameters.delete_missing,
        "backup": parameters.backup,
        "exclude": tuple(parameters.exclude),
        "timeout_seconds": parameters.timeout,
        "scheduled": parameters.scheduled or None,
        "group_key": parameters.group_key or None,
    }


def _members(name: str, given: dict[str, Any] | list[Any]) -> tuple[Member, ...]:
    if not isinstance(given, list):
        raise InvalidRequest(f"{name} must be a list of projects", fields={name: "not a list"})
    return tuple(_member(f"{name}[{at}]", item) for at, item in enumerate(given))


def _member(where: str, given: object) -> Member:
    if isinstance(given, str):
        return Member(given)
    if isinstance(given, dict):
        fields = cast("dict[str, object]", given)
        texts = {name: value for name, value in fields.items() if isinstance(value, str) and value}
        if "project_id" in texts and texts.keys() == fields.keys() <= {"project_id", "target_path", "account_id"}:
            return Member(**texts)
    raise InvalidRequest(
        f"{where} must be a project's id, or an object with project_id and perhaps target_path and account_id",
        fields={where: "not a project"},
    )


_SOURCE = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_TARGET = "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20"
_GROUP = "b7a1e0c2-94d3-4c55-8f1e-2d6a7b9c0e14"
_COPY = "65cd2079-098d-4147-bb54-12d44cebb8cb"
_WHOSE = "The account that ordered the group, and administrators."
_COUNTS = {"waiting": 0, "running": 0, "done": 0, "missing": 0, "failed": 0, "cancelled": 1}

CALLS = (
    Call(
        name="copy_path_to_projects",
        creates=Made.COPY_GROUP,
        noun="copies",
        summary="Copy a file or directory from one project to many: hand it out, or revise what was handed out.",
        permission="Who may read the source project and write to every target project.",
        parameters=HandOutParameters,
        answers=(CopyGroupAnswer,),
        handler=copy_path_to_projects,
        examples=(
            Example(
                "Hand out an assignment",
                {
                    "src_project_id": _SOURCE,
                    "src_path": "welcome.md",
                    "targets": [_TARGET],
                    "group_key": "welcome, first edition",
                },
                {
                    "event": "copy_group_response",
                    "id": "0a2a9f5e-4a38-46d2-8d0c-3f0ed0c0f0a1",
                    "group_id": _GROUP,
                    "total": 1,
                },
            ),
        ),
    ),
    Call(
        name="collect_path_from_projects",
        creates=Made.COPY_GROUP,
        noun="copies",
        summary="Copy the same path from many projects into folders of one.",
        permission="Who may read every source project and write to the target project.",
        parameters=CollectParameters,
        answers=(CopyGroupAnswer,),
        handler=collect_path_from_projects,
        examples=(
            Example(
                "Collect an assignment",
                {
                    "sources": [_TARGET],
                    "src_path": "welcome.md",
                    "target_project_id": _SOURCE,
                    "target_path": "collected/{project_id}/",
                },
                {
                    "event": "copy_group_response",
                    "id": "5b0cf3f4-2df1-4d3e-a1a5-4a2d5fba3c11",
                    "group_id": _GROUP,
                    "total": 1,
                },
            ),
        ),
    ),
    Call(
        name="copy_group_status",
        noun="copies",
        summary="Tell how a group of copies stands, with a page of its copies.",
        permission=_WHOSE,
        parameters=CopyGroupStatusParameters,
        answers=(CopyGroupStatus,),
        handler=copy_group_status,
        examples=(
            Example(
                "See what is wrong",
                {"group_id": _GROUP, "state": "failed"},
                {
                    "event": "copy_group_status_response",
                    "id": "c6b8e5d1-7f2a-4f0b-9a9f-57ac0f1a2b3c",
                    "group_id": _GROUP,
                    "time": "2026-05-01T09:30:00.125Z",
                    "scheduled": "2026-05-04T08:00:00.000Z",
                    "total": 1,
                    "counts": _COUNTS,
                    "finished": True,
                    "copies": [],
                },
            ),
        ),
    ),
    Call(
        name="cancel_copy_group",
        noun="copies",
        summary="Cancel every copy of a group that is not finished.",
        permission=_WHOSE,
        parameters=CopyGroupParameters,
        answers=(CopyGroupChanged,),
        handler=cancel_copy_group,
        examples=(
            Example(
                "Stop handing out",
                {"group_id": "c8b2f1d3-a5e4-4d66-9a2f-3e7b8cad1f25"},
                {"event": "success", "id": "e2d7b0b8-6f1c-4a7e-8a36-0c9ab3c4d5e6", "count": 1},
            ),
        ),
    ),
    Call(
        name="retry_copy_group",
        noun="copies",
        summary="Carry out once more the copies of a group that failed, in the caller's name.",
        permission=f"{_WHOSE} The projects must still be open to the caller.",
        parameters=RetryCopyGroupParameters,
        answers=(CopyGroupChanged,),
        handler=retry_copy_group,
        examples=(
            Example(
                "Try again what failed",
                {"group_id": _GROUP, "include_cancelled": True},
                {"event": "success", "id": "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f", "count": 1},
            ),
        ),
    ),
)
