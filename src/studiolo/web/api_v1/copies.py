"""Copy operations between projects."""

from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from studiolo.core.ids import CopyId
from studiolo.core.models import CopyOperation
from studiolo.domain.copies import MAX_LIMIT, CopyQuery, CopyRequest
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Moment, Number, Parameters, Shape, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example

REPORT = (
    "What came of it. Numbers: `files` written, `size_bytes`, `unchanged`, `kept` because newer, `deleted`, `failed`;"
    " of a revision `added`, `updated`, `merged`, `kept`, `conflicts`, `unchanged`, `failed`. Lists, cut to 100:"
    " `failures`; of a revision `added_paths`, `updated_paths`, `merged_paths`, `kept_paths` and `conflict_paths`,"
    " whose entries have `path` and the `beside` where the new file is. With `exclude` nothing is counted. Lists of"
    " operations leave it out."
)
EXCLUDE_HISTORY = "Of clients of 2017 to 2019: leave out `*.sage-history`."
NOTE = "Query copy_path_status with the copy_path_id to learn if the copy operation was successful."


class CopyPathParameters(Parameters):
    """What `copy_path_between_projects` takes."""

    src_project_id: Text
    src_path: Text = Field(description="File or directory, relative to the home directory.")
    target_project_id: Text
    target_path: Text | None = Field(default=None, description="Where to; by default the same as `src_path`.")
    overwrite_newer: Flag = Field(default=False, description="Overwrite files that are newer in the target.")
    delete_missing: Flag = Field(
        default=False, description="Delete files in the target directory that the source lacks."
    )
    backup: Flag = Field(default=False, description="Keep what is overwritten under its name with `~`.")
    timeout: Number = Field(default=None, description="Seconds after which the copy is given up.")
    wait_until_done: Flag = Field(default=False, description="Answer only when the copy is done.")
    scheduled: Text | None = Field(
        default=None, description="Not before this time, which is UTC unless it says otherwise."
    )
    exclude: Texts = Field(default=[], description="Patterns of what is left out, as rsync reads them.")
    exclude_history: Flag = Field(default=False, description=EXCLUDE_HISTORY)


class CopyPathResponse(Answer):
    """The copy is on its way."""

    event: Literal["copy_path_between_projects_response"] = "copy_path_between_projects_response"
    copy_path_id: str
    note: str = NOTE


class CopyPathDone(Success):
    """The copy is done; the answer to `wait_until_done`."""

    copy_path_id: str


class CopyProgress(Shape):
    """How far a copy is; totals are counted only when it takes longer than a moment."""

    files_done: int
    bytes_done: int
    files_total: int | None = None
    bytes_total: int | None = None

    @classmethod
    def of(cls, copy: CopyOperation) -> Self | None:
        """Write an operation's progress; None while nothing is known."""
        if copy.files_done is None or copy.bytes_done is None:
            return None
        return cls(
            files_done=copy.files_done,
            bytes_done=copy.bytes_done,
            files_total=copy.files_total,
            bytes_total=copy.bytes_total,
        )


class CopyPathRecord(Shape):
    """One copy operation; what has not happened is null."""

    copy_path_id: str
    time: Moment = Field(description="When it was asked for.")
    source_project_id: str
    source_path: str
    target_project_id: str
    target_path: str
    overwrite_newer: bool
    delete_missing: bool
    backup: bool
    timeout: float | None = None
    exclude: list[str] | None = None
    scheduled: Moment | None = None
    started: Moment | None = None
    finished: Moment | None = None
    error: str | None = Field(default=None, description="Why it failed; a failed copy is finished, too.")
    code: str | None = Field(default=None, description="The error's stable code.")
    progress: CopyProgress | None = Field(default=None, description="How far it is; written about once a second.")
    report: dict[str, JsonValue] | None = Field(default=None, description=REPORT)
    group_id: str | None = Field(default=None, description="The group of copies that it was ordered in.")
    cancelled: bool | None = Field(default=None, description="It was cancelled and is about to stop.")

    @classmethod
    def of(cls, copy: CopyOperation) -> Self:
        """Write an operation in the wire's words."""
        return cls(
            copy_path_id=copy.copy_id,
            time=copy.created_at,
            source_project_id=copy.source_project_id,
            source_path=copy.source_path,
            target_project_id=copy.target_project_id,
            target_path=copy.target_path,
            overwrite_newer=copy.overwrite_newer,
            delete_missing=copy.delete_missing,
            backup=copy.backup,
            timeout=copy.timeout_seconds,
            exclude=list(copy.exclude) or None,
            scheduled=copy.scheduled_at,
            started=copy.started_at,
            finished=copy.finished_at,
            error=copy.error,
            code=copy.error_code,
            progress=CopyProgress.of(copy),
            report=copy.report,
            group_id=copy.group_id,
            cancelled=True if copy.is_cancelled and copy.finished_at is None else None,
        )


class CopyPathRow(CopyPathRecord):
    """One copy operation of a list: there, what has not happened is written as null."""

    @model_serializer(mode="wrap")
    def _with_nulls(self, write: SerializerFunctionWrapHandler):  # noqa: ANN202 - an annotation would replace the schema
        written: dict[str, Any] = write(self)
        return {name: written.get(name) for name in type(self).model_fields}


class CopyPathStatusParameters(Parameters):
    """What `copy_path_status` takes: the id of one operation, or a project whose operations are listed."""

    copy_path_id: Text | None = None
    src_project_id: Text | None = Field(default=None, description="List copies from this project.")
    target_project_id: Text | None = Field(default=None, description="List copies to this project.")
    src_path: Text | None = Field(default=None, description="Only copies of this path.")
    limit: Integer = Field(default=1000, description="At most so many, 0 to 1000.")
    offset: Integer = Field(default=None, description="Leave out so many, 0 to 100000.")
    pending: Flag = Field(default=True, description="Unfinished operations; if false, finished ones.")
    failed: Flag = Field(default=False, description="Failed operations, whatever `pending` says.")


class CopyPathStatus(Answer):
    """One operation, or a list of them with the newest first."""

    event: Literal["copy_path_status_response"] = "copy_path_status_response"
    data: CopyPathRecord | list[CopyPathRow]


class CopyPathDeleteParameters(Parameters):
    """What `copy_path_delete` takes."""

    copy_path_id: Text | None = None


class CopyPathDeleted(Answer):
    """It will not happen."""

    event: Literal["copy_path_status_response"] = "copy_path_status_response"
    data: str


class CopyParameters(Parameters):
    """Which copy operation is meant."""

    copy_path_id: Text


class CopyCancelAnswer(Success):
    """It will not happen, or stops within moments."""

    state: Literal["cancelled", "stopping"] = Field(description="stopping: it runs; it is finished once it stopped.")


async def copy_path_between_projects(
    context: CallContext, parameters: CopyPathParameters
) -> CopyPathResponse | CopyPathDone:
    """Copy a file or directory from one project to another; a scheduled copy is never waited for."""
    copy = await context.services.copies.create(
        context.principal, _request(parameters), is_awaited=parameters.wait_until_done
    )
    if not parameters.wait_until_done or parameters.scheduled:
        return CopyPathResponse(copy_path_id=copy.copy_id)
    await context.services.copies.wait(copy.copy_id)
    return CopyPathDone(copy_path_id=copy.copy_id)


async def copy_path_status(context: CallContext, parameters: CopyPathStatusParameters) -> CopyPathStatus:
    """Tell how one copy operation stands, or those of a project; a project goes before an operation's id."""
    copies = context.services.copies
    if parameters.copy_path_id and not (parameters.src_project_id or parameters.target_project_id):
        copy = await copies.status(context.principal, CopyId(parameters.copy_path_id))
        return CopyPathStatus(data=CopyPathRecord.of(copy))
    found = await copies.query(context.principal, _query(parameters))
    return CopyPathStatus(data=[CopyPathRow.of(replace(copy, report=None)) for copy in found])


async def copy_path_delete(context: CallContext, parameters: CopyPathDeleteParameters) -> CopyPathDeleted:
    """Take back a scheduled copy operation."""
    copy_id = parameters.copy_path_id
    await context.services.copies.delete(context.principal, CopyId(copy_id) if copy_id else None)
    return CopyPathDeleted(data=f"copy_path_id = '{copy_id}' deleted")


async def cancel_copy(context: CallContext, parameters: CopyParameters) -> CopyCancelAnswer:
    """Cancel a copy operation that is not finished."""
    copy = await context.services.copies.cancel(context.principal, CopyId(parameters.copy_path_id))
    return CopyCancelAnswer(state="stopping" if copy.finished_at is None else "cancelled")


async def retry_copy(context: CallContext, parameters: CopyParameters) -> Success:
    """Put a copy operation that failed back into the queue."""
    await context.services.copies.retry(context.principal, CopyId(parameters.copy_path_id))
    return Success()


def patterns(exclude: list[str], *, exclude_history: bool) -> tuple[str, ...]:
    """Return what is left out of a copy."""
    return (*exclude, "*.sage-history") if exclude_history else tuple(exclude)


def _request(parameters: CopyPathParameters) -> CopyRequest:
    return CopyRequest(
        source_project_id=parameters.src_project_id,
        source_path=parameters.src_path,
        target_project_id=parameters.target_project_id,
        target_path=parameters.target_path or None,  # a form's empty field is not the home directory
        overwrite_newer=parameters.overwrite_newer,
        delete_missing=parameters.delete_missing,
        backup=parameters.backup,
        exclude=patterns(parameters.exclude, exclude_history=parameters.exclude_history),
        timeout_seconds=parameters.timeout,
        scheduled=parameters.scheduled or None,
    )


def _query(parameters: CopyPathStatusParameters) -> CopyQuery:
    return CopyQuery(
        source_project_id=parameters.src_project_id,
        target_project_id=parameters.target_project_id,
        source_path=parameters.src_path or None,
        limit=MAX_LIMIT if parameters.limit is None else parameters.limit,
        offset=parameters.offset or 0,
        is_pending=parameters.pending,
        is_failed=parameters.failed,
    )


_SOURCE = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_TARGET = "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20"
_COPY = "65cd2079-098d-4147-bb54-12d44cebb8cb"
_FAILED = "a9d2f6c4-3b1e-4f7a-8c5d-0e6b2d4f8a1c"
_MAY_COPY = "Who may write to the target project and read the source project: collaborators of both, administrators."

CALLS = (
    Call(
        name="copy_path_between_projects",
        noun="copies",
        summary="Copy a file or directory from one project to another, now or at a given time.",
        permission=_MAY_COPY,
        parameters=CopyPathParameters,
        answers=(CopyPathResponse, CopyPathDone),
        handler=copy_path_between_projects,
        creates=Made.COPY,
        examples=(
            Example(
                "Hand out an assignment",
                {"src_project_id": _SOURCE, "src_path": "welcome.md", "target_project_id": _TARGET},
                {
                    "event": "copy_path_between_projects_response",
                    "id": "52818dfe-b580-404e-89e6-9845fac7076c",
                    "copy_path_id": _COPY,
                    "note": NOTE,
                },
            ),
        ),
    ),
    Call(
        name="copy_path_status",
        noun="copies",
        summary="Tell how a copy operation stands, or list those of a project.",
        permission=_MAY_COPY,
        parameters=CopyPathStatusParameters,
        answers=(CopyPathStatus,),
        handler=copy_path_status,
        examples=(
            Example(
                "Ask for one operation",
                {"copy_path_id": _COPY},
                {
                    "event": "copy_path_status_response",
                    "id": "abc3ca91-1388-4208-bdeb-540054e5bcaf",
                    "data": {
                        "copy_path_id": _COPY,
                        "time": "2026-05-01T09:30:00.125Z",
                        "source_project_id": _SOURCE,
                        "source_path": "welcome.md",
                        "target_project_id": _TARGET,
                        "target_path": "welcome.md",
                        "overwrite_newer": False,
                        "delete_missing": False,
                        "backup": False,
                        "scheduled": "2026-05-04T08:00:00.000Z",
                    },
                },
            ),
            Example(
                "List what failed",
                {"target_project_id": _TARGET, "failed": True},
                {
                    "event": "copy_path_status_response",
                    "id": "2a2f0a4e-8c7c-4a43-b0ac-5b2a4e8b5a10",
                    "data": [],
                },
            ),
        ),
    ),
    Call(
        name="copy_path_delete",
        noun="copies",
        summary="Take back a scheduled copy operation that is not finished.",
        permission=_MAY_COPY,
        parameters=CopyPathDeleteParameters,
        answers=(CopyPathDeleted,),
        handler=copy_path_delete,
        examples=(
            Example(
                "Take an operation back",
                {"copy_path_id": _COPY},
                {
                    "event": "copy_path_status_response",
                    "id": "f2a7dc0f-1d6e-4d7d-8a07-0b9b1f0c2d3e",
                    "data": f"copy_path_id = '{_COPY}' deleted",
                },
            ),
        ),
    ),
    Call(
        name="cancel_copy",
        noun="copies",
        summary="Cancel a copy operation, be it scheduled, waiting or running. What has arrived is whole and stays.",
        permission=_MAY_COPY,
        parameters=CopyParameters,
        answers=(CopyCancelAnswer,),
        handler=cancel_copy,
        examples=(
            Example(
                "Cancel an operation",
                {"copy_path_id": _COPY},
                {"event": "success", "id": "5f1cb1a4-9b53-4e0f-9e0e-6e5fe5a4bb4f", "state": "cancelled"},
            ),
        ),
    ),
    Call(
        name="retry_copy",
        noun="copies",
        summary="Carry out once more a copy operation that failed or was cancelled, in the caller's name.",
        permission=_MAY_COPY,
        parameters=CopyParameters,
        answers=(Success,),
        handler=retry_copy,
        examples=(
            Example(
                "Try an operation again",
                {"copy_path_id": _FAILED},
                {"event": "success", "id": "d0b3a6de-6c7e-4b37-9d62-4c5b0a4c2b6f"},
            ),
        ),
    ),
)
