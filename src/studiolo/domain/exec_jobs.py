"""Commands that run by themselves in projects. A job belongs to the project's agent: it outlives every hub."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from studiolo.core.errors import AgentUnavailable, CommandFailed
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.core.settings import Settings
from studiolo.domain.access import Access
from studiolo.domain.agents import Agents
from studiolo.domain.exec import MAX_TIMEOUT_SECONDS
from studiolo.domain.idempotency import Made, id_elsewhere, made_before, note_made_elsewhere

DEFAULT_JOB_SECONDS = 3600.0
MAX_WAIT_SECONDS = 50.0
CALL_TIMEOUT_SECONDS = 150.0  # of a call that waits, and of one that ends a job
MAX_EVENT_BYTES = 1024 * 1024
MAX_JOBS = 1000
JOB_ID_CHARACTERS = 16
STATUSES = ("running", "completed", "killed", "timed_out")
KINDS = ("stdout", "stderr", "exit", "truncated")
_MOST = 1 << 62


@dataclass(frozen=True, slots=True)
class ExecJob:
    """A command that runs, or ran, by itself; without an exit code if it ended by a signal."""

    job_id: str
    command: str
    args: tuple[str, ...]
    status: str
    pid: int
    exit_code: int | None
    signal: int | None
    started_at: datetime
    elapsed_seconds: float
    stdout_bytes: int
    stderr_bytes: int
    last_event_id: int
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class ExecEvent:
    """Something that a job said, or its end."""

    event_id: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collected:
    """A job and what it has said so far."""

    job: ExecJob
    stdout: str
    stderr: str


class ExecJobs:
    """Starts commands and looks after them."""

    def __init__(self, settings: Settings, access: Access, agents: Agents) -> None:
        self._settings = settings
        self._access = access
        self._agents = agents

    async def start(
        self,
        principal: Principal,
        project_id: ProjectId,
        *,
        command: str,
        args: Sequence[str] = (),
        path: str = "",
        timeout_seconds: float = DEFAULT_JOB_SECONDS,
        cpu_seconds: int | None = None,
        bash: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> ExecJob:
        """Start a command and return at once; raise CommandFailed if it cannot be started, Conflict for one too many.

        `cpu_seconds` is what each of its processes may use of the processor; the settings may say less.
        """
        made = made_before(Made.EXEC_JOB)
        if made is not None:
            return await self.status(principal, project_id, made)
        project = await self._access.project(principal, project_id, write=True)
        limits = [limit for limit in (cpu_seconds, self._settings.exec_cpu_seconds) if limit]
        params: dict[str, Any] = {
            "command": command,
            "args": list(args),
            "path": path,
            "timeout_seconds": min(timeout_seconds, MAX_TIMEOUT_SECONDS),
            "bash": bash,
            "cpu_seconds": min(limits, default=None),
            "most_running": self._settings.exec_jobs_per_project,
            "environment": dict(environment or {}),
            "job_id": id_elsewhere(Made.EXEC_JOB, JOB_ID_CHARACTERS),
        }
        try:
            job = _job(await self._call(principal, project, "exec.start", params))
        except CommandFailed as error:
            message = f"Error executing command '{command}' with args '{','.join(args)}'"
            raise CommandFailed(f"{message} -- {error.message}, , ", **error.details) from error
        note_made_elsewhere(Made.EXEC_JOB, job.job_id)
        return job

    async def status(
        self, principal: Principal, project_id: ProjectId, job_id: str, *, wait_seconds: float = 0
    ) -> ExecJob:
        """Return how a job does, waiting up to `wait_seconds` for its end; raise ExecJobNotFound."""
        project = await self._access.project(principal, project_id, write=True)
        params = {"job_id": job_id, "wait_seconds": min(max(wait_seconds, 0.001), MAX_WAIT_SECONDS)}
        return _job(await self._call(principal, project, "exec.status", params))

    async def list(self, principal: Principal, project_id: ProjectId) -> list[ExecJob]:
        """Return the jobs that are known, the last one first."""
        project = await self._access.project(principal, project_id, write=True)
        jobs = (await self._call(principal, project, "exec.list", {})).get("jobs")
        if not isinstance(jobs, list) or len(cast("list[object]", jobs)) > MAX_JOBS:
            raise AgentUnavailable("The project's agent gave no list of jobs.")
        return [_job(one) for one in cast("list[object]", jobs)]

    async def kill(
        self, principal: Principal, project_id: ProjectId, job_id: str, *, grace_seconds: int | None = None
    ) -> ExecJob:
        """End a job and all that it started, first asking it; return how it ended."""
        project = await self._access.project(principal, project_id, write=True)
        params = {"job_id": job_id, "grace_seconds": grace_seconds}
        return _job(await self._call(principal, project, "exec.kill", params))

    async def collect(
        self, principal: Principal, project_id: ProjectId, job_id: str, *, max_output: int | None = None
    ) -> Collected:
        """Return a job with what it has said so far, as far as that is kept."""
        project = await self._access.project(principal, project_id, write=True)
        answer = await self._call(principal, project, "exec.collect", {"job_id": job_id, "max_output": max_output})
        stdout, stderr = answer.get("stdout"), answer.get("stderr")
        if not isinstance(stdout, str) or not isinstance(stderr, str):
            raise AgentUnavailable("The project's agent gave no output.")
        return Collected(_job(answer), stdout, stderr)

    @asynccontextmanager
    async def follow(
        self, principal: Principal, project_id: ProjectId, job_id: str, after: int
    ) -> AsyncGenerator[tuple[ExecJob, AsyncIterator[ExecEvent]]]:
        """Give a job and its events after a number, as they come, up to its end."""
        project = await self._access.project(principal, project_id, write=True)
        async with self._agents.channel(
            project,
            "exec.follow",
            {"job_id": job_id, "after": after},
            timeout_seconds=CALL_TIMEOUT_SECONDS,
            may_start=False,  # a project that does not run has no jobs
        ) as channel:
            yield _job(channel.result), _events(channel.frames(MAX_EVENT_BYTES))

    async def require_access(self, principal: Principal, project_id: ProjectId) -> None:
        """Raise what keeps somebody, who has followed a job for a while, from following it on."""
        await self._access.project(principal, project_id, write=True)

    async def _call(self, principal: Principal, project: Project, call: str, params: dict[str, Any]) -> dict[str, Any]:
        return await self._agents.call(
            project,
            call,
            params,
            timeout_seconds=CALL_TIMEOUT_SECONDS,
            may_start=principal.scope.may_start,
            is_repeatable=call != "exec.start" or params["job_id"] is not None,
        )


async def _events(frames: AsyncIterator[Any]) -> AsyncIterator[ExecEvent]:
    async for frame in frames:
        match frame:
            case {"end": True}:
                return
            case {"id": int(event_id), "event": str(kind)} if kind in KINDS and 0 < event_id < _MOST:
                data = cast("dict[str, Any]", frame).get("data")
                yield ExecEvent(event_id, kind, cast("dict[str, Any]", data) if isinstance(data, dict) else {})
            case _:
                raise AgentUnavailable("The project's agent sent what is no event.")
    raise AgentUnavailable("The project's agent broke off.")


def _job(given: object) -> ExecJob:
    match given:
        case {
            "job_id": str(job_id),
            "command": str(command),
            "args": list(),
            "status": str(status),
            "pid": int(pid),
            "exit_code": (int() | None) as exit_code,
            "signal": (int() | None) as signal,
            "started_ms": int(started),
            "elapsed_seconds": (int() | float()) as elapsed,
            "stdout_bytes": int(stdout_bytes),
            "stderr_bytes": int(stderr_bytes),
            "last_event_id": int(last_event_id),
            "is_truncated": bool(is_truncated),
        } if status in STATUSES and job_id.isascii() and job_id.isalnum() and 0 <= started < 1 << 43:
            return ExecJob(
                job_id,
                command,
                tuple(str(one) for one in cast("dict[str, list[object]]", given)["args"]),
                status,
                pid,
                exit_code,
                signal,
                datetime.fromtimestamp(started / 1000, UTC),
                float(elapsed),
                stdout_bytes,
                stderr_bytes,
                last_event_id,
                is_truncated,
            )
        case _:
            raise AgentUnavailable("The project's agent did not say how the job does.")
