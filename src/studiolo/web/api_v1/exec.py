"""Commands in projects."""

from typing import Literal

from pydantic import Field, JsonValue

from studiolo.core.ids import ProjectId
from studiolo.web.api_v1.parameters import Answer, Flag, Integer, Number, Parameters, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example


class ProjectExecParameters(Parameters):
    """What `project_exec` takes."""

    project_id: Text
    command: Text = Field(description="A program, or with `bash` (or spaces, and no `args`) a shell command.")
    path: Text = Field(
        default="", description="Working directory, relative to the project's home directory or absolute."
    )
    args: Texts = Field(default=[], description="Arguments of the program.")
    timeout: Number = Field(default=10, description="Seconds, after which the command and all it started is killed.")
    aggregate: JsonValue = Field(
        default=None, description="Identical commands that run at the same time with the same value here run once."
    )
    max_output: Integer = Field(default=None, description="Most characters of stdout, and of stderr.")
    bash: Flag = Field(default=False, description="Run the command through a shell.")
    err_on_exit: Flag = Field(default=True, description="Answer with an error if the exit code is not zero.")


class ProjectExecOutput(Answer):
    """What the command said."""

    event: Literal["project_exec_output"] = "project_exec_output"
    stdout: str
    stderr: str
    exit_code: int


async def project_exec(context: CallContext, parameters: ProjectExecParameters) -> ProjectExecOutput:
    """Run a command in a project and wait for it."""
    result = await context.services.exec.run(
        context.principal,
        ProjectId(parameters.project_id),
        command=parameters.command,
        args=parameters.args,
        path=parameters.path,
        timeout_seconds=10 if parameters.timeout is None else parameters.timeout,
        aggregate=parameters.aggregate,
        max_output=parameters.max_output,
        bash=parameters.bash,
        err_on_exit=parameters.err_on_exit,
    )
    return ProjectExecOutput(stdout=result.stdout, stderr=result.stderr, exit_code=result.exit_code)


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"

CALLS = (
    Call(
        name="project_exec",
        noun="exec",
        summary="Run a command in a project, starting the project if needed, and wait for its end.",
        permission="Owners and collaborators of the project, administrators, the project's own key.",
        parameters=ProjectExecParameters,
        answers=(ProjectExecOutput,),
        handler=project_exec,
        examples=(
            Example(
                "Say where we are",
                {"project_id": _PROJECT, "command": "pwd"},
                {
                    "event": "project_exec_output",
                    "id": "eb4c7d4f-9c1c-4f32-8f60-9d3f0f9f3c52",
                    "stdout": "/projects/" + _PROJECT + "\n",
                    "stderr": "",
                    "exit_code": 0,
                },
            ),
        ),
    ),
)
