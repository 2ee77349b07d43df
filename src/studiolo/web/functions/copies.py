"""Copies between projects."""

from typing import Any

from pydantic import Field

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import CopyId
from studiolo.domain.copies import CopyRequest
from studiolo.web.api_v1.parameters import Flag, Number, Text, Texts
from studiolo.web.functions.registry import Context, Function, Given


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


class StatusGiven(Given):
    """Which copy."""

    copy_id: Text


async def copy_path(context: Context, given: CopyGiven) -> dict[str, Any]:
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
    copy = await context.services.copies.create(context.principal, request)
    if given.wait_until_done and copy.scheduled_at is None:
        await context.services.copies.wait(copy.copy_id)
    return {"status": "ok", "copy_id": copy.copy_id}


async def copy_and_wait(context: Context, given: CopyGiven) -> None:
    """Copy a file or directory and wait for it."""
    await copy_path(context, given)


async def copy_status(context: Context, given: StatusGiven) -> dict[str, Any]:
    """Return what became of a copy."""
    copy = await context.services.copies.status(context.principal, CopyId(given.copy_id))
    times = {"time": copy.created_at, "started": copy.started_at, "finished": copy.finished_at}
    answer: dict[str, Any] = {
        "copy_id": copy.copy_id,
        "source_project_id": copy.source_project_id,
        "source_path": copy.source_path,
        "target_project_id": copy.target_project_id,
        "target_path": copy.target_path,
        **{name: iso_milliseconds(moment) for name, moment in times.items() if moment is not None},
    }
    if copy.error is not None:
        answer |= {"copy_error": copy.error, "copy_error_code": copy.error_code}
    return answer


_WHO = "Who may read the source (public paths: any key) and write to the target."

FUNCTIONS = (
    Function(
        "Copy a file or directory and wait for it.",
        _WHO,
        CopyGiven,
        copy_and_wait,
        hub="projects.copyPathBetweenProjects",
    ),
    Function("Copy a file or directory.", _WHO, CopyGiven, copy_path, v2="projects/copy-path"),
    Function("Return what became of a copy.", _WHO, StatusGiven, copy_status, v2="projects/copy-path-status"),
)
