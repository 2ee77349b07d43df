"""The table `project_invite_tokens` of `query`: texts with which accounts may join a project."""

from collections.abc import Mapping, Sequence
from typing import Any

from studiolo.core.clock import Clock
from studiolo.core.errors import AlreadyExists, InvalidRequest
from studiolo.core.models import InviteToken, Principal, Role
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row
from studiolo.domain.query_reach import names_project, reach_of, writable
from studiolo.domain.query_values import check_types, moment_of
from studiolo.storage import invite_tokens as storage
from studiolo.storage import projects
from studiolo.storage.database import Database, Transaction

TOKEN_CHARACTERS = range(16, 65)
USES = range(2**31)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "token": (str,),
    "project_id": (str,),
    "created": (str,),
    "expires": (str,),
    "usage_limit": (int,),
}


class InviteTokensTable:
    """The tokens of a project, for those who may add people anyway."""

    name = "project_invite_tokens"
    settable = frozenset(_TYPES)
    readable: Mapping[str, Any] = {**dict.fromkeys(_TYPES), "counter": None}
    list_options = Options()

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the tokens of a project, which the query must name."""
        if not any(map(names_project, selection.filters)):
            raise InvalidRequest("FATAL: must specify project_id")

        def read(tx: Transaction) -> list[InviteToken]:
            reach = reach_of(tx, principal, selection)
            project = projects.get(tx, reach.project_id) if reach is not None and reach.project_id is not None else None
            if project is None or project.role_of(principal.account_id) is Role.VIEWER:
                return []  # a token would make a viewer a collaborator
            return storage.list_of_projects(tx, [project.project_id])

        return [_row(token) for token in await self._database.read(read)]

    async def set(self, principal: Principal, values: Row) -> None:
        """Make a token, or change when it ends; a moment that has passed ends it at once."""
        check_types(self.name, values, _TYPES)
        token = values.get("token", "")
        if len(token) not in TOKEN_CHARACTERS or not token.isascii() or not token.isprintable():
            raise InvalidRequest("FATAL: project_invite_tokens.token must be a random text of 16 to 64 characters")
        if values.get("usage_limit", 0) not in USES:
            raise InvalidRequest("FATAL: project_invite_tokens.usage_limit must be a number of uses")
        now = self._clock.now()
        expires_at = moment_of(self.name, values, "expires")

        def write(tx: Transaction) -> None:
            project = writable(tx, principal, values.get("project_id"))
            old = storage.get(tx, token)
            if old is None:
                made = InviteToken(
                    token, project.project_id, principal.account_id, now, expires_at, values.get("usage_limit"), 0
                )
                storage.add(tx, made)
                return
            if old.project_id != project.project_id:
                raise AlreadyExists("FATAL: this token is taken")
            limit = values.get("usage_limit", old.usage_limit)
            storage.change(tx, token, {"expires_at": expires_at or old.expires_at, "usage_limit": limit})

        await self._database.write(write)


def _row(token: InviteToken) -> Row:
    return {
        "token": token.token,
        "project_id": token.project_id,
        "created": token.created_at,
        "expires": token.expires_at,
        "usage_limit": token.usage_limit,
        "counter": token.uses,
    }
