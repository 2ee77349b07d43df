"""Calls about files. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from typing import ClassVar

from studiolo.client.calling import AsyncCaller, Caller


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


class FilesCalls:
    """Calls about files."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def read_text_file_from_project(self, *, project_id: str | list[str], path: str | list[str]) -> TextFileRead:
        """Read a text file of a project, or many files of many projects at once.

        Who may call it: Owners, collaborators and viewers of the projects, administrators, a project's own key.

        Args:
            path: Relative to the project's home directory, or absolute.
        """
        return self._caller.call(
            "read_text_file_from_project", {"project_id": project_id, "path": path}, (TextFileRead,), is_reading=True
        )

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

    async def read_text_file_from_project(self, *, project_id: str | list[str], path: str | list[str]) -> TextFileRead:
        """Read a text file of a project, or many files of many projects at once.

        Who may call it: Owners, collaborators and viewers of the projects, administrators, a project's own key.

        Args:
            path: Relative to the project's home directory, or absolute.
        """
        return await self._caller.call(
            "read_text_file_from_project", {"project_id": project_id, "path": path}, (TextFileRead,), is_reading=True
        )

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
