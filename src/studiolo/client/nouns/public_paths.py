"""Calls about public paths. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFile:
    """One entry of a directory."""

    name: str
    size: int | None = None
    """Bytes; not for directories."""
    mtime: int
    """Seconds since 1970."""
    isdir: bool | None = None
    """True for directories only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFiles:
    """What is public in the directory."""

    files: list[PublicFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDirectoryListing:
    """The directory's public entries."""

    EVENT: ClassVar[str] = "public_directory_listing"

    result: PublicFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTextFileContents:
    """The file's text."""

    EVENT: ClassVar[str] = "public_text_file_contents"

    data: str


class PublicPathsCalls:
    """Calls about public paths."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def copy_public_path_between_projects(
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
        exclude: list[str] | None = None,
        exclude_history: bool | None = None,
    ) -> None:
        """Copy a public file or directory into a project, and wait until it is there.

        Who may call it: Owners and collaborators of the target project, administrators, its own key; the source is
        public.

        Args:
            src_path: A public path, or a path in a public directory.
            target_path: Default: the same as `src_path`.
            overwrite_newer: Replace files that are newer in the target. Default: `False`.
            delete_missing: Delete what the source directory does not have. Default: `False`.
            backup: Keep what is replaced or deleted, with `~` at the end. Default: `False`.
            timeout: Seconds, after which the copy fails.
            exclude: Patterns of rsync: what fits is left out.
            exclude_history: Of clients of 2017 to 2019: leave out `*.sage-history`. Default: `False`.
        """
        self._caller.do(
            "copy_public_path_between_projects",
            {
                "src_project_id": src_project_id,
                "src_path": src_path,
                "target_project_id": target_project_id,
                "target_path": target_path,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "timeout": timeout,
                "exclude": exclude,
                "exclude_history": exclude_history,
            },
            is_once=True,
        )

    def public_get_directory_listing(
        self,
        *,
        project_id: str,
        path: str,
        hidden: bool | None = None,
        time: bool | None = None,
        start: int | None = None,
        limit: int | None = None,
    ) -> PublicDirectoryListing:
        """List the public files and directories of a directory.

        Who may call it: Any key.

        Args:
            path: Relative to the project's home directory; empty for the home itself.
            hidden: Show names that begin with a dot, too. Default: `False`.
            time: Show what was modified last first. Default: `False`.
            start: How many entries to pass over. Default: `0`.
            limit: Most entries; -1 for all. Default: `-1`.
        """
        return self._caller.call(
            "public_get_directory_listing",
            {"project_id": project_id, "path": path, "hidden": hidden, "time": time, "start": start, "limit": limit},
            (PublicDirectoryListing,),
            is_reading=True,
        )

    def public_get_text_file(self, *, project_id: str, path: str) -> PublicTextFileContents:
        """Read a public text file.

        Who may call it: Any key.

        Args:
            path: Relative to the project's home directory.
        """
        return self._caller.call(
            "public_get_text_file", {"project_id": project_id, "path": path}, (PublicTextFileContents,), is_reading=True
        )


class AsyncPublicPathsCalls:
    """Calls about public paths, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def copy_public_path_between_projects(
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
        exclude: list[str] | None = None,
        exclude_history: bool | None = None,
    ) -> None:
        """Copy a public file or directory into a project, and wait until it is there.

        Who may call it: Owners and collaborators of the target project, administrators, its own key; the source is
        public.

        Args:
            src_path: A public path, or a path in a public directory.
            target_path: Default: the same as `src_path`.
            overwrite_newer: Replace files that are newer in the target. Default: `False`.
            delete_missing: Delete what the source directory does not have. Default: `False`.
            backup: Keep what is replaced or deleted, with `~` at the end. Default: `False`.
            timeout: Seconds, after which the copy fails.
            exclude: Patterns of rsync: what fits is left out.
            exclude_history: Of clients of 2017 to 2019: leave out `*.sage-history`. Default: `False`.
        """
        await self._caller.do(
            "copy_public_path_between_projects",
            {
                "src_project_id": src_project_id,
                "src_path": src_path,
                "target_project_id": target_project_id,
                "target_path": target_path,
                "overwrite_newer": overwrite_newer,
                "delete_missing": delete_missing,
                "backup": backup,
                "timeout": timeout,
                "exclude": exclude,
                "exclude_history": exclude_history,
            },
            is_once=True,
        )

    async def public_get_directory_listing(
        self,
        *,
        project_id: str,
        path: str,
        hidden: bool | None = None,
        time: bool | None = None,
        start: int | None = None,
        limit: int | None = None,
    ) -> PublicDirectoryListing:
        """List the public files and directories of a directory.

        Who may call it: Any key.

        Args:
            path: Relative to the project's home directory; empty for the home itself.
            hidden: Show names that begin with a dot, too. Default: `False`.
            time: Show what was modified last first. Default: `False`.
            start: How many entries to pass over. Default: `0`.
            limit: Most entries; -1 for all. Default: `-1`.
        """
        return await self._caller.call(
            "public_get_directory_listing",
            {"project_id": project_id, "path": path, "hidden": hidden, "time": time, "start": start, "limit": limit},
            (PublicDirectoryListing,),
            is_reading=True,
        )

    async def public_get_text_file(self, *, project_id: str, path: str) -> PublicTextFileContents:
        """Read a public text file.

        Who may call it: Any key.

        Args:
            path: Relative to the project's home directory.
        """
        return await self._caller.call(
            "public_get_text_file", {"project_id": project_id, "path": path}, (PublicTextFileContents,), is_reading=True
        )
