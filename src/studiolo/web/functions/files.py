"""Files of projects."""

from typing import Any

from pydantic import Field

from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Content, Flag, Text
from studiolo.web.functions.registry import Context, Function, Given


class WriteGiven(Given):
    """What is written where."""

    project_id: Text
    path: Text
    content: Content


class ReadGiven(Given):
    """What is read."""

    project_id: Text
    path: Text


class ListGiven(Given):
    """Which directory."""

    project_id: Text
    path: Text = Field(default="", description="The home if empty.")
    hidden: Flag = False


async def write(context: Context, given: WriteGiven) -> None:
    """Write a text file whole."""
    await context.services.files.write_text(context.principal, ProjectId(given.project_id), given.path, given.content)


async def read(context: Context, given: ReadGiven) -> dict[str, Any]:
    """Return a text file's content."""
    text = await context.services.files.read_text(context.principal, ProjectId(given.project_id), given.path)
    return {"content": text}


async def listing(context: Context, given: ListGiven) -> list[dict[str, Any]]:
    """Return what is in a directory."""
    found = await context.services.files.list(context.principal, ProjectId(given.project_id), given.path)
    return [
        {"name": one.name, "isdir": one.is_directory, "size": one.size_bytes, "mtime": one.modified_at}
        for one in found
        if given.hidden or not one.name.startswith(".")
    ]


_READERS = "Who may read the project."
_WRITERS = "Who may write to the project."

FUNCTIONS = (
    Function(
        "Write a text file whole.",
        _WRITERS,
        WriteGiven,
        write,
        project="system.writeTextFileToProject",
        v2="projects/write-text-file",
    ),
    Function(
        "Return a text file's content.",
        _READERS,
        ReadGiven,
        read,
        project="system.readTextFileFromProject",
        v2="projects/read-text-file",
        bare="content",
    ),
    Function("Return what is in a directory.", _READERS, ListGiven, listing, project="system.listing"),
)
