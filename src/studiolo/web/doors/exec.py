"""Commands in projects."""

from typing import Any, Literal

from pydantic import Field

from studiolo.core.errors import InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.domain.exec import DEFAULT_TIMEOUT_SECONDS
from studiolo.domain.exec_jobs import DEFAULT_JOB_SECONDS, MAX_WAIT_SECONDS, ExecJob
from studiolo.domain.idempotency import Made
from studiolo.web.api_v1.exec_jobs import environment_of
from studiolo.web.api_v1.parameters import Content, Flag, Integer, Number, Structure, Text, Texts
from studiolo.web.api_v1.registry import Call, CallContext, Example, Form
from studiolo.web.doors.shapes import Given, Milliseconds, Reply, SparseReply


class ExecGiven(Given):
    """What is run, where and within which limits."""

    project_id: Text
    command: Content = ""
    args: Texts = Field(default=[])
    path: Text | None = Field(default=None, description="Working directory, relative to the home or absolute.")
    cwd: Text | None = Field(default=None, description="The same, if there is no `path`.")
    timeout: Number = Field(default=None, description="Seconds; default 10.")
    max_output: Integer = None
    bash: Flag = False
    err_on_exit: Flag = True
    aggregate: Any = None
    env: Structure | None = Field(default=None, description="More variables of the environment.")
    async_call: Flag = Field(default=False, description="Do not wait for the command: answer with a `job_id`.")
    async_get: Text | None = Field(default=None, description="Tell of the command with this `job_id` instead.")
    async_await: Flag = Field(default=False, description="With `async_get`: wait for its end, up to `timeout`.")


class ExecOutput(Reply):
    """What the command said."""

    type: Literal["blocking"]
    stdout: str
    stderr: str
    exit_code: int


class ExecAsync(SparseReply):
    """A command that runs, or ran, by itself, and what it has said so far."""

    type: Literal["async"]
    job_id: str
    start: Milliseconds
    status: Literal["running", "completed", "error", "killed"]
    pid: int
    elapsed_s: float | None = None
    stdout: str
    stderr: str
    exit_code: int


async def project_exec(context: CallContext, given: ExecGiven) -> ExecOutput | ExecAsync:
    """Run a command and wait for it, or start one that runs by itself."""
    if given.async_get is not None:
        return await _tell(context, given, given.async_get)
    if not given.command.strip():
        raise InvalidRequest("command must be specified", fields={"command": "must be specified"})
    if given.async_call:
        return await _start(context, given)
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
        environment=environment_of(given.env),
    )
    return ExecOutput(type="blocking", stdout=result.stdout, stderr=result.stderr, exit_code=result.exit_code)


async def _start(context: CallContext, given: ExecGiven) -> ExecAsync:
    job = await context.services.exec_jobs.start(
        context.principal,
        ProjectId(given.project_id),
        command=given.command,
        args=given.args,
        path=given.path or given.cwd or "",
        timeout_seconds=given.timeout or DEFAULT_JOB_SECONDS,
        bash=given.bash,
        environment=environment_of(given.env),
    )
    return _shape(job, "", "")


async def _tell(context: CallContext, given: ExecGiven, job_id: str) -> ExecAsync:
    jobs, project_id = context.services.exec_jobs, ProjectId(given.project_id)
    if given.async_await:
        seconds = given.timeout or context.timeout_seconds or MAX_WAIT_SECONDS
        await jobs.status(context.principal, project_id, job_id, wait_seconds=seconds)
    found = await jobs.collect(context.principal, project_id, job_id, max_output=given.max_output)
    return _shape(found.job, found.stdout, found.stderr)


def _shape(job: ExecJob, stdout: str, stderr: str) -> ExecAsync:
    has_failed = job.status == "timed_out" or job.signal is not None or bool(job.exit_code)
    ended = "killed" if job.status == "killed" else "error" if has_failed else "completed"
    return ExecAsync.model_validate(
        {
            "type": "async",
            "job_id": job.job_id,
            "start": round(job.started_at.timestamp() * 1000),
            "status": "running" if job.status == "running" else ended,
            "pid": job.pid,
            "elapsed_s": None if job.status == "running" else job.elapsed_seconds,
            "stdout": stdout,
            "stderr": stderr,
            "exit_code": job.exit_code or (1 if job.signal else 0),
        }
    )


FORMS = {
    "project_exec": (
        Form(
            project="system.exec",
            v2="exec",
            creates=Made.EXEC_JOB,
            parameters=ExecGiven,
            handler=project_exec,
            examples=(
                Example(
                    "Where am I?",
                    {"project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c", "command": "pwd"},
                    {"type": "blocking", "stdout": "/projects/x\n", "stderr": "", "exit_code": 0},
                ),
                Example(
                    "Start something that takes long",
                    {
                        "project_id": "2f5b3c4e-6d1a-4a4e-9c0d-7b8f6a5e4d3c",
                        "command": "make",
                        "args": ["report"],
                        "async_call": True,
                    },
                    {
                        "type": "async",
                        "job_id": "9f86d081884c7d65",
                        "start": 1767268800000,
                        "status": "running",
                        "pid": 4711,
                        "stdout": "",
                        "stderr": "",
                        "exit_code": 0,
                    },
                ),
            ),
        ),
    ),
}
CALLS: tuple[Call, ...] = ()
