"""Text files of projects."""

import asyncio
from typing import Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest, StudioloError, TooLarge
from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Answer, Content, Parameters, Shape, Text, TextOrTexts
from studiolo.web.api_v1.registry import Call, CallContext, Example

READS_IN_PARALLEL = 20
MAX_CHARACTERS = 200 * 1024 * 1024  # of one answer: one caller must not take all the memory


class WriteTextFileParameters(Parameters):
    """What `write_text_file_to_project` takes."""

    project_id: Text
    path: Text = Field(description="Relative to the project's home directory, or absolute.")
    content: Content = Field(description="The whole new content; may be empty.")


class FileWritten(Answer):
    """The file is on disk."""

    event: Literal["file_written_to_project"] = "file_written_to_project"


class ReadTextFileParameters(Parameters):
    """What `read_text_file_from_project` takes: one file, or two lists of the same length."""

    project_id: TextOrTexts
    path: TextOrTexts = Field(description="Relative to the project's home directory, or absolute.")


class TextFileEntry(Shape):
    """One of many files: its content, or why it could not be read."""

    project_id: str
    path: str
    content: str | None = None
    error: str | None = None
    code: str | None = None


class TextFileRead(Answer):
    """The content; for lists, one entry a file, in no promised order."""

    event: Literal["text_file_read_from_project"] = "text_file_read_from_project"
    content: str | list[TextFileEntry]


async def write_text_file_to_project(context: CallContext, parameters: WriteTextFileParameters) -> FileWritten:
    """Write a text file, making its directories."""
    await context.services.files.write_text(
        context.principal, ProjectId(parameters.project_id), parameters.path, parameters.content
    )
    return FileWritten()


async def read_text_file_from_project(context: CallContext, parameters: ReadTextFileParameters) -> TextFileRead:
    """Read one text file, or many at once."""
    project_id, path = parameters.project_id, parameters.path
    if isinstance(project_id, str) and isinstance(path, str):
        content = await context.services.files.read_text(context.principal, ProjectId(project_id), path)
        return TextFileRead(content=content)
    wanted = _pairs(project_id, path)
    for one in dict.fromkeys(project_id for project_id, _ in wanted):  # a foreign project fails the whole call
        await context.services.access.project(context.principal, one, write=False)
    return TextFileRead(content=await _ManyReads(context).read(wanted))


def _pairs(project_ids: str | list[str], paths: str | list[str]) -> list[tuple[ProjectId, str]]:
    if isinstance(project_ids, str):
        raise InvalidRequest("if path is an array, then project_id must be an array of the same length")
    if isinstance(paths, str) or len(paths) != len(project_ids):
        raise InvalidRequest("if project_id is an array, then path must be an array of the same length")
    return [(ProjectId(project_id), path) for project_id, path in zip(project_ids, paths, strict=True)]


class _ManyReads:
    """Reads files a few at a time, until the answer is full."""

    def __init__(self, context: CallContext) -> None:
        self._context = context
        self._turns = asyncio.Semaphore(READS_IN_PARALLEL)
        self._characters = 0

    async def read(self, wanted: list[tuple[ProjectId, str]]) -> list[TextFileEntry]:
        return list(await asyncio.gather(*(self._read_one(project_id, path) for project_id, path in wanted)))

    async def _read_one(self, project_id: ProjectId, path: str) -> TextFileEntry:
        async with self._turns:
            try:
                content = await self._content(project_id, path)
            except StudioloError as error:
                return TextFileEntry(project_id=project_id, path=path, error=error.message, code=error.code)
        return TextFileEntry(project_id=project_id, path=path, content=content)

    async def _content(self, project_id: ProjectId, path: str) -> str:
        if self._characters > MAX_CHARACTERS:
            raise TooLarge("The files before this one fill the answer; ask for this one in another call.")
        content = await self._context.services.files.read_text(self._context.principal, project_id, path)
        self._characters += len(content)
        return content


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"

CALLS = (
    Call(
        name="write_text_file_to_project",
        noun="files",
        summary="Write a text file into a project; directories on the way are made, an existing file is replaced.",
        permission="Owners and collaborators of the project, administrators, the project's own key.",
        parameters=WriteTextFileParameters,
        answers=(FileWritten,),
        handler=write_text_file_to_project,
        examples=(
            Example(
                "Write a file into a new directory",
                {"project_id": _PROJECT, "path": "notes/week-1.md", "content": "# Week 1\n"},
                {"event": "file_written_to_project", "id": "a1a5d3c2-6f0e-4c53-8a0c-1f5d8f2f3b67"},
            ),
        ),
    ),
    Call(
        name="read_text_file_from_project",
        noun="files",
        summary="Read a text file of a project, or many files of many projects at once.",
        permission="Owners, collaborators and viewers of the projects, administrators, a project's own key.",
        parameters=ReadTextFileParameters,
        answers=(TextFileRead,),
        handler=read_text_file_from_project,
        examples=(
            Example(
                "Read one file",
                {"project_id": _PROJECT, "path": "welcome.md"},
                {
                    "event": "text_file_read_from_project",
                    "id": "c1bb2a3a-2f5f-4c66-9c5e-b0c3c6dbd3b4",
                    "content": "hello\nworld",
                },
            ),
            Example(
                "Read many files, of which one does not exist",
                {"project_id": [_PROJECT, _PROJECT], "path": ["welcome.md", "nowhere.md"]},
                {
                    "event": "text_file_read_from_project",
                    "id": "4d8d9a3e-52a5-4b6f-b0a5-1c6c3f7f2d11",
                    "content": [
                        {"project_id": _PROJECT, "path": "welcome.md", "content": "hello\nworld"},
                        {
                            "project_id": _PROJECT,
                            "path": "nowhere.md",
                            "error": "ENOENT: no such file or directory, open '/projects/" + _PROJECT + "/nowhere.md'",
                            "code": "file_not_found",
                        },
                    ],
                },
            ),
        ),
    ),
)
