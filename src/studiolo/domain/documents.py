"""Documents, as the hub sees them: snapshots to render, and channels to join.

An agent belongs to the project's user, so what it says of a document is checked before anything is made of it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from studiolo.core.errors import AgentUnavailable, Forbidden
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain.access import Access, within
from studiolo.domain.agents import Agents
from studiolo.domain.histories import Histories
from studiolo.domain.lifecycle import Progress
from studiolo.runtime.protocols import AgentChannel
from studiolo.storage import accounts
from studiolo.storage.database import Database

CALL_TIMEOUT_SECONDS = 60.0
OPENING = "opening_document"  # the stage after those of the project's start
MAX_CELLS = 20_000
MAX_NAME_CHARACTERS = 200
MAX_PATH_CHARACTERS = 4_096
_MIB = 1024 * 1024

Kind = Literal["notebook", "markdown", "text"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was when it was opened; exactly one of `notebook` and `content` is set.

    A notebook has cells with `id`, `cell_type` and `source` of the right types; outputs and metadata are objects, and
    as untrusted as their author.
    """

    project_id: ProjectId
    path: str
    kind: Kind
    notebook: dict[str, Any] | None
    content: str | None
    can_write: bool
    kernel: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return it in the shape in which the agent gives it."""
        held = {"content": self.content} if self.notebook is None else {"notebook": self.notebook}
        return {"path": self.path, "kind": self.kind, "can_write": self.can_write, "kernel": dict(self.kernel), **held}


@dataclass(frozen=True, slots=True)
class Joined:
    """A place in a document's room."""

    channel: AgentChannel
    path: str
    kind: Kind
    generation: str | int
    can_write: bool
    has_state: bool  # the room's state follows unasked


class Documents:
    """Opens and joins documents; may write who may write to the project and is not narrowed to reading."""

    def __init__(
        self, settings: Settings, database: Database, access: Access, agents: Agents, histories: Histories
    ) -> None:
        self._histories = histories
        self._max_bytes = settings.max_document_mb * _MIB
        self._database = database
        self._access = access
        self._agents = agents

    async def open(
        self, principal: Principal, project_id: ProjectId, path: str, progress: Progress | None = None
    ) -> Snapshot:
        """Return a document as it is now, starting the project if need be; `progress` is told the stages."""
        project, can_write = await self._admit(principal, project_id, path)
        answer = await self._agents.call(
            project,
            "documents.open",
            {"path": path, "max_bytes": self._max_bytes, **within(principal.scope)},
            timeout_seconds=CALL_TIMEOUT_SECONDS,
            may_start=principal.scope.may_start,
            progress=progress,
            stage=OPENING,
        )
        return read_snapshot(project_id, answer, can_write, self._max_bytes)

    @asynccontextmanager
    async def join(
        self,
        principal: Principal,
        project_id: ProjectId,
        path: str,
        progress: Progress | None = None,
        *,
        is_fresh: bool = False,
    ) -> AsyncGenerator[Joined]:
        """Join the document's room for the length of a `with` block; a fresh client is sent its whole state at once."""
        project, can_write = await self._admit(principal, project_id, path)
        params = {
            "path": path,
            "can_write": can_write,
            "name": await self._name(principal),
            "max_bytes": self._max_bytes,
            "is_fresh": is_fresh,
            **within(principal.scope),
        }
        async with self._agents.channel(
            project,
            "documents.join",
            params,
            timeout_seconds=CALL_TIMEOUT_SECONDS,
            may_start=principal.scope.may_start,
            progress=progress,
            stage=OPENING,
        ) as channel:
            match channel.result:
                case {"path": str(normal), "kind": str(kind), "generation": (str() | int()) as generation}:
                    await self._histories.note(project_id, _short(normal))
                    has_state = channel.result.get("has_state") is True
                    yield Joined(channel, _short(normal), _kind(kind), generation, can_write, has_state)
                case _:
                    raise _malformed("join")

    async def close(self, principal: Principal, project_id: ProjectId, path: str) -> None:
        """Save a document and end its room."""
        project = await self._access.project(principal, project_id, write=True, path=path)
        await self._agents.call(
            project, "documents.close", {"path": path}, timeout_seconds=CALL_TIMEOUT_SECONDS, may_start=False
        )

    async def _admit(self, principal: Principal, project_id: ProjectId, path: str) -> tuple[Project, bool]:
        try:
            return await self._access.project(principal, project_id, write=True, path=path), True
        except Forbidden:  # may know of it: perhaps it may read
            return await self._access.project(principal, project_id, write=False, path=path), False

    async def _name(self, principal: Principal) -> str:
        account_id = principal.account_id
        if account_id is None:
            return ""
        account = await self._database.read(lambda tx: accounts.get(tx, account_id))
        name = f"{account.first_name} {account.last_name}".strip() if account is not None else ""
        return name[:MAX_NAME_CHARACTERS]


def read_snapshot(project_id: ProjectId, answer: dict[str, Any], can_write: bool, max_bytes: int) -> Snapshot:
    """Make a snapshot of an agent's answer; raise AgentUnavailable if it is not one."""
    match answer:
        case {"path": str(path), "kind": str(given_kind)}:
            kind = _kind(given_kind)
        case _:
            raise _malformed("document")
    notebook, content = None, None
    if kind == "notebook":
        notebook = _notebook(answer.get("notebook"))
    else:
        content = answer.get("content")
        if not isinstance(content, str) or len(content) > max_bytes:
            raise _malformed("text")
    may_write = can_write and answer.get("can_write") is True
    return Snapshot(project_id, _short(path), kind, notebook, content, may_write, _kernel(answer.get("kernel")))


def _notebook(given: object) -> dict[str, Any]:
    match given:
        case {"cells": list(), "metadata": dict()}:
            notebook = cast("dict[str, Any]", given)
        case _:
            raise _malformed("notebook")
    if len(notebook["cells"]) > MAX_CELLS or not all(_is_cell(cell) for cell in notebook["cells"]):
        raise _malformed("notebook")
    return notebook


def _is_cell(given: object) -> bool:
    match given:
        case {"id": str(cell_id), "cell_type": "code" | "markdown" | "raw", "source": str() | list()}:
            cell = cast("dict[str, Any]", given)
        case _:
            return False
    outputs = cell.get("outputs", [])
    return (
        len(cell_id) <= MAX_NAME_CHARACTERS
        and _is_text(cell["source"])
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in cast("list[object]", outputs))
        and all(isinstance(cell.get(name, {}), dict) for name in ("metadata", "attachments"))
        and isinstance(cell.get("execution_count"), int | None)
    )


def _is_text(given: object) -> bool:
    """Tell whether it is what a notebook calls text: a string, or its lines."""
    lines = cast("list[object]", given) if isinstance(given, list) else [given]
    return all(isinstance(line, str) for line in lines)


def _kernel(given: object) -> dict[str, str]:
    named = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    state, name = named.get("state"), named.get("name")
    return {
        "state": _short(state) if isinstance(state, str) else "none",
        "name": _short(name) if isinstance(name, str) else "",
    }


def _kind(given: str) -> Kind:
    if given not in get_args(Kind):
        raise _malformed("kind of document")
    return cast("Kind", given)


def _short(text: str) -> str:
    if len(text) > MAX_PATH_CHARACTERS:
        raise _malformed("name")
    return text


def _malformed(what: str) -> AgentUnavailable:
    return AgentUnavailable(f"The project's agent gave a {what} that makes no sense.")
