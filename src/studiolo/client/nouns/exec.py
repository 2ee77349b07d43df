"""Calls about exec. Written by `make client` from the registry of calls; not to be edited."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from studiolo.client.calling import AsyncCaller, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecJobAnswer:
    """How a job does."""

    EVENT: ClassVar[str] = "exec_job"

    job_id: str
    command: str
    args: list[str]
    status: Literal["running", "completed", "killed", "timed_out"]
    pid: int
    exit_code: int | None = None
    signal: int | None = None
    """The signal that ended it."""
    started_at: datetime
    elapsed_seconds: float
    stdout_bytes: int
    stderr_bytes: int
    last_event_id: int
    """The number of the last event at `exec_output`."""
    is_truncated: bool
    """Whether the beginning of its output is no longer kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShape:
    """A command that runs, or ran, by itself; an `exit_code` or a `signal` is there once it has ended."""

    job_id: str
    command: str
    args: list[str]
    status: Literal["running", "completed", "killed", "timed_out"]
    pid: int
    exit_code: int | None = None
    signal: int | None = None
    """The signal that ended it."""
    started_at: datetime
    elapsed_seconds: float
    stdout_bytes: int
    stderr_bytes: int
    last_event_id: int
    """The number of the last event at `exec_output`."""
    is_truncated: bool
    """Whether the beginning of its output is no longer kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecJobs:
    """The jobs that are known: those that run and the last that have ended since the project was started."""

    EVENT: ClassVar[str] = "exec_jobs"

    jobs: list[JobShape]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectExecOutput:
    """What the command said."""

    EVENT: ClassVar[str] = "project_exec_output"

    stdout: str
    stderr: str
    exit_code: int


class ExecCalls:
    """Calls about exec."""

    def __init__(self, caller: Caller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    def kill(self, *, project_id: str, job_id: str, grace: int | None = None) -> ExecJobAnswer:
        """End a started command and all that it started: first by asking, then by force.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            grace: Seconds between asking (TERM) and making it end (KILL), up to 60. Default: `5`.
        """
        return self._caller.call(
            "kill_exec", {"project_id": project_id, "job_id": job_id, "grace": grace}, (ExecJobAnswer,)
        )

    def list(self, *, project_id: str) -> ExecJobs:
        """Tell of the commands that were started in a project, the last one first.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        return self._caller.call("list_exec", {"project_id": project_id}, (ExecJobs,), is_reading=True)

    def project_exec(
        self,
        *,
        project_id: str,
        command: str,
        path: str | None = None,
        args: builtins.list[str] | None = None,
        timeout: float | None = None,
        aggregate: Any = None,
        max_output: int | None = None,
        bash: bool | None = None,
        err_on_exit: bool | None = None,
    ) -> ProjectExecOutput:
        """Run a command in a project, starting the project if needed, and wait for its end.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            command: A program, or with `bash` (or spaces, and no `args`) a shell command.
            path: Working directory, relative to the project's home directory or absolute.
            args: Arguments of the program.
            timeout: Seconds, after which the command and all it started is killed. Default: `10`.
            aggregate: Identical commands that run at the same time with the same value here run once.
            max_output: Most characters of stdout, and of stderr.
            bash: Run the command through a shell. Default: `False`.
            err_on_exit: Answer with an error if the exit code is not zero. Default: `True`.
        """
        return self._caller.call(
            "project_exec",
            {
                "project_id": project_id,
                "command": command,
                "path": path,
                "args": args,
                "timeout": timeout,
                "aggregate": aggregate,
                "max_output": max_output,
                "bash": bash,
                "err_on_exit": err_on_exit,
            },
            (ProjectExecOutput,),
        )

    def start(
        self,
        *,
        project_id: str,
        command: str,
        args: builtins.list[str] | None = None,
        path: str | None = None,
        bash: bool | None = None,
        env: Mapping[str, Any] | Sequence[Any] | None = None,
        timeout: float | None = None,
        cpu_seconds: int | None = None,
    ) -> ExecJobAnswer:
        """Start a command in a project and do not wait for it; follow it at `/api/v1/exec_output`.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            command: A program, or with `bash` (or spaces, and no `args`) a shell command.
            args: Arguments of the program.
            path: Working directory, relative to the project's home directory or absolute.
            bash: Run the command through a shell. Default: `False`.
            env: More variables of the environment.
            timeout: Seconds, after which the command and all it started is killed; at most a day. Default:
                `3600.0`.
            cpu_seconds: Processor time that each of its processes may use.
        """
        return self._caller.call(
            "start_exec",
            {
                "project_id": project_id,
                "command": command,
                "args": args,
                "path": path,
                "bash": bash,
                "env": env,
                "timeout": timeout,
                "cpu_seconds": cpu_seconds,
            },
            (ExecJobAnswer,),
            is_once=True,
        )

    def status(self, *, project_id: str, job_id: str, wait: float | None = None) -> ExecJobAnswer:
        """Tell how a started command does, or wait a moment for its end.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            wait: Seconds to wait for the end of a job that runs, up to 50. Default: `0`.
        """
        return self._caller.call(
            "exec_status", {"project_id": project_id, "job_id": job_id, "wait": wait}, (ExecJobAnswer,), is_reading=True
        )


class AsyncExecCalls:
    """Calls about exec, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def kill(self, *, project_id: str, job_id: str, grace: int | None = None) -> ExecJobAnswer:
        """End a started command and all that it started: first by asking, then by force.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            grace: Seconds between asking (TERM) and making it end (KILL), up to 60. Default: `5`.
        """
        return await self._caller.call(
            "kill_exec", {"project_id": project_id, "job_id": job_id, "grace": grace}, (ExecJobAnswer,)
        )

    async def list(self, *, project_id: str) -> ExecJobs:
        """Tell of the commands that were started in a project, the last one first.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.
        """
        return await self._caller.call("list_exec", {"project_id": project_id}, (ExecJobs,), is_reading=True)

    async def project_exec(
        self,
        *,
        project_id: str,
        command: str,
        path: str | None = None,
        args: builtins.list[str] | None = None,
        timeout: float | None = None,
        aggregate: Any = None,
        max_output: int | None = None,
        bash: bool | None = None,
        err_on_exit: bool | None = None,
    ) -> ProjectExecOutput:
        """Run a command in a project, starting the project if needed, and wait for its end.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            command: A program, or with `bash` (or spaces, and no `args`) a shell command.
            path: Working directory, relative to the project's home directory or absolute.
            args: Arguments of the program.
            timeout: Seconds, after which the command and all it started is killed. Default: `10`.
            aggregate: Identical commands that run at the same time with the same value here run once.
            max_output: Most characters of stdout, and of stderr.
            bash: Run the command through a shell. Default: `False`.
            err_on_exit: Answer with an error if the exit code is not zero. Default: `True`.
        """
        return await self._caller.call(
            "project_exec",
            {
                "project_id": project_id,
                "command": command,
                "path": path,
                "args": args,
                "timeout": timeout,
                "aggregate": aggregate,
                "max_output": max_output,
                "bash": bash,
                "err_on_exit": err_on_exit,
            },
            (ProjectExecOutput,),
        )

    async def start(
        self,
        *,
        project_id: str,
        command: str,
        args: builtins.list[str] | None = None,
        path: str | None = None,
        bash: bool | None = None,
        env: Mapping[str, Any] | Sequence[Any] | None = None,
        timeout: float | None = None,
        cpu_seconds: int | None = None,
    ) -> ExecJobAnswer:
        """Start a command in a project and do not wait for it; follow it at `/api/v1/exec_output`.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            command: A program, or with `bash` (or spaces, and no `args`) a shell command.
            args: Arguments of the program.
            path: Working directory, relative to the project's home directory or absolute.
            bash: Run the command through a shell. Default: `False`.
            env: More variables of the environment.
            timeout: Seconds, after which the command and all it started is killed; at most a day. Default:
                `3600.0`.
            cpu_seconds: Processor time that each of its processes may use.
        """
        return await self._caller.call(
            "start_exec",
            {
                "project_id": project_id,
                "command": command,
                "args": args,
                "path": path,
                "bash": bash,
                "env": env,
                "timeout": timeout,
                "cpu_seconds": cpu_seconds,
            },
            (ExecJobAnswer,),
            is_once=True,
        )

    async def status(self, *, project_id: str, job_id: str, wait: float | None = None) -> ExecJobAnswer:
        """Tell how a started command does, or wait a moment for its end.

        Who may call it: Owners and collaborators of the project, administrators, the project's own key.

        Args:
            wait: Seconds to wait for the end of a job that runs, up to 50. Default: `0`.
        """
        return await self._caller.call(
            "exec_status", {"project_id": project_id, "job_id": job_id, "wait": wait}, (ExecJobAnswer,), is_reading=True
        )
