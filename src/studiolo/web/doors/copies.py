"""Copies between projects."""

from typing import Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import CopyId
from studiolo.domain.copies import CopyRequest
from studiolo.web.api_v1.parameters import Flag, Moment, Number, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, Reply, SparseReply


class CopyGiven(Given):
    """What is copied where."""

    src_project_id: Text
    src_path: Text | None = Field(default=None, description="What to copy; API v2 also calls it `path`.")
    path: Text | None = None
    target_project_id: Text | None = Field(default=None, description="Without it, within the project.")
    target_path: Text | None = None
    overwrite_newer: Flag = False
    delete_missing: Flag = False
    backup: Flag = False
    exclude: Texts = Field(default=[])
    timeout: Number = None
    scheduled: Text | None = None
    public: Flag = False
    wait_until_done: Flag = True


class CopyStatusGiven(Given):
    """Which copy."""

    copy_id: Text


class CopyOrdered(Reply):
    """The copy is done, or on its way if it was not waited for."""

    status: Literal["ok"]
    copy_id: str


class CopyStatusReply(SparseReply):
    """How a copy stands; what has not happened is left out."""

    copy_id: str
    source_project_id: str
    source_path: str
    target_project_id: str
    target_path: str
    time: Moment = Field(description="When it was asked for.")
    started: Moment | None = None
    finished: Moment | None = None
    copy_error: str | None = Field(default=None, description="Why it failed.")
    copy_error_code: str | None = None


async def copy_path(context: CallContext, given: CopyGiven) -> CopyOrdered:
    """Copy a file or directory, and wait for it unless told not to."""
    path = given.src_path or given.path
    if path is None:
        raise InvalidRequest("src_path must be specified", fields={"src_path": "must be specified"})
    request = CopyRequest(
        source_project_id=given.src_project_id,
        source_path=path,
        target_project_id=given.target_project_id or given.src_project_id,
        target_path=given.target_path,
        overwrite_newer=given.overwrite_newer,
        delete_missing=given.delete_missing,
        backup=given.backup,
        exclude=tuple(given.exclude),
        timeout_seconds=given.timeout,
        scheduled=given.scheduled,
        is_public=given.public,
    )
    copy = await context.services.copies.create(context.principal, request, is_awaited=given.wait_until_done)
    if given.wait_until_done and copy.scheduled_at is None:
        await context.services.copies.wait(copy.copy_id)
    return CopyOrdered(status="ok", copy_id=copy.copy_id)


async def copy_path_and_wait(context: CallContext, given: CopyGiven) -> None:
    """Copy a file or directory and wait for it."""
    await copy_path(context, given)


async def copy_path_status(context: CallContext, given: CopyStatusGiven) -> CopyStatusReply:
    """Return what became of a copy."""
    copy = await context.services.copies.status(context.principal, CopyId(given.copy_id))
    return CopyStatusReply(
        copy_id=copy.copy_id,
        source_project_id=copy.source_project_id,
        source_path=copy.source_path,
        target_project_id=copy.target_project_id,
        target_path=copy.target_path,
        time=copy.created_at,
        started=copy.started_at,
        finished=copy.finished_at,
        copy_error=copy.error,
        copy_error_code=copy.error_code if copy.error is not None else None,
    )


_SOURCE = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_TARGET = "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20"
_COPY = "65cd2079-098d-4147-bb54-12d44cebb8cb"
_WANTED = {"src_project_id": _SOURCE, "src_path": "welcome.md", "target_project_id": _TARGET}

FORMS = {
    "copy_path_between_projects": (
        Form(
            hub="projects.copyPathBetweenProjects",
            parameters=CopyGiven,
            handler=copy_path_and_wait,
            examples=(Example("Copy a file and wait for it", _WANTED, None),),
        ),
        Form(
            v2="projects/copy-path",
            parameters=CopyGiven,
            handler=copy_path,
            examples=(Example("Copy a file and wait for it", _WANTED, {"status": "ok", "copy_id": _COPY}),),
        ),
    ),
    "copy_path_status": (
        Form(
            v2="projects/copy-path-status",
            parameters=CopyStatusGiven,
            handler=copy_path_status,
            examples=(
                Example(
                    "How does the copy stand?",
                    {"copy_id": _COPY},
                    {
                        "copy_id": _COPY,
                        "source_project_id": _SOURCE,
                        "source_path": "welcome.md",
                        "target_project_id": _TARGET,
                        "target_path": "welcome.md",
                        "time": "2026-05-01T09:30:00.125Z",
                    },
                ),
            ),
        ),
    ),
}
CALLS: tuple[Call, ...] = ()
