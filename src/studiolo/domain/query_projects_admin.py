"""The table `projects_admin` of `query`: any project, for administrators."""

from collections.abc import Sequence

from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.ids import ProjectId, is_uuid
from studiolo.core.models import FULL_SCOPE, Principal
from studiolo.core.settings import Settings
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import Options, Row
from studiolo.domain.query_projects import project_row, readable_fields
from studiolo.domain.query_reach import names_project
from studiolo.storage import projects as storage
from studiolo.storage.database import Database


class ProjectsAdminTable:
    """One project, which the query must name."""

    name = "projects_admin"
    settable = frozenset[str]()
    list_options = Options()

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self.readable = readable_fields(settings)

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the project."""
        if not principal.is_admin or principal.scope != FULL_SCOPE:
            raise Forbidden("FATAL: user must be an admin")
        named = {str(one.value) for one in selection.filters if names_project(one)}
        if not named:
            raise InvalidRequest("FATAL: must specify project_id")
        only = ProjectId(next(iter(named)))
        found = await self._database.read(lambda tx: storage.get(tx, only)) if is_uuid(only) else None
        return [project_row(found)] if found is not None else []

    async def set(self, principal: Principal, values: Row) -> None:
        """Never called: nothing is settable."""
        raise Forbidden("FATAL: user set queries not allowed for table 'projects_admin'")
