"""Calls about copies. Written by `make client` from the registry of calls; not to be edited."""

from collections.abc import Mapping, Sequence
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
class CopyGroupChanged:
    """It was done to so many copies."""

    EVENT: ClassVar[str] = "success"

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyGroupAnswer:
    """The copies are on their way."""

    EVENT: ClassVar[str] = "copy_group_response"

    group_id: str
    total: int
    repeated: bool | None = None
    """It was ordered before under the same key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyGroupCounts:
    """How many copies are in which state."""

    waiting: int
    running: int
    done: int
    missing: int
    """The source has no such path."""
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyProgress:
    """How far a copy is; totals are counted only when it takes longer than a moment."""

    files_done: int
    bytes_done: int
    files_total: int | None = None
    bytes_total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyGroupRow:
    """One copy of a group."""

    index: int
    """Its place in the request, from 1."""
    copy_path_id: str
    source_project_id: str
    target_project_id: str
    target_path: str
    state: Literal["waiting", "running", "done", "missing", "failed", "cancelled"]
    started: datetime | None = None
    finished: datetime | None = None
    error: str | None = None
    code: str | None = None
    progress: CopyProgress | None = None
    report: dict[str, Any] | None = None
    """What came of it. Numbers: `files` written, `size_bytes`, `unchanged`, `kept` because newer, `deleted`,
    `failed`; of a revision `added`, `updated`, `merged`, `kept`, `conflicts`, `unchanged`, `failed`. Lists, cut
    to 100: `failures`; of a revision `added_paths`, `updated_paths`, `merged_paths`, `kept_paths` and
    `conflict_paths`, whose entries have `path` and the `beside` where the new file is. With `exclude` nothing is
    counted. Lists of operations leave it out.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyGroupStatus:
    """How a group stands, and one page of its copies in the order of the request."""

    EVENT: ClassVar[str] = "copy_group_status_response"

    group_id: str
    time: datetime
    scheduled: datetime | None = None
    total: int
    counts: CopyGroupCounts
    finished: bool
    """No copy waits or runs."""
    copies: list[CopyGroupRow]
    next: int | None = None
    """There are more: ask again with `after` set to this."""


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
    """What came of it. Numbers: `files` written, `size_bytes`, `unchanged`, `kept` because newer, `deleted`,
    `failed`; of a revision `added`, `updated`, `merged`, `kept`, `conflicts`, `unchanged`, `failed`. Lists, cut
    to 100: `failures`; of a revision `added_paths`, `updated_paths`, `merged_paths`, `kept_paths` and
    `conflict_paths`, whose entries have `path` and the `beside` where the new file is. With `exclude` nothing is
    counted. Lists of operations leave it out.
    """
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
    """What came of it. Numbers: `files` written, `size_bytes`, `unchanged`, `kept` because newer, `deleted`,
    `failed`; of a revision `added`, `updated`, `merged`, `kept`, `conflicts`, `unchanged`, `failed`. Lists, cut
    to 100: `failures`; of a revision `added_paths`, `updated_paths`, `merged_paths`, `kept_paths` and
    `conflict_paths`, whose entries have `path` and the `beside` where the new file is. With `exclude` nothing is
    counted. Lists of operations leave it out.
    """
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

    def cancel_copy_group(self, *, group_id: str) -> CopyGroupChanged:
        """Cancel every copy of a group that is not finished.

        Who may call it: The account that ordered the group, and administrators.
        """
        return self._caller.call("cancel_copy_group", {"group_id": group_id}, (CopyGroupChanged,))

    def collect_path_from_projects(
        self,
        *,
        sources: Mapping[str, Any] | Sequence[Any],
        src_path: str,
        target_project_id: str,
        target_path: str,
        overwrite_newer: bool | None = None,
        delete_missing: bool | None = None,
        backup: bool | None = None,
        exclude: list[str] | None = None,
        timeout: float | None = None,
        scheduled: str | None = None,
        group_key: str | None = None,
    ) -> CopyGroupAnswer:
        """Copy the same path from many projects into folders of one.

        Who may call it: Who may read every source project and write to the target project.

        Args:
            sources: 1 to 20000 projects: ids, or objects with project_id and, if it is not like the others,
                target_path or account_id.
            src_path: File or directory in each of the projects.
            target_path: Where to, such as collected/{project_id}/. {project_id}, {account_id}, {title} and {index}
                are filled in; {account_id} is the only person beside you, or whom the project's entry names.
            overwrite_newer: Overwrite files that are newer in the target. Default: `False`.
            delete_missing: Delete files in the target directory that the source lacks. Default: `False`.
            backup: Keep what is overwritten under its name with `~`. Default: `False`.
            exclude: Patterns of what is left out, as rsync reads them.
            timeout: Seconds after which one copy is given up.
            scheduled: Not before this time, which is UTC unless it says otherwise.
            group_key: Your own name for this request, 1 to 128 characters: sent again it answers the same group and
                copies nothing twice.
        """
        return self._caller.call(
            "collect_path_from_projects",
            {
                "sources": sources,
                "src_path": src_path,
                "target_project_id": target_project_id,
                "target_path": target_path,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "exclude": exclude,
                "timeout": timeout,
                "scheduled": scheduled,
                "group_key": group_key,
            },
            (CopyGroupAnswer,),
            is_once=True,
        )

    def copy_group_status(
        self, *, group_id: str, state: str | None = None, after: int | None = None, limit: int | None = None
    ) -> CopyGroupStatus:
        """Tell how a group of copies stands, with a page of its copies.

        Who may call it: The account that ordered the group, and administrators.

        Args:
            state: Only copies that are waiting, running, done, missing, failed or cancelled.
            after: Begin behind this index: the `next` of the page before.
            limit: At most so many copies, 0 to 1000. Default: `100`.
        """
        return self._caller.call(
            "copy_group_status",
            {"group_id": group_id, "state": state, "after": after, "limit": limit},
            (CopyGroupStatus,),
            is_reading=True,
        )

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
        exclude_history: bool | None = None,
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
            exclude_history: Of clients of 2017 to 2019: leave out `*.sage-history`. Default: `False`.
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
                "exclude_history": exclude_history,
            },
            (CopyPathResponse, CopyPathDone),
            is_once=True,
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

    def copy_path_to_projects(
        self,
        *,
        src_project_id: str,
        src_path: str,
        targets: Mapping[str, Any] | Sequence[Any],
        overwrite_newer: bool | None = None,
        delete_missing: bool | None = None,
        backup: bool | None = None,
        exclude: list[str] | None = None,
        timeout: float | None = None,
        scheduled: str | None = None,
        group_key: str | None = None,
        target_path: str | None = None,
        revise: bool | None = None,
        dry_run: bool | None = None,
    ) -> CopyGroupAnswer:
        """Copy a file or directory from one project to many: hand it out, or revise what was handed out.

        Who may call it: Who may read the source project and write to every target project.

        Args:
            src_path: File or directory, relative to the home directory.
            targets: 1 to 20000 projects: ids, or objects with project_id and, if it is not like the others,
                target_path or account_id.
            overwrite_newer: Overwrite files that are newer in the target. Default: `False`.
            delete_missing: Delete files in the target directory that the source lacks. Default: `False`.
            backup: Keep what is overwritten under its name with `~`. Default: `False`.
            exclude: Patterns of what is left out, as rsync reads them.
            timeout: Seconds after which one copy is given up.
            scheduled: Not before this time, which is UTC unless it says otherwise.
            group_key: Your own name for this request, 1 to 128 characters: sent again it answers the same group and
                copies nothing twice.
            target_path: Where to; by default the same as `src_path`. {project_id}, {account_id}, {title} and
                {index} are filled in; {account_id} is the only person beside you, or whom the project's entry
                names.
            revise: Keep what was changed in the targets: new and changed files arrive merged or beside. Default:
                `False`.
            dry_run: With `revise`: write nothing, only report what would be done. Default: `False`.
        """
        return self._caller.call(
            "copy_path_to_projects",
            {
                "src_project_id": src_project_id,
                "src_path": src_path,
                "targets": targets,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "exclude": exclude,
                "timeout": timeout,
                "scheduled": scheduled,
                "group_key": group_key,
                "target_path": target_path,
                "revise": revise,
                "dry_run": dry_run,
            },
            (CopyGroupAnswer,),
            is_once=True,
        )

    def retry_copy(self, *, copy_path_id: str) -> None:
        """Carry out once more a copy operation that failed or was cancelled, in the caller's name.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        self._caller.do("retry_copy", {"copy_path_id": copy_path_id})

    def retry_copy_group(self, *, group_id: str, include_cancelled: bool | None = None) -> CopyGroupChanged:
        """Carry out once more the copies of a group that failed, in the caller's name.

        Who may call it: The account that ordered the group, and administrators. The projects must still be open to
        the caller.

        Args:
            include_cancelled: Carry out what was cancelled, too. Default: `False`.
        """
        return self._caller.call(
            "retry_copy_group", {"group_id": group_id, "include_cancelled": include_cancelled}, (CopyGroupChanged,)
        )


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

    async def cancel_copy_group(self, *, group_id: str) -> CopyGroupChanged:
        """Cancel every copy of a group that is not finished.

        Who may call it: The account that ordered the group, and administrators.
        """
        return await self._caller.call("cancel_copy_group", {"group_id": group_id}, (CopyGroupChanged,))

    async def collect_path_from_projects(
        self,
        *,
        sources: Mapping[str, Any] | Sequence[Any],
        src_path: str,
        target_project_id: str,
        target_path: str,
        overwrite_newer: bool | None = None,
        delete_missing: bool | None = None,
        backup: bool | None = None,
        exclude: list[str] | None = None,
        timeout: float | None = None,
        scheduled: str | None = None,
        group_key: str | None = None,
    ) -> CopyGroupAnswer:
        """Copy the same path from many projects into folders of one.

        Who may call it: Who may read every source project and write to the target project.

        Args:
            sources: 1 to 20000 projects: ids, or objects with project_id and, if it is not like the others,
                target_path or account_id.
            src_path: File or directory in each of the projects.
            target_path: Where to, such as collected/{project_id}/. {project_id}, {account_id}, {title} and {index}
                are filled in; {account_id} is the only person beside you, or whom the project's entry names.
            overwrite_newer: Overwrite files that are newer in the target. Default: `False`.
            delete_missing: Delete files in the target directory that the source lacks. Default: `False`.
            backup: Keep what is overwritten under its name with `~`. Default: `False`.
            exclude: Patterns of what is left out, as rsync reads them.
            timeout: Seconds after which one copy is given up.
            scheduled: Not before this time, which is UTC unless it says otherwise.
            group_key: Your own name for this request, 1 to 128 characters: sent again it answers the same group and
                copies nothing twice.
        """
        return await self._caller.call(
            "collect_path_from_projects",
            {
                "sources": sources,
                "src_path": src_path,
                "target_project_id": target_project_id,
                "target_path": target_path,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "exclude": exclude,
                "timeout": timeout,
                "scheduled": scheduled,
                "group_key": group_key,
            },
            (CopyGroupAnswer,),
            is_once=True,
        )

    async def copy_group_status(
        self, *, group_id: str, state: str | None = None, after: int | None = None, limit: int | None = None
    ) -> CopyGroupStatus:
        """Tell how a group of copies stands, with a page of its copies.

        Who may call it: The account that ordered the group, and administrators.

        Args:
            state: Only copies that are waiting, running, done, missing, failed or cancelled.
            after: Begin behind this index: the `next` of the page before.
            limit: At most so many copies, 0 to 1000. Default: `100`.
        """
        return await self._caller.call(
            "copy_group_status",
            {"group_id": group_id, "state": state, "after": after, "limit": limit},
            (CopyGroupStatus,),
            is_reading=True,
        )

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
        exclude_history: bool | None = None,
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
            exclude_history: Of clients of 2017 to 2019: leave out `*.sage-history`. Default: `False`.
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
                "exclude_history": exclude_history,
            },
            (CopyPathResponse, CopyPathDone),
            is_once=True,
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

    async def copy_path_to_projects(
        self,
        *,
        src_project_id: str,
        src_path: str,
        targets: Mapping[str, Any] | Sequence[Any],
        overwrite_newer: bool | None = None,
        delete_missing: bool | None = None,
        backup: bool | None = None,
        exclude: list[str] | None = None,
        timeout: float | None = None,
        scheduled: str | None = None,
        group_key: str | None = None,
        target_path: str | None = None,
        revise: bool | None = None,
        dry_run: bool | None = None,
    ) -> CopyGroupAnswer:
        """Copy a file or directory from one project to many: hand it out, or revise what was handed out.

        Who may call it: Who may read the source project and write to every target project.

        Args:
            src_path: File or directory, relative to the home directory.
            targets: 1 to 20000 projects: ids, or objects with project_id and, if it is not like the others,
                target_path or account_id.
            overwrite_newer: Overwrite files that are newer in the target. Default: `False`.
            delete_missing: Delete files in the target directory that the source lacks. Default: `False`.
            backup: Keep what is overwritten under its name with `~`. Default: `False`.
            exclude: Patterns of what is left out, as rsync reads them.
            timeout: Seconds after which one copy is given up.
            scheduled: Not before this time, which is UTC unless it says otherwise.
            group_key: Your own name for this request, 1 to 128 characters: sent again it answers the same group and
                copies nothing twice.
            target_path: Where to; by default the same as `src_path`. {project_id}, {account_id}, {title} and
                {index} are filled in; {account_id} is the only person beside you, or whom the project's entry
                names.
            revise: Keep what was changed in the targets: new and changed files arrive merged or beside. Default:
                `False`.
            dry_run: With `revise`: write nothing, only report what would be done. Default: `False`.
        """
        return await self._caller.call(
            "copy_path_to_projects",
            {
                "src_project_id": src_project_id,
                "src_path": src_path,
                "targets": targets,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "exclude": exclude,
                "timeout": timeout,
                "scheduled": scheduled,
                "group_key": group_key,
                "target_path": target_path,
                "revise": revise,
                "dry_run": dry_run,
            },
            (CopyGroupAnswer,),
            is_once=True,
        )

    async def retry_copy(self, *, copy_path_id: str) -> None:
        """Carry out once more a copy operation that failed or was cancelled, in the caller's name.

        Who may call it: Who may write to the target project and read the source project: collaborators of both,
        administrators.
        """
        await self._caller.do("retry_copy", {"copy_path_id": copy_path_id})

    async def retry_copy_group(self, *, group_id: str, include_cancelled: bool | None = None) -> CopyGroupChanged:
        """Carry out once more the copies of a group that failed, in the caller's name.

        Who may call it: The account that ordered the group, and administrators. The projects must still be open to
        the caller.

        Args:
            include_cancelled: Carry out what was cancelled, too. Default: `False`.
        """
        return await self._caller.call(
            "retry_copy_group", {"group_id": group_id, "include_cancelled": include_cancelled}, (CopyGroupChanged,)
        )
