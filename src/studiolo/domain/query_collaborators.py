"""The tables `collaborators` and `collaborators_one_project` of `query`: the people one works with."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.ids import AccountId
from studiolo.core.models import Account, Principal
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row
from studiolo.domain.query_reach import names_project, reach_of
from studiolo.storage import accounts, projects
from studiolo.storage.database import Database, Transaction


class CollaboratorsTable:
    """Everybody who shares a project with the caller, or who is in one project, which the query then must name."""

    settable = frozenset[str]()
    list_options = Options()

    def __init__(self, name: Literal["collaborators", "collaborators_one_project"], database: Database) -> None:
        self.name = name
        self._is_of_one = name == "collaborators_one_project"
        self._database = database
        self.readable: Mapping[str, Any] = {
            "account_id": None,
            "first_name": "",
            "last_name": "",
            "name": None,
            "last_active": None,
            "profile": None,
            **({"project_id": None} if self._is_of_one else {}),
        }

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the people."""
        if self._is_of_one and not any(map(names_project, selection.filters)):
            raise InvalidRequest("FATAL: must specify project_id")

        def read(tx: Transaction) -> tuple[str | None, dict[AccountId, Account]]:
            reach = reach_of(tx, principal, selection)
            if reach is None:
                return None, {}
            return reach.project_id, accounts.list_by_ids(tx, projects.people_of(tx, reach))

        project_id, people = await self._database.read(read)
        found = sorted(people.values(), key=lambda one: (one.first_name, one.last_name, one.account_id))
        return [self._row(one, project_id) for one in found if not one.is_deleted]

    async def set(self, principal: Principal, values: Row) -> None:
        """Never called: nothing is settable."""
        raise Forbidden(f"FATAL: user set queries not allowed for table '{self.name}'")

    def _row(self, account: Account, project_id: str | None) -> Row:
        row: Row = {
            "account_id": account.account_id,
            "first_name": account.first_name,
            "last_name": account.last_name,
            "name": account.settings.get("name"),
            "last_active": account.last_active_at,
            "profile": account.settings.get("profile"),
        }
        return {**row, "project_id": project_id} if self._is_of_one else row
