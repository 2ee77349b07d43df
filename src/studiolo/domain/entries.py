"""Entries of projects' homes: what is in a directory, and moving, deleting, making, packing and unpacking.

Paths are relative to the home (`/projects/ID/a` and `/a` mean `a`, too) and never leave it: here by their words, in the
agent by following links itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from studiolo.core.errors import AgentUnavailable
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain.access import Access, within
from studiolo.domain.agents import Agents
from studiolo.domain.home_paths import path_below_home
from studiolo.domain.lifecycle import project_spec
from studiolo.domain.transfers import moment_of

CALL_TIMEOUT_SECONDS = 60.0
PACK_TIMEOUT_SECONDS = 1800.0
TYPES = ("file", "directory", "symlink", "fifo", "socket", "device")
_MOST_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `target` and `leads_to` are told of symbolic links, `etag` of files that were asked for alone."""

    name: str
    type: str
    size_bytes: int
    modified_at: datetime
    mode: int
    target: str | None = None
    leads_to: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a directory, and after which name the next ones come."""

    entries: tuple[Entry, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What became of an archive's entries."""

    files: int
    size_bytes: int
    skipped: int


class Entries:
    """Lists and changes."""

    def __init__(self, settings: Settings, access: Access, agents: Agents) -> None:
        self._settings = settings
        self._access = access
        self._agents = agents

    async def list(
        self, principal: Principal, project_id: ProjectId, path: str, *, limit: int, after: str, hidden: bool
    ) -> Page:
        """Return up to `limit` entries of a directory in the order of their names, those after the name `after`."""
        inside, project = await self._enter(principal, project_id, path, write=False)
        params = {"path": inside, "limit": limit, "after": after, "hidden": hidden}
        answer = await self._call(principal, project, "files.page", params)
        match answer:
            case {"entries": [*entries], "next": (str() | None) as next_name} if len(entries) <= limit:
                return Page(tuple(_entry(one) for one in cast("list[object]", entries)), next_name)
            case _:
                raise AgentUnavailable("The project's agent gave no list of files.")

    async def describe(self, principal: Principal, project_id: ProjectId, path: str) -> Entry:
        """Return what a path is; a symbolic link is described as itself."""
        inside, project = await self._enter(principal, project_id, path, write=False)
        return _entry(await self._call(principal, project, "files.describe", {"path": inside}))

    async def move(
        self, principal: Principal, project_id: ProjectId, source: str, target: str, *, overwrite: bool
    ) -> None:
        """Give an entry another name or directory, replacing what is there only if asked to."""
        old, _ = await self._enter(principal, project_id, source, write=True)
        new, project = await self._enter(principal, project_id, target, write=True)
        params = {"source": old, "target": new, "overwrite": overwrite}
        await self._call(principal, project, "files.move", params)

    async def delete(self, principal: Principal, project_id: ProjectId, path: str, *, recursive: bool) -> int:
        """Delete an entry, a directory with what is in it only if `recursive`; return how many were deleted."""
        inside, project = await self._enter(principal, project_id, path, write=True)
        answer = await self._call(principal, project, "files.delete", {"path": inside, "recursive": recursive})
        return _number(answer, "deleted")

    async def make_directory(self, principal: Principal, project_id: ProjectId, path: str) -> bool:
        """Make a directory and those above it; tell whether it was not there before."""
        inside, project = await self._enter(principal, project_id, path, write=True)
        return (await self._call(principal, project, "files.make_directory", {"path": inside})).get("created") is True

    async def pack(
        self,
        principal: Principal,
        project_id: ProjectId,
        paths: Sequence[str],
        target: str,
        *,
        form: str,
        overwrite: bool,
    ) -> int:
        """Write an archive of some paths into the project and return its size."""
        inside = [(await self._enter(principal, project_id, path, write=False))[0] for path in dict.fromkeys(paths)]
        place, project = await self._enter(principal, project_id, target, write=True)
        params = {"paths": inside, "target": place, "format": form, "overwrite": overwrite}
        return _number(await self._call(principal, project, "files.make_archive", params), "size_bytes")

    async def unpack(
        self, principal: Principal, project_id: ProjectId, path: str, target: str, *, overwrite: bool
    ) -> Unpacked:
        """Unpack an archive that is in the project into one of its directories."""
        inside, _ = await self._enter(principal, project_id, path, write=False)
        place, project = await self._enter(principal, project_id, target, write=True)
        params = {"path": inside, "target": place, "overwrite": overwrite}
        answer = await self._call(principal, project, "files.extract", params)
        return Unpacked(_number(answer, "files"), _number(answer, "size_bytes"), _number(answer, "skipped"))

    async def _enter(
        self, principal: Principal, project_id: ProjectId, path: str, *, write: bool
    ) -> tuple[str, Project]:
        inside = path_below_home(project_id, path)
        return inside, await self._access.project(principal, project_id, write=write, path=inside)

    async def _call(self, principal: Principal, project: Project, call: str, params: dict[str, Any]) -> dict[str, Any]:
        is_long = call in ("files.make_archive", "files.extract", "files.delete")
        disk_bytes = project_spec(project, self._settings).limits.disk_bytes
        return await self._agents.call(
            project,
            call,
            {**params, "disk_bytes": disk_bytes, **within(principal.scope)},
            timeout_seconds=PACK_TIMEOUT_SECONDS if is_long else CALL_TIMEOUT_SECONDS,
            may_start=principal.scope.may_start,
            is_repeatable=call in ("files.page", "files.describe", "files.make_directory"),
        )


def _number(answer: dict[str, Any], name: str) -> int:
    value = answer.get(name)
    if not isinstance(value, int) or not 0 <= value < _MOST_BYTES:
        raise AgentUnavailable("The project's agent did not say what became of the files.")
    return value


def _entry(given: object) -> Entry:
    match given:
        case {
            "name": str(name),
            "type": str(kind),
            "size_bytes": int(size),
            "modified_ns": int(modified),
            "mode": int(mode),
        } if kind in TYPES and 0 <= size < _MOST_BYTES and 0 <= mode < 1 << 16:
            more = cast("dict[str, Any]", given)
            told = {key: more.get(key) for key in ("target", "leads_to", "etag")}
            texts = {key: value for key, value in told.items() if isinstance(value, str)}
            return Entry(name, kind, size, moment_of(modified), mode, **texts)
        case _:
            raise AgentUnavailable("The project's agent gave no list of files.")
