"""Files of projects."""

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Flag, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, Reply


class ReadGiven(Given):
    """What is read."""

    project_id: Text
    path: Text


class DirectoryGiven(Given):
    """Which directory."""

    project_id: Text
    path: Text = Field(default="", description="The home if empty.")
    hidden: Flag = False


class FileContent(Reply):
    """What is in the file."""

    content: str


class DirectoryEntry(Reply):
    """A file or directory."""

    name: str
    isdir: bool
    size: int
    mtime: str


async def read_text_file_from_project(context: CallContext, given: ReadGiven) -> FileContent:
    """Return a text file's content."""
    text = await context.services.files.read_text(context.principal, ProjectId(given.project_id), given.path)
    return FileContent(content=text)


async def list_directory(context: CallContext, given: DirectoryGiven) -> list[DirectoryEntry]:
    """Return what is in a directory."""
    found = await context.services.files.list(context.principal, ProjectId(given.project_id), given.path)
    return [
        DirectoryEntry(name=one.name, isdir=one.is_directory, size=one.size_bytes, mtime=one.modified_at)
        for one in found
        if given.hidden or not one.name.startswith(".")
    ]


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"

FORMS = {
    "list_directory": (
        Form(
            project="system.listing",
            parameters=DirectoryGiven,
            handler=list_directory,
            examples=(
                Example(
                    "What is in the folder?",
                    {"project_id": _PROJECT, "path": "public"},
                    [{"name": "welcome.md", "isdir": False, "size": 11, "mtime": "2026-05-01T09:30:00.125Z"}],
                ),
            ),
        ),
    ),
    "write_text_file_to_project": (Form(project="system.writeTextFileToProject", v2="projects/write-text-file"),),
    "read_text_file_from_project": (
        Form(
            project="system.readTextFileFromProject",
            v2="projects/read-text-file",
            parameters=ReadGiven,
            handler=read_text_file_from_project,
            bare="content",
            examples=(
                Example("Read a file", {"project_id": _PROJECT, "path": "welcome.md"}, {"content": "hello\nworld"}),
            ),
        ),
    ),
}

CALLS: tuple[Call, ...] = ()
