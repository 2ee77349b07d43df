"""Calls about queries. Written by `make client` from the registry of calls; not to be edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """The request again, with `query` filled in."""

    EVENT: ClassVar[str] = "query"

    query: dict[str, Any] | list[Any]
    multi_response: bool = False
    options: Any = None
    changes: Any = None


class QueriesCalls:
    """Calls about queries."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def query(
        self,
        *,
        query: Mapping[str, Any] | Sequence[Any],
        changes: Any = None,
        multi_response: bool | None = None,
        options: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> QueryAnswer:
        """Read or change records: one's own account and projects, the people in them, their logs, public paths and
        more.

        Who may call it: Any account, for its own records; collaborators for their projects.

        Args:
            query: `{table: {field: value}}` for one record, `{table: [{field: value}]}` for a list; null asks for
                the field, and a query without null sets. Or a list of such objects.
            changes: Without meaning over HTTP; repeated in the answer.
            multi_response: Must be false. Default: `False`.
            options: List of options such as `{"limit": 5}`, `{"order_by": "-created"}`, `{"set": true}`.
        """
        return self._caller.call(
            "query",
            {"query": query, "changes": changes, "multi_response": multi_response, "options": options},
            (QueryAnswer,),
        )


class AsyncQueriesCalls:
    """Calls about queries, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def query(
        self,
        *,
        query: Mapping[str, Any] | Sequence[Any],
        changes: Any = None,
        multi_response: bool | None = None,
        options: Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> QueryAnswer:
        """Read or change records: one's own account and projects, the people in them, their logs, public paths and
        more.

        Who may call it: Any account, for its own records; collaborators for their projects.

        Args:
            query: `{table: {field: value}}` for one record, `{table: [{field: value}]}` for a list; null asks for
                the field, and a query without null sets. Or a list of such objects.
            changes: Without meaning over HTTP; repeated in the answer.
            multi_response: Must be false. Default: `False`.
            options: List of options such as `{"limit": 5}`, `{"order_by": "-created"}`, `{"set": true}`.
        """
        return await self._caller.call(
            "query",
            {"query": query, "changes": changes, "multi_response": multi_response, "options": options},
            (QueryAnswer,),
        )
