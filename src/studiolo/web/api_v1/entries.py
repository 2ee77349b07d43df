"""Entries of projects' homes: listing, describing, moving, deleting, making, packing, unpacking.

Extensions of our own. The bytes of files go through other doors (`web/streams`).
"""

from typing import Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.domain.entries import Entry
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Moment, Parameters, Shape, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example

MAX_PAGE = 10_000
_PATH = (
    "Relative to the project's home directory; `/a` and `/projects/ID/a` mean `a`. A byte of a name that is no UTF-8 is"
    " written as the character U+EF00 plus the byte, here and in every answer."
)


class FileEntry(Shape):
    """One entry of a home."""

    name: str
    type: Literal["file", "directory", "symlink", "fifo", "socket", "device"]
    size_bytes: int
    modified_at: Moment
    mode: str = Field(description="Permissions, in octal digits.")
    target: str | None = Field(default=None, description="Of a symbolic link: the text in it.")


class ListDirectoryParameters(Parameters):
    """What `list_directory` takes."""

    project_id: Text
    path: Text = Field(default="", description=_PATH)
    hidden: Flag = Field(default=False, description="List names that begin with a dot, too.")
    limit: Integer = Field(default=1000, description=f"Most entries in the answer, up to {MAX_PAGE:,}.")
    after: Text = Field(default="", description="List what comes after this name: `next` of the answer before.")


class DirectoryListing(Answer):
    """Entries in the order of their names; `next` is there if there are more."""

    event: Literal["directory_listing"] = "directory_listing"
    entries: list[FileEntry]
    next: str | None = None


class StatPathParameters(Parameters):
    """What `stat_path` takes."""

    project_id: Text
    path: Text = Field(default="", description=_PATH)


class PathStatus(Answer):
    """What a path is; a symbolic link is described as itself."""

    event: Literal["path_status"] = "path_status"
    type: Literal["file", "directory", "symlink", "fifo", "socket", "device"]
    size_bytes: int
    modified_at: Moment
    mode: str = Field(description="Permissions, in octal digits.")
    etag: str | None = Field(default=None, description="Of a file: changes whenever its content may have changed.")
    target: str | None = Field(default=None, description="Of a symbolic link: the text in it.")
    leads_to: str | None = Field(
        default=None, description="Of a symbolic link: the type of what is at its end, if that is in the home."
    )


class MovePathParameters(Parameters):
    """What `move_path` takes."""

    project_id: Text
    source: Text = Field(description=_PATH)
    target: Text = Field(description="The new path, not the directory to move it into; missing directories are made.")
    overwrite: Flag = Field(default=False, description="Replace a file that is there, or an empty directory.")


class DeletePathParameters(Parameters):
    """What `delete_path` takes."""

    project_id: Text
    path: Text = Field(description=_PATH)
    recursive: Flag = Field(default=False, description="Delete a directory with all that is in it.")


class PathDeleted(Answer):
    """It is gone."""

    event: Literal["path_deleted"] = "path_deleted"
    deleted: int = Field(description="How many entries were deleted.")


class CreateDirectoryParameters(Parameters):
    """What `create_directory` takes."""

    project_id: Text
    path: Text = Field(description=_PATH)


class DirectoryCreated(Answer):
    """The directory is there."""

    event: Literal["directory_created"] = "directory_created"
    created: bool = Field(description="Whether it was not there before.")


class ArchivePathsParameters(Parameters):
    """What `archive_paths` takes."""

    project_id: Text
    paths: Texts = Field(description="What goes into the archive; directories with all that is in them.")
    target: Text = Field(description="Where the archive is written in the project.")
    format: Literal["zip", "tar.gz"] = "zip"
    overwrite: Flag = Field(default=False, description="Replace a file that is there.")


class PathsArchived(Answer):
    """The archive is there."""

    event: Literal["paths_archived"] = "paths_archived"
    size_bytes: int


class ExtractArchiveParameters(Parameters):
    """What `extract_archive` takes."""

    project_id: Text
    path: Text = Field(description="A zip file, or a tar file with or without compression.")
    target: Text = Field(default="", description="The directory into which it is unpacked; the home if empty.")
    overwrite: Flag = Field(default=False, description="Replace files that are there.")


class ArchiveExtracted(Answer):
    """The archive is unpacked."""

    event: Literal["archive_extracted"] = "archive_extracted"
    files: int
    size_bytes: int
    skipped: int = Field(description="Entries that are neither files nor directories nor symbolic links.")


async def list_directory(context: CallContext, parameters: ListDirectoryParameters) -> DirectoryListing:
    """List a directory page by page."""
    limit = 1000 if parameters.limit is None else parameters.limit
    if not 0 < limit <= MAX_PAGE:
        raise InvalidRequest(f"limit must be between 1 and {MAX_PAGE}", fields={"limit": "out of bounds"})
    page = await context.services.entries.list(
        context.principal,
        ProjectId(parameters.project_id),
        parameters.path,
        limit=limit,
        after=parameters.after,
        hidden=parameters.hidden,
    )
    return DirectoryListing(entries=[_file_entry(entry) for entry in page.entries], next=page.next)


async def stat_path(context: CallContext, parameters: StatPathParameters) -> PathStatus:
    """Tell what a path is."""
    found = await context.services.entries.describe(
        context.principal, ProjectId(parameters.project_id), parameters.path
    )
    return PathStatus.model_validate(
        {
            "type": found.type,
            "size_bytes": found.size_bytes,
            "modified_at": found.modified_at,
            "mode": f"{found.mode:04o}",
            "etag": found.etag,
            "target": found.target,
            "leads_to": found.leads_to,
        }
    )


async def move_path(context: CallContext, parameters: MovePathParameters) -> Success:
    """Move or rename."""
    await context.services.entries.move(
        context.principal,
        ProjectId(parameters.project_id),
        parameters.source,
        parameters.target,
        overwrite=parameters.overwrite,
    )
    return Success()


async def delete_path(context: CallContext, parameters: DeletePathParameters) -> PathDeleted:
    """Delete a file, or a directory."""
    deleted = await context.services.entries.delete(
        context.principal, ProjectId(parameters.project_id), parameters.path, recursive=parameters.recursive
    )
    return PathDeleted(deleted=deleted)


async def create_directory(context: CallContext, parameters: CreateDirectoryParameters) -> DirectoryCreated:
    """Make a directory."""
    is_made = await context.services.entries.make_directory(
        context.principal, ProjectId(parameters.project_id), parameters.path
    )
    return DirectoryCreated(created=is_made)


async def archive_paths(context: CallContext, parameters: ArchivePathsParameters) -> PathsArchived:
    """Pack files into an archive in the project."""
    size_bytes = await context.services.entries.pack(
        context.principal,
        ProjectId(parameters.project_id),
        parameters.paths,
        parameters.target,
        form=parameters.format,
        overwrite=parameters.overwrite,
    )
    return PathsArchived(size_bytes=size_bytes)


async def extract_archive(context: CallContext, parameters: ExtractArchiveParameters) -> ArchiveExtracted:
    """Unpack an archive in the project."""
    done = await context.services.entries.unpack(
        context.principal,
        ProjectId(parameters.project_id),
        parameters.path,
        parameters.target,
        overwrite=parameters.overwrite,
    )
    return ArchiveExtracted(files=done.files, size_bytes=done.size_bytes, skipped=done.skipped)


def _file_entry(entry: Entry) -> FileEntry:
    return FileEntry.model_validate(
        {
            "name": entry.name,
            "type": entry.type,
            "size_bytes": entry.size_bytes,
            "modified_at": entry.modified_at,
            "mode": f"{entry.mode:04o}",
            "target": entry.target,
        }
    )


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_READERS = "Owners, collaborators and viewers of the project, administrators, the project's own key."
_WRITERS = "Owners and collaborators of the project, administrators, the project's own key."
_ENTRY = {"type": "file", "size_bytes": 11, "modified_at": "2026-01-01T12:00:00.000Z", "mode": "0644"}

CALLS = (
    Call(
        name="list_directory",
        noun="files",
        summary="List what is in a directory of a project, page by page; symbolic links are shown as such.",
        permission=_READERS,
        parameters=ListDirectoryParameters,
        answers=(DirectoryListing,),
        handler=list_directory,
        examples=(
            Example(
                "List the home",
                {"project_id": _PROJECT, "limit": 1},
                {
                    "event": "directory_listing",
                    "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d01",
                    "entries": [{"name": "public", **_ENTRY, "type": "directory", "size_bytes": 4096}],
                    "next": "public",
                },
            ),
        ),
    ),
    Call(
        name="stat_path",
        noun="files",
        summary="Tell what a path in a project is.",
        permission=_READERS,
        parameters=StatPathParameters,
        answers=(PathStatus,),
        handler=stat_path,
        examples=(
            Example(
                "Describe a file",
                {"project_id": _PROJECT, "path": "welcome.md"},
                {
                    "event": "path_status",
                    "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d02",
                    **_ENTRY,
                    "etag": "6dcd4ce23d88e2ee9568ba546c007c63",
                },
            ),
        ),
    ),
    Call(
        name="move_path",
        noun="files",
        summary="Give a file or directory of a project another name or place; nothing is replaced unless asked for.",
        permission=_WRITERS,
        parameters=MovePathParameters,
        answers=(Success,),
        handler=move_path,
        examples=(
            Example(
                "Rename a file",
                {"project_id": _PROJECT, "source": "welcome.md", "target": "texts/welcome.md"},
                {"event": "success", "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d03"},
            ),
        ),
    ),
    Call(
        name="delete_path",
        noun="files",
        summary="Delete a file, an empty directory, or with `recursive` a directory with all that is in it.",
        permission=_WRITERS,
        parameters=DeletePathParameters,
        answers=(PathDeleted,),
        handler=delete_path,
        examples=(
            Example(
                "Delete a file",
                {"project_id": _PROJECT, "path": "welcome.md"},
                {"event": "path_deleted", "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d04", "deleted": 1},
            ),
        ),
    ),
    Call(
        name="create_directory",
        noun="files",
        summary="Make a directory in a project, with the directories above it; one that is there already stays.",
        permission=_WRITERS,
        parameters=CreateDirectoryParameters,
        answers=(DirectoryCreated,),
        handler=create_directory,
        examples=(
            Example(
                "Make a directory",
                {"project_id": _PROJECT, "path": "week-1/data"},
                {"event": "directory_created", "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d05", "created": True},
            ),
        ),
    ),
    Call(
        name="archive_paths",
        noun="files",
        summary="Pack files and directories into a zip or tar.gz file in the project; to download one, see the how-to.",
        permission=_WRITERS,
        parameters=ArchivePathsParameters,
        answers=(PathsArchived,),
        handler=archive_paths,
        examples=(
            Example(
                "Pack a directory",
                {"project_id": _PROJECT, "paths": ["public"], "target": "public.zip"},
                {"event": "paths_archived", "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d06", "size_bytes": 342},
            ),
        ),
    ),
    Call(
        name="extract_archive",
        noun="files",
        summary="Unpack a zip or tar file in the project; an entry that would lead out of it ends it before it begins.",
        permission=_WRITERS,
        parameters=ExtractArchiveParameters,
        answers=(ArchiveExtracted,),
        handler=extract_archive,
        examples=(
            Example(
                "Unpack an archive into a new directory",
                {"project_id": _PROJECT, "path": "public.zip", "target": "unpacked"},
                {
                    "event": "archive_extracted",
                    "id": "0a5e2a8c-1f3d-4a62-9d0e-5b6f7a8c9d07",
                    "files": 1,
                    "size_bytes": 11,
                    "skipped": 0,
                },
            ),
        ),
    ),
)
