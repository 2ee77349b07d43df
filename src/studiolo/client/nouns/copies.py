"""Calls about copies. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCancelAnswer:
    """It will not happen, or stops within moments."""

    EVENT: ClassVar[str] = "success"

    state: Literal["cancelled", "stopping"]
    """stopping: it runs; it is finished once it stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPathResponse:
    """The copy is on its way."""

    EVENT: ClassVar[str] = "copy_path_between_projects_response"

    copy_path_id: str
    note: str = "Query copy_path_status with the copy_path_id to learn if the copy operation was successful."


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPathDone:
    """The copy is done; the answer to `wait_until_done`."""

    EVENT: ClassVar[str] = "success"

    copy_path_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPathDeleted:
    """It will not happen."""

    EVENT: ClassVar[str] = "copy_path_status_response"

    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyProgress:
    """How far a copy is; totals are counted only when it takes longer than a moment."""

    files_done: int
    bytes_done: int
    files_total: int | None = None
    bytes_total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPathRecord:
    """One copy operation; what has not happened is null."""

    copy_path_id: str
    time: datetime
    """When it was asked for."""
    source_project_id: str
    source_path: str
    target_project_id: str
    target_path: str
    overwrite_newer: bool
    delete_missing: bool
    backup: bool
    timeout: float | None = None
    exclude: list[str] | None = None
    scheduled: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    error: str | None = None
    """Why it failed; a failed copy is finished, too."""
    code: str | None = None
    """The error's stable code."""
    progress: CopyProgress | None = None
    """How far it is; written about once a second."""
    report: dict[str, Any] | None = None
    """What came of it: numbers of files by what became of them, and lists of names, cut to 100 each."""
    group_id: str | None = None
    """The group of copies that it was ordered in."""
    cancelled: bool | None = None
    """It was cancelled and is about to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPathRow:
    """One copy operation of a list: there, what has not happened is written as null."""

    copy_path_id: str
    time: datetime
    """When it was asked for."""
    source_project_id: str
    source_path: str
    target_project_id: str
    target_path: str
    overwrite_newer: bool
    delete_missing: bool
    backup: bool
    timeout: float | None = None
    exclude: list[str] | None = None
    scheduled: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    error: str | None = None
    """Why it failed; a failed copy is finished, too."""
    code: str | None = None
    """The error's stable code."""
    progress: CopyProgress | None = None
    """How far it is; written about once a second."""
    report: dict[str, Any] | None = None
    """What came of it: numbers of files by what became of them, and lists of names, cut to 100 each."""
    group_id: str | None = None
    """The group of copies that it was ordered in."""
    cancelled: bool | None = None
    """It was cancelled and is about to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPathStatus:
    """One operation, or a list of them with the newest first."""

    EVENT: ClassVar[str] = "copy_path_status_response"

    data: CopyPathRecord | list[CopyPathRow]


class CopiesCalls:
    """Calls about copies."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def cancel_copy(self, *, copy_path_id: str) -> CopyCancelAnswer:
        """Cancel a copy operation, be it scheduled, waiting or running. What has arrived is whole and stays.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        return self._caller.call("cancel_copy", {"copy_path_id": copy_path_id}, (CopyCancelAnswer,))

    def copy_path_between_projects(
        self,
        *,
        src_project_id: str,
        src_path: str,
        target_project_id: str,
        target_path: str | None = None,
        overwrite_newer: bool | None = None,
        delete_missing: bool | None = None,
        backup: bool | None = None,
        timeout: float | None = None,
        wait_until_done: bool | None = None,
        scheduled: str | None = None,
        exclude: list[str] | None = None,
    ) -> CopyPathResponse | CopyPathDone:
        """Copy a file or directory from one project to another, now or at a given time.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.

        Args:
            src_path: File or directory, relative to the home directory.
            target_path: Where to; by default the same as `src_path`.
            overwrite_newer: Overwrite files that are newer in the target. Default: `False`.
            delete_missing: Delete files in the target directory that the source lacks. Default: `False`.
            backup: Keep what is overwritten under its name with `~`. Default: `False`.
            timeout: Seconds after which the copy is given up.
            wait_until_done: Answer only when the copy is done. Default: `False`.
            scheduled: Not before this time, which is UTC unless it says otherwise.
            exclude: Patterns of what is left out, as rsync reads them.
        """
        return self._caller.call(
            "copy_path_between_projects",
            {
                "src_project_id": src_project_id,
                "src_path": src_path,
                "target_project_id": target_project_id,
                "target_path": target_path,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "timeout": timeout,
                "wait_until_done": wait_until_done,
                "scheduled": scheduled,
                "exclude": exclude,
            },
            (CopyPathResponse, CopyPathDone),
        )

    def copy_path_delete(self, *, copy_path_id: str | None = None) -> CopyPathDeleted:
        """Take back a scheduled copy operation that is not finished.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        return self._caller.call("copy_path_delete", {"copy_path_id": copy_path_id}, (CopyPathDeleted,))

    def copy_path_status(
        self,
        *,
        copy_path_id: str | None = None,
        src_project_id: str | None = None,
        target_project_id: str | None = None,
        src_path: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        pending: bool | None = None,
        failed: bool | None = None,
    ) -> CopyPathStatus:
        """Tell how a copy operation stands, or list those of a project.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.

        Args:
            src_project_id: List copies from this project.
            target_project_id: List copies to this project.
            src_path: Only copies of this path.
            limit: At most so many, 0 to 1000. Default: `1000`.
            offset: Leave out so many, 0 to 100000.
            pending: Unfinished operations; if false, finished ones. Default: `True`.
            failed: Failed operations, whatever `pending` says. Default: `False`.
        """
        return self._caller.call(
            "copy_path_status",
            {
                "copy_path_id": copy_path_id,
                "src_project_id": src_project_id,
                "target_project_id": target_project_id,
                "src_path": src_path,
                "limit": limit,
                "offset": offset,
                "pending": pending,
                "failed": failed,
            },
            (CopyPathStatus,),
            is_reading=True,
        )

    def retry_copy(self, *, copy_path_id: str) -> None:
        """Carry out once more a copy operation that failed or was cancelled, in the caller's name.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        self._caller.do("retry_copy", {"copy_path_id": copy_path_id})


class AsyncCopiesCalls:
    """Calls about copies, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def cancel_copy(self, *, copy_path_id: str) -> CopyCancelAnswer:
        """Cancel a copy operation, be it scheduled, waiting or running. What has arrived is whole and stays.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        return await self._caller.call("cancel_copy", {"copy_path_id": copy_path_id}, (CopyCancelAnswer,))

    async def copy_path_between_projects(
        self,
        *,
        src_project_id: str,
        src_path: str,
        target_project_id: str,
        target_path: str | None = None,
        overwrite_newer: bool | None = None,
        delete_missing: bool | None = None,
        backup: bool | None = None,
        timeout: float | None = None,
        wait_until_done: bool | None = None,
        scheduled: str | None = None,
        exclude: list[str] | None = None,
    ) -> CopyPathResponse | CopyPathDone:
        """Copy a file or directory from one project to another, now or at a given time.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.

        Args:
            src_path: File or directory, relative to the home directory.
            target_path: Where to; by default the same as `src_path`.
            overwrite_newer: Overwrite files that are newer in the target. Default: `False`.
            delete_missing: Delete files in the target directory that the source lacks. Default: `False`.
            backup: Keep what is overwritten under its name with `~`. Default: `False`.
            timeout: Seconds after which the copy is given up.
            wait_until_done: Answer only when the copy is done. Default: `False`.
            scheduled: Not before this time, which is UTC unless it says otherwise.
            exclude: Patterns of what is left out, as rsync reads them.
        """
        return await self._caller.call(
            "copy_path_between_projects",
            {
                "src_project_id": src_project_id,
                "src_path": src_path,
                "target_project_id": target_project_id,
                "target_path": target_path,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "timeout": timeout,
                "wait_until_done": wait_until_done,
                "scheduled": scheduled,
                "exclude": exclude,
            },
            (CopyPathResponse, CopyPathDone),
        )

    async def copy_path_delete(self, *, copy_path_id: str | None = None) -> CopyPathDeleted:
        """Take back a scheduled copy operation that is not finished.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        return await self._caller.call("copy_path_delete", {"copy_path_id": copy_path_id}, (CopyPathDeleted,))

    async def copy_path_status(
        self,
        *,
        copy_path_id: str | None = None,
        src_project_id: str | None = None,
        target_project_id: str | None = None,
        src_path: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        pending: bool | None = None,
        failed: bool | None = None,
    ) -> CopyPathStatus:
        """Tell how a copy operation stands, or list those of a project.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.

        Args:
            src_project_id: List copies from this project.
            target_project_id: List copies to this project.
            src_path: Only copies of this path.
            limit: At most so many, 0 to 1000. Default: `1000`.
            offset: Leave out so many, 0 to 100000.
            pending: Unfinished operations; if false, finished ones. Default: `True`.
            failed: Failed operations, whatever `pending` says. Default: `False`.
        """
        return await self._caller.call(
            "copy_path_status",
            {
                "copy_path_id": copy_path_id,
                "src_project_id": src_project_id,
                "target_project_id": target_project_id,
                "src_path": src_path,
                "limit": limit,
                "offset": offset,
                "pending": pending,
                "failed": failed,
            },
            (CopyPathStatus,),
            is_reading=True,
        )

    async def retry_copy(self, *, copy_path_id: str) -> None:
        """Carry out once more a copy operation that failed or was cancelled, in the caller's name.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        await self._caller.do("retry_copy", {"copy_path_id": copy_path_id})
