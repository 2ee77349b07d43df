"""Messages to projects: API v2's bridge to the calls of API v1 that concern one project."""

from pydantic import Field, JsonValue

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.web.api_v1 import entries, exec, files, ping  # noqa: A004 - the noun's name in every layer
from studiolo.web.api_v1.parameters import Structure, Text
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.call_scopes import require_for_call
from studiolo.web.doors.shapes import Given, read_given

_MESSAGES: dict[str, Call] = {call.name: call for noun in (entries, exec, files, ping) for call in noun.CALLS}


class ProjectMessage(Given):
    """What is sent to which project."""

    project_id: Text
    mesg: Structure = Field(
        description=f"`{{event: NAME, ...}}`: the name and the parameters of one of {', '.join(sorted(_MESSAGES))}."
    )


async def call_project(context: CallContext, given: ProjectMessage) -> dict[str, JsonValue]:
    """Make a call of API v1 to one project; the answer is the call's own, with its `event`."""
    message = given.mesg if isinstance(given.mesg, dict) else {}
    call = _MESSAGES.get(str(message.get("event")))
    if call is None:
        raise InvalidRequest("mesg must have an event that projects know", fields={"mesg": "unknown event"})
    require_for_call(context.principal, call.name)
    await context.services.access.project(context.principal, ProjectId(given.project_id), write=False)
    parameters = read_given(call.parameters, {**message, "project_id": given.project_id})
    answer = await call.handler(context, parameters)
    answer.id = message.get("id")
    return answer.model_dump(exclude_none=True)


FORMS = dict[str, tuple[Form, ...]]()

CALLS = (
    Call(
        name="call_project",
        noun="projects",
        summary="Send a message to a project: one of API v1's calls about commands and files.",
        permission="As the call that the message names.",
        parameters=ProjectMessage,
        handler=call_project,
        is_over_v1=False,
        forms=(Form(v2="projects/call"),),
        examples=(
            Example(
                "Run a command",
                {
                    "project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c",
                    "mesg": {"event": "project_exec", "command": "pwd"},
                },
                {"event": "project_exec_output", "stdout": "/projects/x\n", "stderr": "", "exit_code": 0},
            ),
        ),
    ),
)
