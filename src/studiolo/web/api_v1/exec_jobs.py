"""Commands that run by themselves: extensions of our own. Their output is followed at `exec_output` (`web/streams`)."""

from typing import Any, Literal, cast

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.domain.exec import MAX_TIMEOUT_SECONDS
from studiolo.domain.exec_jobs import DEFAULT_JOB_SECONDS, MAX_WAIT_SECONDS, ExecJob
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.parameters import (
    Answer,
    Flag,
    Integer,
    Moment,
    Number,
    Parameters,
    Shape,
    Structure,
    Text,
    Texts,
)
from studiolo.web.api_v1.registry import Call, CallContext, Example

Status = Literal["running", "completed", "killed", "timed_out"]


class JobShape(Shape):
    """A command that runs, or ran, by itself; an `exit_code` or a `signal` is there once it has ended."""

    job_id: str
    command: str
    args: list[str]
    status: Status
    pid: int
    exit_code: int | None = None
    signal: int | None = Field(default=None, description="The signal that ended it.")
    started_at: Moment
    elapsed_seconds: float
    stdout_bytes: int
    stderr_bytes: int
    last_event_id: int = Field(description="The number of the last event at `exec_output`.")
    is_truncated: bool = Field(description="Whether the beginning of its output is no longer kept.")


class StartExecParameters(Parameters):
    """What `start_exec` takes."""

    project_id: Text
    command: Text = Field(description="A program, or with `bash` (or spaces, and no `args`) a shell command.")
    args: Texts = Field(default=[], description="Arguments of the program.")
    path: Text = Field(
        default="", description="Working directory, relative to the project's home directory or absolute."
    )
    bash: Flag = Field(default=False, description="Run the command through a shell.")
    env: Structure | None = Field(default=None, description="More variables of the environment.")
    timeout: Number = Field(
        default=DEFAULT_JOB_SECONDS,
        description="Seconds, after which the command and all it started is killed; at most a day.",
    )
    cpu_seconds: Integer = Field(default=None, description="Processor time that each of its processes may use.")


class OneJobParameters(Parameters):
    """What names a job."""

    project_id: Text
    job_id: Text


class ExecStatusParameters(OneJobParameters):
    """What `exec_status` takes."""

    wait: Number = Field(
        default=0, description=f"Seconds to wait for the end of a job that runs, up to {MAX_WAIT_SECONDS:g}."
    )


class KillExecParameters(OneJobParameters):
    """What `kill_exec` takes."""

    grace: Integer = Field(default=5, description="Seconds between asking (TERM) and making it end (KILL), up to 60.")


class ListExecParameters(Parameters):
    """What `list_exec` takes."""

    project_id: Text


class ExecJobAnswer(Answer, JobShape):
    """How a job does."""

    event: Literal["exec_job"] = "exec_job"


class ExecJobs(Answer):
    """The jobs that are known: those that run and the last that have ended since the project was started."""

    event: Literal["exec_jobs"] = "exec_jobs"
    jobs: list[JobShape]


async def start_exec(context: CallContext, parameters: StartExecParameters) -> ExecJobAnswer:
    """Start a command and do not wait for it."""
    timeout = DEFAULT_JOB_SECONDS if parameters.timeout is None else parameters.timeout
    if not 0 < timeout <= MAX_TIMEOUT_SECONDS:
        raise InvalidRequest("timeout must be above zero and at most a day", fields={"timeout": "out of bounds"})
    if parameters.cpu_seconds is not None and parameters.cpu_seconds < 1:
        raise InvalidRequest("cpu_seconds must be above zero", fields={"cpu_seconds": "must be above zero"})
    job = await context.services.exec_jobs.start(
        context.principal,
        ProjectId(parameters.project_id),
        command=parameters.command,
        args=parameters.args,
        path=parameters.path,
        timeout_seconds=timeout,
        cpu_seconds=parameters.cpu_seconds,
        bash=parameters.bash,
        environment=environment_of(parameters.env),
    )
    return ExecJobAnswer.model_validate(_shape(job))


async def exec_status(context: CallContext, parameters: ExecStatusParameters) -> ExecJobAnswer:
    """Tell how a job does."""
    job = await context.services.exec_jobs.status(
        context.principal, ProjectId(parameters.project_id), parameters.job_id, wait_seconds=parameters.wait or 0
    )
    return ExecJobAnswer.model_validate(_shape(job))


async def list_exec(context: CallContext, parameters: ListExecParameters) -> ExecJobs:
    """Tell of all jobs."""
    jobs = await context.services.exec_jobs.list(context.principal, ProjectId(parameters.project_id))
    return ExecJobs(jobs=[JobShape.model_validate(_shape(job)) for job in jobs])


async def kill_exec(context: CallContext, parameters: KillExecParameters) -> ExecJobAnswer:
    """End a job."""
    grace = 5 if parameters.grace is None else parameters.grace
    if not 0 <= grace <= 60:
        raise InvalidRequest("grace must be between 0 and 60", fields={"grace": "out of bounds"})
    job = await context.services.exec_jobs.kill(
        context.principal, ProjectId(parameters.project_id), parameters.job_id, grace_seconds=grace
    )
    return ExecJobAnswer.model_validate(_shape(job))


def environment_of(given: dict[str, Any] | list[Any] | None) -> dict[str, str]:
    """Return the variables in an `env`; raise InvalidRequest if it is no object."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest("env must be an object", fields={"env": "must be an object"})
    variables = cast("dict[str, object]", given)
    return {name: str(value) for name, value in variables.items() if value is not None}


def _shape(job: ExecJob) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "command": job.command,
        "args": list(job.args),
        "status": job.status,
        "pid": job.pid,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "started_at": job.started_at,
        "elapsed_seconds": job.elapsed_seconds,
        "stdout_bytes": job.stdout_bytes,
        "stderr_bytes": job.stderr_bytes,
        "last_event_id": job.last_event_id,
        "is_truncated": job.is_truncated,
    }


_PROJECT = "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c"
_JOB = "9f86d081884c7d65"
_WHO = "Owners and collaborators of the project, administrators, the project's own key."
_STARTED: dict[str, Any] = {
    "job_id": _JOB,
    "command": "make",
    "args": ["report"],
    "status": "running",
    "pid": 4711,
    "started_at": "2026-01-01T12:00:00.000Z",
    "elapsed_seconds": 0.002,
    "stdout_bytes": 0,
    "stderr_bytes": 0,
    "last_event_id": 0,
    "is_truncated": False,
}
_ENDED = {**_STARTED, "status": "completed", "exit_code": 0, "elapsed_seconds": 71.2, "last_event_id": 9}
_KILLED = {**_STARTED, "status": "killed", "signal": 15, "elapsed_seconds": 12.1, "last_event_id": 3}

CALLS = (
    Call(
        name="start_exec",
        creates=Made.EXEC_JOB,
        noun="exec",
        summary="Start a command in a project and do not wait for it; follow it at `/api/v1/exec_output`.",
        permission=_WHO,
        parameters=StartExecParameters,
        answers=(ExecJobAnswer,),
        handler=start_exec,
        examples=(
            Example(
                "Make a report that takes long",
                {"project_id": _PROJECT, "command": "make", "args": ["report"], "timeout": 7200},
                {"event": "exec_job", "id": "3c0c1cc7-3d52-4f0e-9c8b-3a3b1f8f6d01", **_STARTED},
            ),
        ),
    ),
    Call(
        name="exec_status",
        noun="exec",
        summary="Tell how a started command does, or wait a moment for its end.",
        permission=_WHO,
        parameters=ExecStatusParameters,
        answers=(ExecJobAnswer,),
        handler=exec_status,
        examples=(
            Example(
                "Wait up to 30 seconds",
                {"project_id": _PROJECT, "job_id": _JOB, "wait": 30},
                {"event": "exec_job", "id": "3c0c1cc7-3d52-4f0e-9c8b-3a3b1f8f6d02", **_ENDED},
            ),
        ),
    ),
    Call(
        name="list_exec",
        noun="exec",
        summary="Tell of the commands that were started in a project, the last one first.",
        permission=_WHO,
        parameters=ListExecParameters,
        answers=(ExecJobs,),
        handler=list_exec,
        examples=(
            Example(
                "What runs?",
                {"project_id": _PROJECT},
                {"event": "exec_jobs", "id": "3c0c1cc7-3d52-4f0e-9c8b-3a3b1f8f6d03", "jobs": [_STARTED]},
            ),
        ),
    ),
    Call(
        name="kill_exec",
        noun="exec",
        summary="End a started command and all that it started: first by asking, then by force.",
        permission=_WHO,
        parameters=KillExecParameters,
        answers=(ExecJobAnswer,),
        handler=kill_exec,
        examples=(
            Example(
                "End it",
                {"project_id": _PROJECT, "job_id": _JOB},
                {"event": "exec_job", "id": "3c0c1cc7-3d52-4f0e-9c8b-3a3b1f8f6d04", **_KILLED},
            ),
        ),
    ),
)
