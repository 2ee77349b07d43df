"""Commands run in projects."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studiolo.core.errors import AgentUnavailable, CommandFailed, InvalidRequest
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, Project
from studiolo.domain.access import Access
from studiolo.domain.agents import Agents

DEFAULT_TIMEOUT_SECONDS = 10.0
MAX_TIMEOUT_SECONDS = 24 * 3600.0  # a longer time counts as this one
ANSWER_MARGIN_SECONDS = 30.0  # the agent itself ends the command in time; this is for an agent that hangs


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command left behind."""

    stdout: str
    stderr: str
    exit_code: int


class Exec:
    """Runs commands as the project's user, inside its walls."""

    def __init__(self, access: Access, agents: Agents) -> None:
        self._access = access
        self._agents = agents
        self._shared: dict[tuple[object, ...], asyncio.Task[ExecResult]] = {}

    async def run(
        self,
        principal: Principal,
        project_id: ProjectId,
        *,
        command: str,
        args: Sequence[str] = (),
        path: str = "",
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        aggregate: object = None,
        max_output: int | None = None,
        bash: bool = False,
        err_on_exit: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command and wait for its end; a stopped project is started first, without counting that time.

        Calls that are alike and carry the same `aggregate` while the first one runs share its result.
        Raises CommandFailed in the words of the API.
        """
        project = await self._access.project(principal, project_id, write=True)
        if timeout_seconds <= 0:
            raise InvalidRequest("timeout must be a number of seconds above zero", fields={"timeout": "not positive"})
        params: dict[str, Any] = {
            "command": command,
            "args": list(args),
            "path": path,
            "timeout_seconds": min(timeout_seconds, MAX_TIMEOUT_SECONDS),
            "aggregate": aggregate,
            "max_output": max_output,
            "bash": bash,
            "err_on_exit": err_on_exit,
        }
        if environment:
            params["environment"] = dict(environment)
        may_start = principal.scope.may_start
        if aggregate is None:
            return await self._run(project, params, may_start)
        alike = (project_id, may_start, *(repr(value) for value in params.values()))
        task = self._shared.get(alike)
        if task is None:
            task = asyncio.create_task(self._run(project, params, may_start))
            self._shared[alike] = task
            task.add_done_callback(lambda done: self._forget(alike, done))
        return await asyncio.shield(task)  # one caller that goes away takes nothing from the others

    async def _run(self, project: Project, params: dict[str, Any], may_start: bool) -> ExecResult:
        try:
            answer = await self._agents.call(
                project,
                "exec.run",
                params,
                timeout_seconds=params["timeout_seconds"] + ANSWER_MARGIN_SECONDS,
                may_start=may_start,
                is_repeatable=False,
            )
        except CommandFailed as error:
            message = f"Error executing command '{params['command']}' with args '{','.join(params['args'])}'"
            raise CommandFailed(f"{message} -- {error.message}, , ", **error.details) from error
        return _result(answer)

    def _forget(self, alike: tuple[object, ...], task: asyncio.Task[ExecResult]) -> None:
        self._shared.pop(alike, None)
        if not task.cancelled():
            task.exception()  # every caller may have gone


def _result(answer: dict[str, Any]) -> ExecResult:
    match answer:
        case {"stdout": str(stdout), "stderr": str(stderr), "exit_code": int(exit_code)}:
            return ExecResult(stdout, stderr, exit_code)
        case _:
            raise AgentUnavailable("The project's agent gave no result of the command.")
