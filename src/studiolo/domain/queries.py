"""`query`: reading and changing records of many kinds through one call.

A kind of record is a `QueryTable`; to add one, write it and name it in `services.py`. The language itself (what is a
get, filters, order, defaults) is in `query_language.py` and the same for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast, runtime_checkable

from studiolo.core.clock import Clock, iso_milliseconds
from studiolo.core.errors import Forbidden, InvalidRequest
from studiolo.core.models import KeyScope, Principal
from studiolo.domain.query_language import (
    MAX_ROWS,
    Filter,
    Options,
    Order,
    Row,
    has_null,
    in_order,
    read_filters,
    read_options,
    substitute,
    with_default,
)
from studiolo.domain.scopes import require_scope


@dataclass(frozen=True, slots=True)
class Selection:
    """What a get asks of a table.

    A table must leave out only rows that the filters leave out; if it kept the order and there is nothing else to
    filter, it may stop at the limit.
    """

    filters: tuple[Filter, ...]
    order_by: tuple[Order, ...]
    limit: int


class QueryTable(Protocol):
    """One kind of record."""

    name: str
    readable: Mapping[str, Any]  # field -> its default, None for no default
    settable: frozenset[str]
    list_options: Options  # what holds for the list form where the query says nothing else

    async def rows(self, principal: Principal, selection: Selection) -> Sequence[Row]:
        """Return the caller's rows with every readable field; moments as datetime."""
        ...

    async def set(self, principal: Principal, values: Row) -> None:
        """Write the given fields of one record, or raise."""
        ...


@runtime_checkable
class DeletingTable(QueryTable, Protocol):
    """A kind of record of which one can be deleted."""

    async def delete(self, principal: Principal, values: Row) -> None:
        """Delete the record that the given fields name, or raise."""
        ...


# What a key must be good for to read a table and to write it; the tables that are not named hold what projects are.
_SCOPES: Mapping[str, tuple[KeyScope, KeyScope]] = {
    "accounts": (KeyScope.ACCOUNTS_READ, KeyScope.ACCOUNTS_WRITE),
    "collaborators": (KeyScope.ACCOUNTS_READ, KeyScope.SHARING),
    "public_paths": (KeyScope.PROJECTS_READ, KeyScope.SHARING),
    "project_invite_tokens": (KeyScope.SHARING, KeyScope.SHARING),
}
_SCOPES_OF_PROJECTS = (KeyScope.PROJECTS_READ, KeyScope.PROJECTS_WRITE)

# Records that exist and are nobody's to query: other calls show what their owners may see.
_CLOSED = frozenset({"copy_paths", "api_keys", "auth_tokens", "client_error_log"})


MAX_QUERIES = 100  # in one call, which runs to its end even if the caller has gone


class Queries:
    """Answers queries."""

    def __init__(self, clock: Clock, tables: Sequence[QueryTable]) -> None:
        self._clock = clock
        self._tables = {table.name: table for table in tables}

    async def run(self, principal: Principal, query: object, options: object = None) -> Any:
        """Answer one query, or several in a list, one after the other until one fails."""
        if isinstance(query, list):
            if _count(cast("list[object]", query)) > MAX_QUERIES:
                raise InvalidRequest(f"FATAL: at most {MAX_QUERIES} queries fit into one call")
            return [await self.run(principal, one, options) for one in cast("list[object]", query)]
        table_name, fields, is_list = _parts(query)
        chosen = read_options(options)
        now = self._clock.now()
        words = {
            "{account_id}": principal.account_id,
            "{project_id}": principal.key_project_id,
            "{now}": iso_milliseconds(now),
        }
        is_set = not has_null(fields) if chosen.is_set is None else chosen.is_set
        fields = substitute(fields, {word: value for word, value in words.items() if value is not None})
        if is_set:
            await self._set(principal, table_name, fields, chosen)
            return {}
        return await self._get(principal, table_name, fields, chosen, is_list, now)

    async def _get(
        self, principal: Principal, table_name: str, fields: Row, options: Options, is_list: bool, now: datetime
    ) -> dict[str, Any]:
        table = self._tables.get(table_name)
        if table is None:
            raise InvalidRequest(f"FATAL: get queries not allowed for table '{table_name}'")
        require_scope(principal, _SCOPES.get(table_name, _SCOPES_OF_PROJECTS)[0])
        selection = _selection(table, fields, options, is_list, now)
        found = [row for row in await table.rows(principal, selection) if _fulfils(row, selection.filters)]
        found = in_order(found, selection.order_by)[: selection.limit]
        answers = [_answer(table, row, fields, is_list) for row in found]
        if is_list:
            return {table_name: answers}
        return {table_name: answers[0]} if answers else {}

    async def _set(self, principal: Principal, table_name: str, fields: Row, options: Options) -> None:
        table = self._tables.get(table_name)
        if table is None and table_name not in _CLOSED:
            raise InvalidRequest(f"FATAL: table '{table_name}' does not exist")
        if table is None or not table.settable:
            raise InvalidRequest(f"FATAL: user set queries not allowed for table '{table_name}'")
        if options.is_delete and not isinstance(table, DeletingTable):
            raise InvalidRequest(f"FATAL: delete from {table_name} not allowed")  # noqa: S608 - words for the caller
        for field in fields:
            if field not in table.settable:
                raise InvalidRequest(f"FATAL: changing {table_name}.{field} not allowed")
        require_scope(principal, _SCOPES.get(table_name, _SCOPES_OF_PROJECTS)[1])
        if _is_about_people(table_name, fields):
            require_scope(principal, KeyScope.SHARING)
        if principal.scope.is_read_only:
            raise Forbidden("FATAL: this sign-in may only read")
        if options.is_delete and isinstance(table, DeletingTable):
            await table.delete(principal, fields)
        else:
            await table.set(principal, fields)


def _is_about_people(table_name: str, fields: Row) -> bool:
    return table_name.startswith("projects") and ("users" in fields or "invite_requests" in fields)


def _count(queries: list[object]) -> int:
    return sum(_count(cast("list[object]", one)) if isinstance(one, list) else 1 for one in queries)


def _parts(query: object) -> tuple[str, Row, bool]:
    """Take a query apart: the table, the fields, and whether a list is asked for."""
    if not isinstance(query, dict) or len(cast("Row", query)) != 1:
        raise InvalidRequest("FATAL: must specify exactly one key in the query")
    table_name, fields = next(iter(cast("Row", query).items()))
    is_list = isinstance(fields, list)
    if is_list:
        several = cast("list[object]", fields)
        if len(several) > 1:
            raise InvalidRequest("FATAL: array of length > 1 not yet implemented")
        fields = several[0] if several else None
    if not isinstance(fields, dict):
        raise InvalidRequest(f"FATAL: invalid user_query of '{table_name}' -- query must be an object")
    return table_name, cast("Row", fields), is_list


def _selection(table: QueryTable, fields: Row, options: Options, is_list: bool, now: datetime) -> Selection:
    defaults = table.list_options if is_list else Options()
    order_by = options.order_by or defaults.order_by
    for field in (*fields, *[name for name, _ in order_by]):
        if field not in table.readable:
            raise InvalidRequest(f"FATAL: user get query not allowed for {table.name}.{field}")
    limit = MAX_ROWS if defaults.limit is None else defaults.limit
    limit = limit if options.limit is None else options.limit
    return Selection(tuple(read_filters(fields, now)), order_by, limit if is_list else 1)


def _fulfils(row: Row, filters: Sequence[Filter]) -> bool:
    return all(one.matches(row) for one in filters)


def _answer(table: QueryTable, row: Row, fields: Row, is_list: bool) -> Row:
    """Return the fields that were asked for; a list leaves out those that are null."""
    answer = {field: _on_wire(with_default(row[field], table.readable[field])) for field in fields}
    return {field: value for field, value in answer.items() if value is not None} if is_list else answer


def _on_wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_milliseconds(value)
    if isinstance(value, dict):
        return {name: _on_wire(one) for name, one in cast("Row", value).items()}
    return value
