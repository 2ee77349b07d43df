"""Errors that clients report about themselves."""

from pydantic import Field

from studiolo.web.api_v1.answers import Success
from studiolo.web.api_v1.parameters import Parameters, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example


class LogClientErrorParameters(Parameters):
    """What `log_client_error` takes."""

    error: Text = Field(description="What went wrong, in words or as a traceback.")


async def log_client_error(context: CallContext, parameters: LogClientErrorParameters) -> Success:
    """Keep a client's error for thirty days."""
    await context.services.client_errors.record(context.principal, parameters.error)
    return Success()


CALLS = (
    Call(
        name="log_client_error",
        noun="server",
        summary="Record an error that happened in the client, for the operators to see.",
        permission="Any account.",
        parameters=LogClientErrorParameters,
        answers=(Success,),
        handler=log_client_error,
        examples=(
            Example(
                "Report an error",
                {"error": "TypeError: cells is undefined"},
                {"event": "success", "id": "0f3ae21c-c4c2-4c5f-9d0a-2f5b8c8d1c11"},
            ),
        ),
    ),
)
