"""Histories of documents: which document is meant by an id, and what became of it over time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from studiolo.core.clock import Clock
from studiolo.core.errors import AgentUnavailable, InvalidRequest, NotFound, StudioloError
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal
from studiolo.domain.access import Access, within
from studiolo.domain.agents import Agents
from studiolo.domain.home_paths import file_id
from studiolo.domain.projects import is_storable
from studiolo.storage import documents as rows
from studiolo.storage.database import Database

CALL_TIMEOUT_SECONDS = 60.0
MAX_ENTRIES = 10_000
_ID_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Patch:
    """One update of a document; `patch` is a Yjs update in base64."""

    at: datetime
    patch_length: int
    patch: str | None


class Histories:
    """Remembers which documents there are, and tells their histories."""

    def __init__(self, database: Database, clock: Clock, access: Access, agents: Agents) -> None:
        self._database = database
        self._clock = clock
        self._access = access
        self._agents = agents

    async def note(self, project_id: ProjectId, path: str) -> None:
        """Remember that a document is edited, so that its id can be asked for."""
        if not is_storable(path):
            return
        string_id, now = file_id(project_id, path), self._clock.now()
        if await self._database.read(lambda tx: rows.place_of(tx, string_id)) is None:
            await self._database.write(lambda tx: rows.note(tx, string_id, project_id, path, now))

    async def by_id(self, principal: Principal, string_id: str, *, with_patches: bool) -> list[Patch]:
        """Return the history of the document that an id stands for; every error begins with the wire's words."""
        try:
            if len(string_id) != _ID_CHARACTERS or not set(string_id) <= set("0123456789abcdef"):
                raise InvalidRequest("string_id must be 40 hexadecimal digits")
            place = await self._database.read(lambda tx: rows.place_of(tx, string_id))
            if place is None:
                raise NotFound("no such document")
            return await self.of(principal, *place, with_patches=with_patches)
        except StudioloError as error:
            message = f"unable to get syncdoc history for string_id {string_id} -- {error.message}"
            raise type(error)(message, internal=error.internal, **error.details) from error

    async def of(self, principal: Principal, project_id: ProjectId, path: str, *, with_patches: bool) -> list[Patch]:
        """Return the history of a document, the oldest update first, for those who may write to it.

        It shows what was deleted long ago, so the right to read the present state is not enough.
        """
        project = await self._access.project(principal, project_id, write=True, path=path)
        answer = await self._agents.call(
            project,
            "documents.history",
            {"path": path, "patches": with_patches, **within(principal.scope)},
            timeout_seconds=CALL_TIMEOUT_SECONDS,
            may_start=principal.scope.may_start,
        )
        history = answer.get("history")
        if not isinstance(history, list) or len(cast("list[object]", history)) > MAX_ENTRIES:
            raise AgentUnavailable("The project's agent gave no history.")
        return [_patch(one) for one in cast("list[Any]", history)]


def _patch(given: Any) -> Patch:
    match given:
        case {"time_ms": int(time_ms), "patch_length": int(length)} if 0 <= time_ms < 1 << 47:
            patch = given.get("patch")
            return Patch(datetime.fromtimestamp(time_ms / 1000, UTC), length, patch if isinstance(patch, str) else None)
        case _:
            raise AgentUnavailable("The project's agent gave no history.")
