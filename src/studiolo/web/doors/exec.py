"""Commands in projects."""

from typing import Any, Literal, cast

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.domain.exec import DEFAULT_TIMEOUT_SECONDS
from studiolo.web.api_v1.parameters import Content, Flag, Integer, Number, Structure, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, Reply


class ExecGiven(Given):
    """What is run, where and within which limits."""

    project_id: Text
    command: Content
    args: Texts = Field(default=[])
    path: Text | None = Field(default=None, description="Working directory, relative to the home or absolute.")
    cwd: Text | None = Field(default=None, description="The same, if there is no `path`.")
    timeout: Number = Field(default=None, description="Seconds; default 10.")
    max_output: Integer = None
    bash: Flag = False
    err_on_exit: Flag = True
    aggregate: Any = None
    env: Structure | None = Field(default=None, description="More variables of the environment.")
    async_call: Flag = False
    async_get: Text | None = None


class ExecOutput(Reply):
    """What the command said."""

    type: Literal["blocking"]
    stdout: str
    stderr: str
    exit_code: int


async def project_exec(context: CallContext, given: ExecGiven) -> ExecOutput:
    """Run a command and wait for it."""
    if given.async_call or given.async_get is not None:
        raise InvalidRequest("async_call and async_get are not offered by this call: wait for the command to end")
    seconds = given.timeout or context.timeout_seconds or DEFAULT_TIMEOUT_SECONDS
    result = await context.services.exec.run(
        context.principal,
        ProjectId(given.project_id),
        command=given.command,
        args=given.args,
        path=given.path or given.cwd or "",
        timeout_seconds=seconds,
        aggregate=given.aggregate,
        max_output=given.max_output,
        bash=given.bash,
        err_on_exit=given.err_on_exit,
        environment=_environment(given.env),
    )
    return ExecOutput(type="blocking", stdout=result.stdout, stderr=result.stderr, exit_code=result.exit_code)


def _environment(given: dict[str, Any] | list[Any] | None) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest("env must be an object", fields={"env": "must be an object"})
    variables = cast("dict[str, object]", given)
    return {name: str(value) for name, value in variables.items() if value is not None}


FORMS = {
    "project_exec": (
        Form(
            project="system.exec",
            v2="exec",
            parameters=ExecGiven,
            handler=project_exec,
            examples=(
                Example(
                    "Where am I?",
                    {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "command": "pwd"},
                    {"type": "blocking", "stdout": "/projects/x\n", "stderr": "", "exit_code": 0},
                ),
            ),
        ),
    ),
}
CALLS: tuple[Call, ...] = ()
