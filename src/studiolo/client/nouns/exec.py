"""Calls about exec. Written by `make client` from the registry of calls; not to be edited."""

from dataclasses import dataclass
from typing import Any, ClassVar

from studiolo.client.calling import AsyncCaller, Caller


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

    def project_exec(
        self,
        *,
        project_id: str,
        command: str,
        path: str | None = None,
        args: list[str] | None = None,
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


class AsyncExecCalls:
    """Calls about exec, to be awaited."""

    def __init__(self, caller: AsyncCaller) -> None:
        """Make calls through a client's connection."""
        self._caller = caller

    async def project_exec(
        self,
        *,
        project_id: str,
        command: str,
        path: str | None = None,
        args: list[str] | None = None,
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
