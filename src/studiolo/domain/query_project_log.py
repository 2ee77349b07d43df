"""The tables `project_log` and `project_log_all` of `query`: what happened in projects."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from studiolo.core.clock import Clock
from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import is_uuid
from studiolo.core.models import LogEntry, Principal
from studiolo.core.secrets import SecretSource
from studiolo.domain.queries import Selection
from studiolo.domain.query_language import MAX_ROWS, Options, Row, deep_merge
from studiolo.domain.query_reach import is_only_by_project, reach_of, writable
from studiolo.domain.query_values import check_size, check_types, moment_of
from studiolo.storage import project_log as storage
from studiolo.storage.database import Database, Transaction

NEWEST_FIRST = (("time", True),)
SHORT_LIMIT, SHORT_DAYS = 300, 61
LONG_LIMIT = 7_500
_TYPES: Mapping[str, tuple[type, ...]] = {"id": (str,), "project_id": (str,), "time": (str,), "event": (dict,)}


class ProjectLogTable:
    """What clients wrote down about a project; `project_log` shows the newest of two months."""

    settable = frozenset({*_TYPES, "account_id"})
    readable: Mapping[str, Any] = {"id": None, "project_id": None, "time": None, "account_id": None, "event": {}}

    def __init__(
        self, name: Literal["project_log", "project_log_all"], database: Database, clock: Clock, secrets: SecretSource
    ) -> None:
        self.name = name
        self._is_short = name == "project_log"
        self.list_options = Options(limit=SHORT_LIMIT if self._is_short else LONG_LIMIT, order_by=NEWEST_FIRST)
        self._database = database
        self._clock = clock
        self._secrets = secrets

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the entries of the caller's projects."""
        since = self._clock.now() - timedelta(days=SHORT_DAYS) if self._is_short else None
        limit = selection.limit if is_only_by_project(selection, "time") else MAX_ROWS

        def read(tx: Transaction) -> list[LogEntry]:
            reach = reach_of(tx, principal, selection)
            return storage.list_for(tx, reach, since=since, limit=limit) if reach is not None else []

        return [_row(entry) for entry in await self._database.read(read)]

    async def set(self, principal: Principal, values: Row) -> None:
        """Write an entry, a new one without `id`; it is always signed by the caller."""
        values = {field: value for field, value in values.items() if field != "account_id"}
        check_types(self.name, values, _TYPES)
        entry_id = values.get("id") or self._secrets.uuid()
        if not is_uuid(entry_id):
            raise InvalidRequest(f"FATAL: invalid value for {self.name}.id -- must be a uuid")
        logged_at = moment_of(self.name, values, "time") or self._clock.now()
        await self._database.write(lambda tx: self._write(tx, principal, values, entry_id, logged_at))

    def _write(self, tx: Transaction, principal: Principal, values: Row, entry_id: str, logged_at: datetime) -> None:
        project = writable(tx, principal, values.get("project_id"))
        old = storage.get(tx, entry_id)
        if old is not None and old.project_id != project.project_id:
            raise InvalidRequest(f"FATAL: the entry '{entry_id}' belongs to another project")
        event = deep_merge(old.event if old is not None else {}, values.get("event", {}))
        check_size(self.name, event)
        if old is not None and "time" not in values:
            logged_at = old.logged_at
        storage.put(tx, LogEntry(entry_id, project.project_id, principal.account_id, logged_at, event))


def _row(entry: LogEntry) -> Row:
    return {
        "id": entry.entry_id,
        "project_id": entry.project_id,
        "time": entry.logged_at,
        "account_id": entry.account_id,
        "event": entry.event,
    }
