"""Calls about files. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsArchived:
    """The archive is there."""

    EVENT: ClassVar[str] = "paths_archived"

    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryCreated:
    """The directory is there."""

    EVENT: ClassVar[str] = "directory_created"

    created: bool
    """Whether it was not there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDeleted:
    """It is gone."""

    EVENT: ClassVar[str] = "path_deleted"

    deleted: int
    """How many entries were deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveExtracted:
    """The archive is unpacked."""

    EVENT: ClassVar[str] = "archive_extracted"

    files: int
    size_bytes: int
    skipped: int
    """Entries that are neither files nor directories nor symbolic links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One entry of a home."""

    name: str
    type: Literal["file", "directory", "symlink", "fifo", "socket", "device"]
    size_bytes: int
    modified_at: datetime
    mode: str
    """Permissions, in octal digits."""
    target: str | None = None
    """Of a symbolic link: the text in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryListing:
    """Entries in the order of their names; `next` is there if there are more."""

    EVENT: ClassVar[str] = "directory_listing"

    entries: list[FileEntry]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFileEntry:
    """One of many files: its content, or why it could not be read."""

    project_id: str
    path: str
    content: str | None = None
    error: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFileRead:
    """The content; for lists, one entry a file, in no promised order."""

    EVENT: ClassVar[str] = "text_file_read_from_project"

    content: str | list[TextFileEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStatus:
    """What a path is; a symbolic link is described as itself."""

    EVENT: ClassVar[str] = "path_status"

    type: Literal["file", "directory", "symlink", "fifo", "socket", "device"]
    size_bytes: int
    modified_at: datetime
    mode: str
    """Permissions, in octal digits."""
    etag: str | None = None
    """Of a file: changes whenever its content may have changed."""
    target: str | None = None
    """Of a symbolic link: the text in it."""
    leads_to: str | None = None
    """Of a symbolic link: the type of what is at its end, if that is in the home."""


class FilesCalls:
    """Calls about files."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def archive_paths(
        self,
        *,
        project_id: str,
        paths: list[str],
        target: str,
        format: Literal["zip", "tar.gz"] | None = None,
        overwrite: bool | None = None,
    ) -> PathsArchived:
        """Pack files and directories into a zip or tar.gz file in the project; to download one, see the how-to.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            paths: What goes into the archive; directories with all that is in them.
            target: Where the archive is written in the project.
            format: Default: `'zip'`.
            overwrite: Replace a file that is there. Default: `False`.
        """
        return self._caller.call(
            "archive_paths",
            {"project_id": project_id, "paths": paths, "target": target, "format": format, "overwrite": overwrite},
            (PathsArchived,),
        )

    def create_directory(self, *, project_id: str, path: str) -> DirectoryCreated:
        """Make a directory in a project, with the directories above it; one that is there already stays.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
        """
        return self._caller.call("create_directory", {"project_id": project_id, "path": path}, (DirectoryCreated,))

    def delete_path(self, *, project_id: str, path: str, recursive: bool | None = None) -> PathDeleted:
        """Delete a file, an empty directory, or with `recursive` a directory with all that is in it.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
            recursive: Delete a directory with all that is in it. Default: `False`.
        """
        return self._caller.call(
            "delete_path", {"project_id": project_id, "path": path, "recursive": recursive}, (PathDeleted,)
        )

    def extract_archive(
        self, *, project_id: str, path: str, target: str | None = None, overwrite: bool | None = None
    ) -> ArchiveExtracted:
        """Unpack a zip or tar file in the project; an entry that would lead out of it ends it before it begins.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: A zip file, or a tar file with or without compression.
            target: The directory into which it is unpacked; the home if empty.
            overwrite: Replace files that are there. Default: `False`.
        """
        return self._caller.call(
            "extract_archive",
            {"project_id": project_id, "path": path, "target": target, "overwrite": overwrite},
            (ArchiveExtracted,),
        )

    def list_directory(
        self,
        *,
        project_id: str,
        path: str | None = None,
        hidden: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> DirectoryListing:
        """List what is in a directory of a project, page by page; symbolic links are shown as such.

        Who may call it: Owners, collaborators and viewers of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
            hidden: List names that begin with a dot, too. Default: `False`.
            limit: Most entries in the answer, up to 10,000. Default: `1000`.
            after: List what comes after this name: `next` of the answer before.
        """
        return self._caller.call(
            "list_directory",
            {"project_id": project_id, "path": path, "hidden": hidden, "limit": limit, "after": after},
            (DirectoryListing,),
            is_reading=True,
        )

    def move_path(self, *, project_id: str, source: str, target: str, overwrite: bool | None = None) -> None:
        """Give a file or directory of a project another name or place; nothing is replaced unless asked for.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            source: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
            target: The new path, not the directory to move it into; missing directories are made.
            overwrite: Replace a file that is there, or an empty directory. Default: `False`.
        """
        self._caller.do(
            "move_path", {"project_id": project_id, "source": source, "target": target, "overwrite": overwrite}
        )

    def read_text_file_from_project(self, *, project_id: str | list[str], path: str | list[str]) -> TextFileRead:
        """Read a text file of a project, or many files of many projects at once.

        Who may call it: Owners, collaborators and viewers of the projects, administrators, a project's own key.

        Args:
            path: Relative to the project's home directory, or absolute.
        """
        return self._caller.call(
            "read_text_file_from_project", {"project_id": project_id, "path": path}, (TextFileRead,), is_reading=True
        )

    def stat_path(self, *, project_id: str, path: str | None = None) -> PathStatus:
        """Tell what a path in a project is.

        Who may call it: Owners, collaborators and viewers of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
        """
        return self._caller.call("stat_path", {"project_id": project_id, "path": path}, (PathStatus,))

    def write_text_file_to_project(self, *, project_id: str, path: str, content: str) -> None:
        """Write a text file into a project; directories on the way are made, an existing file is replaced.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory, or absolute.
            content: The whole new content; may be empty.
        """
        self._caller.do("write_text_file_to_project", {"project_id": project_id, "path": path, "content": content})


class AsyncFilesCalls:
    """Calls about files, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def archive_paths(
        self,
        *,
        project_id: str,
        paths: list[str],
        target: str,
        format: Literal["zip", "tar.gz"] | None = None,
        overwrite: bool | None = None,
    ) -> PathsArchived:
        """Pack files and directories into a zip or tar.gz file in the project; to download one, see the how-to.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            paths: What goes into the archive; directories with all that is in them.
            target: Where the archive is written in the project.
            format: Default: `'zip'`.
            overwrite: Replace a file that is there. Default: `False`.
        """
        return await self._caller.call(
            "archive_paths",
            {"project_id": project_id, "paths": paths, "target": target, "format": format, "overwrite": overwrite},
            (PathsArchived,),
        )

    async def create_directory(self, *, project_id: str, path: str) -> DirectoryCreated:
        """Make a directory in a project, with the directories above it; one that is there already stays.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
        """
        return await self._caller.call(
            "create_directory", {"project_id": project_id, "path": path}, (DirectoryCreated,)
        )

    async def delete_path(self, *, project_id: str, path: str, recursive: bool | None = None) -> PathDeleted:
        """Delete a file, an empty directory, or with `recursive` a directory with all that is in it.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
            recursive: Delete a directory with all that is in it. Default: `False`.
        """
        return await self._caller.call(
            "delete_path", {"project_id": project_id, "path": path, "recursive": recursive}, (PathDeleted,)
        )

    async def extract_archive(
        self, *, project_id: str, path: str, target: str | None = None, overwrite: bool | None = None
    ) -> ArchiveExtracted:
        """Unpack a zip or tar file in the project; an entry that would lead out of it ends it before it begins.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: A zip file, or a tar file with or without compression.
            target: The directory into which it is unpacked; the home if empty.
            overwrite: Replace files that are there. Default: `False`.
        """
        return await self._caller.call(
            "extract_archive",
            {"project_id": project_id, "path": path, "target": target, "overwrite": overwrite},
            (ArchiveExtracted,),
        )

    async def list_directory(
        self,
        *,
        project_id: str,
        path: str | None = None,
        hidden: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> DirectoryListing:
        """List what is in a directory of a project, page by page; symbolic links are shown as such.

        Who may call it: Owners, collaborators and viewers of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
            hidden: List names that begin with a dot, too. Default: `False`.
            limit: Most entries in the answer, up to 10,000. Default: `1000`.
            after: List what comes after this name: `next` of the answer before.
        """
        return await self._caller.call(
            "list_directory",
            {"project_id": project_id, "path": path, "hidden": hidden, "limit": limit, "after": after},
            (DirectoryListing,),
            is_reading=True,
        )

    async def move_path(self, *, project_id: str, source: str, target: str, overwrite: bool | None = None) -> None:
        """Give a file or directory of a project another name or place; nothing is replaced unless asked for.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            source: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
            target: The new path, not the directory to move it into; missing directories are made.
            overwrite: Replace a file that is there, or an empty directory. Default: `False`.
        """
        await self._caller.do(
            "move_path", {"project_id": project_id, "source": source, "target": target, "overwrite": overwrite}
        )

    async def read_text_file_from_project(self, *, project_id: str | list[str], path: str | list[str]) -> TextFileRead:
        """Read a text file of a project, or many files of many projects at once.

        Who may call it: Owners, collaborators and viewers of the projects, administrators, a project's own key.

        Args:
            path: Relative to the project's home directory, or absolute.
        """
        return await self._caller.call(
            "read_text_file_from_project", {"project_id": project_id, "path": path}, (TextFileRead,), is_reading=True
        )

    async def stat_path(self, *, project_id: str, path: str | None = None) -> PathStatus:
        """Tell what a path in a project is.

        Who may call it: Owners, collaborators and viewers of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name
                that is no UTF-8 is written as the character U+EF00 plus the byte, here and in every answer.
        """
        return await self._caller.call("stat_path", {"project_id": project_id, "path": path}, (PathStatus,))

    async def write_text_file_to_project(self, *, project_id: str, path: str, content: str) -> None:
        """Write a text file into a project; directories on the way are made, an existing file is replaced.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            path: Relative to the project's home directory, or absolute.
            content: The whole new content; may be empty.
        """
        await self._caller.do(
            "write_text_file_to_project", {"project_id": project_id, "path": path, "content": content}
        )
