"""Reading and changing records."""

from typing import Any

from pydantic import Field

from studiolo.web.api_v1.parameters import Structure
from studiolo.web.functions.registry import Context, Function, Given


class QueryGiven(Given):
    """What is asked or written."""

    query: Structure
    options: Structure | None = Field(default=None, description="A list of `{limit: n}`, `{order_by: field}` ...")


async def query(context: Context, given: QueryGiven) -> dict[str, Any]:
    """Answer a query."""
    return {"query": await context.services.queries.run(context.principal, given.query, given.options)}


FUNCTIONS = (
    Function(
        "Read or change records.",
        "As the table says.",
        QueryGiven,
        query,
        hub="db.userQuery",
        v2="user-query",
        bare="query",
        positional=("query",),
    ),
)
