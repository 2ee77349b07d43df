import asyncio
from dataclasses import replace
from typing import Any

import pytest

from studiolo.core.errors import AgentUnavailable, CommandFailed, Forbidden, ProjectNotFound
from studiolo.core.models import Principal, ProjectState, Scope
from studiolo.domain.exec import ExecResult
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio


async def test_a_command_runs_in_a_project_that_was_stopped(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    result = await hub.services.exec.run(as_person, project.project_id, command="echo", args=["a", "b"])
    assert result == ExecResult("a b\n", "", 0)
    [params] = hub.agent(project).calls_of("exec.run")
    assert params == {
        "command": "echo",
        "args": ["a", "b"],
        "path": "",
        "timeout_seconds": 10.0,
        "aggregate": None,
        "max_output": None,
        "bash": False,
        "err_on_exit": True,
    }


async def test_a_failure_is_told_in_historical_words(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    with pytest.raises(CommandFailed) as failed:
        await hub.services.exec.run(as_person, project.project_id, command="false", args=["-x", "y"])
    reason = "command 'false' (args=) exited with nonzero code 1 -- stderr=''"
    assert failed.value.message == f"Error executing command 'false' with args '-x,y' -- {reason}, , "


async def test_calls_with_the_same_aggregate_share_one_run(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    go_on = asyncio.Event()

    async def slow(_params: dict[str, Any]) -> dict[str, Any]:
        await go_on.wait()
        return {"stdout": "once", "stderr": "", "exit_code": 0}

    hub.agent(project).commands["make"] = slow

    def run(aggregate: object) -> "asyncio.Task[ExecResult]":
        return asyncio.create_task(
            hub.services.exec.run(as_person, project.project_id, command="make", aggregate=aggregate)
        )

    runs = [run(1), run(1), run(1), run(2)]
    async with asyncio.timeout(10):
        while len(hub.agent(project).calls_of("exec.run")) < 2:  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0.005)
    runs[0].cancel()
    go_on.set()
    results = await asyncio.gather(*runs[1:])
    assert [result.stdout for result in results] == ["once"] * 3
    assert len(hub.agent(project).calls_of("exec.run")) == 2
    await hub.services.exec.run(as_person, project.project_id, command="make", aggregate=1)
    assert len(hub.agent(project).calls_of("exec.run")) == 3


async def test_a_stranger_runs_nothing(hub: FakeHub, as_person: Principal, as_stranger: Principal) -> None:
    project = await hub.project(as_person)
    words = f"^User {as_stranger.account_id} does not have write access to project {project.project_id}$"
    with pytest.raises(ProjectNotFound, match=words):
        await hub.services.exec.run(as_stranger, project.project_id, command="id")
    assert hub.runner.started == []


@pytest.mark.parametrize("scope", [Scope(is_read_only=True), Scope(path_prefix="a")])
async def test_a_narrowed_sign_in_runs_nothing(hub: FakeHub, as_person: Principal, scope: Scope) -> None:
    project = await hub.project(as_person)
    with pytest.raises(Forbidden):
        await hub.services.exec.run(replace(as_person, scope=scope), project.project_id, command="id")


async def test_a_command_whose_agent_died_is_not_run_twice(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)

    async def die(_params: dict[str, Any]) -> dict[str, Any]:
        hub.runner.alive.discard(project.project_id)
        for writer in hub.agent(project)._connections:
            writer.transport.abort()
        return {}

    hub.agent(project).commands["die"] = die
    with pytest.raises(AgentUnavailable):
        await hub.services.exec.run(as_person, project.project_id, command="die")
    assert len(hub.agent(project).calls_of("exec.run")) == 1
    assert (await hub.services.projects.get(as_person, project.project_id)).state is ProjectState.OPENED


@pytest.mark.parametrize("answer", [{}, {"stdout": "", "stderr": ""}, {"stdout": 1, "stderr": "", "exit_code": 0}])
async def test_nonsense_from_the_agent_is_no_result(hub: FakeHub, as_person: Principal, answer: dict) -> None:
    project = await hub.project(as_person)
    hub.agent(project).answers["exec.run"] = answer
    with pytest.raises(AgentUnavailable):
        await hub.services.exec.run(as_person, project.project_id, command="x")
