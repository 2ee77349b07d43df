"""The table `file_use` of `query`: who used which file, for lists of what is new."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from studiolo.core.clock import Clock
from studiolo.core.models import FileUse, Principal
from studiolo.domain.home_paths import file_id
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import MAX_ROWS, Options, Row, deep_merge
from studiolo.domain.query_reach import check_id, is_only_by_project, path_of, reach_of, writable
from studiolo.domain.query_values import check_size, check_types, moment_of
from studiolo.storage import file_use as storage
from studiolo.storage.database import Database, Transaction

DAYS = 21
LIST_LIMIT = 200
_TYPES: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "project_id": (str,),
    "path": (str,),
    "users": (dict,),
    "last_edited": (str,),
}


class FileUseTable:
    """The files of the caller's projects that were edited lately."""

    name = "file_use"
    settable = frozenset(_TYPES)
    readable: Mapping[str, Any] = {"id": None, "project_id": None, "path": None, "users": {}, "last_edited": None}
    list_options = Options(limit=LIST_LIMIT, order_by=(("last_edited", True),))

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the records of the caller's projects."""
        since = self._clock.now() - timedelta(days=DAYS)
        limit = selection.limit if is_only_by_project(selection, "last_edited") else MAX_ROWS

        def read(tx: Transaction) -> list[FileUse]:
            reach = reach_of(tx, principal, selection)
            return storage.list_for(tx, reach, since=since, limit=limit) if reach is not None else []

        return [_row(record) for record in await self._database.read(read)]

    async def set(self, principal: Principal, values: Row) -> None:
        """Write the record of a file."""
        check_types(self.name, values, _TYPES)
        path = path_of(self.name, values)
        edited_at = moment_of(self.name, values, "last_edited")
        now = self._clock.now()

        def write(tx: Transaction) -> None:
            project = writable(tx, principal, values.get("project_id"))
            record_id = file_id(project.project_id, path)
            check_id(self.name, values, record_id)
            old = storage.get(tx, record_id)
            users = deep_merge(old.users if old is not None else {}, values.get("users", {}))
            check_size(self.name, users)
            last_edited_at = edited_at or (old.last_edited_at if old is not None else now)
            storage.put(tx, FileUse(record_id, project.project_id, path, users, last_edited_at))

        await self._database.write(write)

    async def delete(self, principal: Principal, values: Row) -> None:
        """Delete the record of a file."""
        path = path_of(self.name, values)

        def remove(tx: Transaction) -> None:
            project = writable(tx, principal, values.get("project_id"))
            storage.remove(tx, file_id(project.project_id, path))

        await self._database.write(remove)


def _row(record: FileUse) -> Row:
    return {
        "id": record.file_use_id,
        "project_id": record.project_id,
        "path": record.path,
        "users": record.users,
        "last_edited": record.last_edited_at,
    }
