"""The one call that reads and writes records of many kinds."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from studiolo.web.api_v1.parameters import Answer, Flag, Parameters, Structure
from studiolo.web.api_v1.registry import Call, CallContext, Example


class QueryParameters(Parameters):
    """What `query` takes."""

    query: Structure = Field(
        description="`{table: {field: value}}` for one record, `{table: [{field: value}]}` for a list; "
        "null asks for the field, and a query without null sets. Or a list of such objects."
    )
    changes: JsonValue = Field(default=None, description="Without meaning over HTTP; repeated in the answer.")
    multi_response: Flag = Field(default=False, description="Must be false.")
    options: Structure | None = Field(
        default=None, description='List of options such as `{"limit": 5}`, `{"order_by": "-created"}`, `{"set": true}`.'
    )


class QueryAnswer(Answer):
    """The request again, with `query` filled in."""

    event: Literal["query"] = "query"
    query: dict[str, Any] | list[Any]
    multi_response: bool = False
    options: JsonValue = None
    changes: JsonValue = None


def refuse_multi_response(parameters: QueryParameters) -> str | None:
    """Say why the door does not let this query in, or None."""
    return "multi_response queries aren't supported" if parameters.multi_response else None


async def query(context: CallContext, parameters: QueryParameters) -> QueryAnswer:
    """Get or set records."""
    options = parameters.options
    result = await context.services.queries.run(context.principal, parameters.query, options)
    return QueryAnswer(query=result, options=options, changes=parameters.changes)


CALLS = (
    Call(
        name="query",
        noun="queries",
        summary="Read or change records: one's own account and projects, the people in them, their logs, public paths "
        "and more.",
        permission="Any account, for its own records; collaborators for their projects.",
        parameters=QueryParameters,
        answers=(QueryAnswer,),
        handler=query,
        refuse=refuse_multi_response,
        examples=(
            Example(
                "Ask for the title of a project",
                {"query": {"projects": {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "title": None}}},
                {
                    "event": "query",
                    "id": "1c1e0b6e-6d0c-4f0d-a5f2-3d5b0c1a2b3c",
                    "query": {"projects": {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "title": "Homework"}},
                    "multi_response": False,
                },
            ),
            Example(
                "Change the title of a project",
                {"query": {"projects": {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "title": "Homework 4"}}},
                {
                    "event": "query",
                    "id": "7f0ad3a1-5e1d-46a4-9d3c-9be1f8f7b6a5",
                    "query": {},
                    "multi_response": False,
                },
            ),
        ),
    ),
)
