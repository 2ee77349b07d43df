"""Public paths: reading and copying what projects show to everybody."""

from typing import Any, Literal

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.domain.copies import CopyRequest
from studiolo.domain.files import FileEntry
from studiolo.domain.idempotency import Made
from studiolo.domain.moments import parse_moment
from studiolo.domain.public_paths import ListingOptions
from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.copies import EXCLUDE_HISTORY, patterns
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Number, Parameters, Shape, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example


class CopyPublicPathParameters(Parameters):
    """What `copy_public_path_between_projects` takes."""

    src_project_id: Text
    src_path: Text = Field(description="A public path, or a path in a public directory.")
    target_project_id: Text
    target_path: Text | None = Field(default=None, description="Default: the same as `src_path`.")
    overwrite_newer: Flag = Field(default=False, description="Replace files that are newer in the target.")
    delete_missing: Flag = Field(default=False, description="Delete what the source directory does not have.")
    backup: Flag = Field(default=False, description="Keep what is replaced or deleted, with `~` at the end.")
    timeout: Number = Field(default=None, description="Seconds, after which the copy fails.")
    exclude: Texts = Field(default=[], description="Patterns of rsync: what fits is left out.")
    exclude_history: Flag = Field(default=False, description=EXCLUDE_HISTORY)


class PublicGetTextFileParameters(Parameters):
    """What `public_get_text_file` takes."""

    project_id: Text
    path: Text = Field(description="Relative to the project's home directory.")


class PublicTextFileContents(Answer):
    """The file's text."""

    event: Literal["public_text_file_contents"] = "public_text_file_contents"
    data: str


class PublicGetDirectoryListingParameters(Parameters):
    """What `public_get_directory_listing` takes."""

    project_id: Text
    path: Text = Field(description="Relative to the project's home directory; empty for the home itself.")
    hidden: Flag = Field(default=False, description="Show names that begin with a dot, too.")
    time: Flag = Field(default=False, description="Show what was modified last first.")
    start: Integer = Field(default=0, description="How many entries to pass over.")
    limit: Integer = Field(default=-1, description="Most entries; -1 for all.")


class PublicFile(Shape):
    """One entry of a directory."""

    name: str
    size: int | None = Field(default=None, description="Bytes; not for directories.")
    mtime: int = Field(description="Seconds since 1970.")
    isdir: bool | None = Field(default=None, description="True for directories only.")


class PublicFiles(Shape):
    """What is public in the directory."""

    files: list[PublicFile]


class PublicDirectoryListing(Answer):
    """The directory's public entries."""

    event: Literal["public_directory_listing"] = "public_directory_listing"
    result: PublicFiles


async def copy_public_path_between_projects(context: CallContext, parameters: CopyPublicPathParameters) -> Success:
    """Copy a public path into a project and wait for the end."""
    request = CopyRequest(
        source_project_id=parameters.src_project_id,
        source_path=parameters.src_path,
        target_project_id=parameters.target_project_id,
        target_path=parameters.target_path,
        overwrite_newer=parameters.overwrite_newer,
        delete_missing=parameters.delete_missing,
        backup=parameters.backup,
        exclude=patterns(parameters.exclude, exclude_history=parameters.exclude_history),
        timeout_seconds=parameters.timeout,
        is_public=True,
    )
    copy = await context.services.copies.create(context.principal, request, is_awaited=True)
    await context.services.copies.wait(copy.copy_id)
    return Success()


async def public_get_text_file(context: CallContext, parameters: PublicGetTextFileParameters) -> PublicTextFileContents:
    """Read a public text file."""
    text = await context.services.public_paths.read_text(
        context.principal, ProjectId(parameters.project_id), parameters.path
    )
    return PublicTextFileContents(data=text)


async def public_get_directory_listing(
    context: CallContext, parameters: PublicGetDirectoryListingParameters
) -> PublicDirectoryListing:
    """List what is public in a directory."""
    options = ListingOptions(
        is_hidden_shown=parameters.hidden,
        order="time" if parameters.time else "name",
        start=max(0, parameters.start or 0),
        limit=-1 if parameters.limit is None else parameters.limit,
    )
    entries = await context.services.public_paths.list(
        context.principal, ProjectId(parameters.project_id), parameters.path, options
    )
    return PublicDirectoryListing(result=PublicFiles(files=[_file(entry) for entry in entries]))


def _file(entry: FileEntry) -> PublicFile:
    modified_at = parse_moment(entry.modified_at)
    return PublicFile(
        name=entry.name,
        size=None if entry.is_directory else entry.size_bytes,
        mtime=int(modified_at.timestamp()) if modified_at is not None else 0,
        isdir=entry.is_directory or None,
    )


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_PUBLIC: dict[str, Any] = {"project_id": _PROJECT, "path": "public/welcome.md"}

CALLS = (
    Call(
        name="copy_public_path_between_projects",
        noun="public_paths",
        summary="Copy a public file or directory into a project, and wait until it is there.",
        permission="Owners and collaborators of the target project, administrators, its own key; the source is public.",
        parameters=CopyPublicPathParameters,
        answers=(Success,),
        handler=copy_public_path_between_projects,
        creates=Made.COPY,
        examples=(
            Example(
                "Take a public file over",
                {
                    "src_project_id": _PROJECT,
                    "src_path": "public/welcome.md",
                    "target_project_id": "83d6c5a1-0b64-4a5e-a1c9-9a1d3a7f6b20",
                    "target_path": "welcome.md",
                },
                {"event": "success", "id": "1e0a9f8b-7c6d-4e5f-8a4b-3c2d1e0f9a8b"},
            ),
        ),
    ),
    Call(
        name="public_get_text_file",
        noun="public_paths",
        summary="Read a public text file.",
        permission="Any key.",
        parameters=PublicGetTextFileParameters,
        answers=(PublicTextFileContents,),
        handler=public_get_text_file,
        examples=(
            Example(
                "Read a file",
                _PUBLIC,
                {
                    "event": "public_text_file_contents",
                    "id": "2f1b0a9c-8d7e-4f6a-9b5c-4d3e2f1a0b9c",
                    "data": "hello\nworld",
                },
            ),
        ),
    ),
    Call(
        name="public_get_directory_listing",
        noun="public_paths",
        summary="List the public files and directories of a directory.",
        permission="Any key.",
        parameters=PublicGetDirectoryListingParameters,
        answers=(PublicDirectoryListing,),
        handler=public_get_directory_listing,
        examples=(
            Example(
                "List a directory",
                {"project_id": _PROJECT, "path": "public"},
                {
                    "event": "public_directory_listing",
                    "id": "3a2c1b0d-9e8f-4a7b-8c6d-5e4f3a2b1c0d",
                    "result": {"files": [{"name": "welcome.md", "size": 11, "mtime": 1767268800}]},
                },
            ),
        ),
    ),
)
