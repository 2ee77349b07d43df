"""Files of projects, read and written through their agents."""

import re
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from studiolo.core.errors import AgentUnavailable, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain.access import Access, within
from studiolo.domain.agents import Agents

CALL_TIMEOUT_SECONDS = 60.0
MAX_ENTRIES = 50_000  # of a directory; the agent says so itself, a hostile one does not
_SYSTEM_ERROR = re.compile(r"E[A-Z0-9]+: ")
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of a directory."""

    name: str
    is_directory: bool
    size_bytes: int
    modified_at: str


class Files:
    """Reads, writes and lists."""

    def __init__(self, settings: Settings, access: Access, agents: Agents) -> None:
        self._settings = settings
        self._access = access
        self._agents = agents

    async def read_text(self, principal: Principal, project_id: ProjectId, path: str) -> str:
        """Return a file's text; bytes that are not UTF-8 become replacement characters."""
        project = await self._access.project(principal, project_id, write=False, path=path)
        return await self._read(principal, project, path)

    async def write_text(self, principal: Principal, project_id: ProjectId, path: str, content: str) -> None:
        """Write a file whole, making its parent directories."""
        project = await self._access.project(principal, project_id, write=True, path=path)
        await self._call(principal, project, "files.write_text", {"path": path, "content": content})

    async def list(self, principal: Principal, project_id: ProjectId, path: str) -> list[FileEntry]:
        """Return the entries of a directory."""
        project = await self._access.project(principal, project_id, write=False, path=path)
        return read_entries(await self._call(principal, project, "files.list", {"path": path}))

    async def _read(self, principal: Principal, project: Project, path: str) -> str:
        max_bytes = self._settings.max_read_mb * _MIB
        answer = await self._call(principal, project, "files.read_text", {"path": path, "max_bytes": max_bytes})
        return read_text(answer, max_bytes)

    async def _call(self, principal: Principal, project: Project, call: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._agents.call(
                project,
                call,
                {**params, **within(principal.scope)},
                timeout_seconds=CALL_TIMEOUT_SECONDS,
                may_start=principal.scope.may_start,
            )
        except StudioloError as error:
            raise_in_historical_words(error)


def read_text(answer: dict[str, Any], max_bytes: int) -> str:
    """Return the text in an agent's answer; raise AgentUnavailable if there is none."""
    content = answer.get("content")
    if not isinstance(content, str) or len(content) > max_bytes:
        raise AgentUnavailable("The project's agent gave no text.")
    return content


def read_entries(answer: dict[str, Any]) -> list[FileEntry]:
    """Return the entries in an agent's answer; raise AgentUnavailable if it is no listing."""
    entries = answer.get("entries")
    if not isinstance(entries, list) or len(cast("list[object]", entries)) > MAX_ENTRIES:
        raise AgentUnavailable("The project's agent gave no list of files.")
    return [_entry(entry) for entry in cast("list[object]", entries)]


def raise_in_historical_words(error: StudioloError) -> NoReturn:
    """Raise the error again; what the operating system said begins with `Error: `."""
    if _SYSTEM_ERROR.match(error.message):
        raise type(error)(f"Error: {error.message}", internal=error.internal, **error.details) from error
    raise error


def _entry(given: object) -> FileEntry:
    match given:
        case {
            "name": str(name),
            "is_directory": bool(is_directory),
            "size_bytes": int(size),
            "modified_at": str(at),
        } if 0 <= size < 1 << 62:
            return FileEntry(name, is_directory, size, at)
        case _:
            raise AgentUnavailable("The project's agent gave no list of files.")
