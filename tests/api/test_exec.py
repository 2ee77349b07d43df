"""`project_exec`."""

import pytest

pytestmark = pytest.mark.anyio


async def test_output_is_returned(as_owner, project_id):
    answer = await as_owner.call("project_exec", project_id=project_id, command="echo", args=["a", "b"], id="x")
    assert answer == {"event": "project_exec_output", "id": "x", "stdout": "a b\n", "stderr": "", "exit_code": 0}


async def test_parameters_reach_the_agent(as_owner, project_id, runner):
    await as_owner.call(
        "project_exec",
        project_id=project_id,
        command="ls",
        path="/etc",
        args=["-l"],
        timeout=3,
        max_output=5,
        bash=True,
        err_on_exit=False,
    )
    (params,) = runner.agent(project_id).calls_of("exec.run")
    assert {name: params[name] for name in ("command", "path", "args", "bash", "err_on_exit")} == {
        "command": "ls",
        "path": "/etc",
        "args": ["-l"],
        "bash": True,
        "err_on_exit": False,
    }
    assert (params["timeout_seconds"], params["max_output"]) == (3, 5)


async def test_defaults_are_the_documented_ones(as_owner, project_id, runner):
    await as_owner.form("project_exec", {"project_id": project_id, "command": "ls", "timeout": ""})
    (params,) = runner.agent(project_id).calls_of("exec.run")
    assert (params["path"], params["args"], params["timeout_seconds"], params["max_output"]) == ("", [], 10, None)
    assert (params["bash"], params["err_on_exit"], params["aggregate"]) == (False, True, None)


@pytest.mark.parametrize(
    ("args", "result"),
    [("x", ["x"]), (["x", "y"], ["x", "y"]), ('["a", "b"]', ["a", "b"])],
)
async def test_forms_are_coerced(as_owner, project_id, runner, args, result):
    fields = {"project_id": project_id, "command": "echo", "args": args, "bash": "false", "timeout": "20"}
    await as_owner.form("project_exec", fields)
    (params,) = runner.agent(project_id).calls_of("exec.run")
    assert (params["args"], params["bash"], params["timeout_seconds"]) == (result, False, 20)


async def test_failure_is_said_in_the_historical_words(as_owner, project_id):
    answer = await as_owner.call("project_exec", project_id=project_id, command="false")
    words = "Error executing command 'false' with args '' -- command 'false' (args=) exited with nonzero code 1"
    assert answer["error"].startswith(words)
    assert answer["code"] == "command_failed"


@pytest.mark.parametrize(("name", "value"), [("timeout", "soon"), ("max_output", "much"), ("bash", "perhaps")])
async def test_garbage_is_refused_at_the_door(as_owner, project_id, name, value):
    answer = await as_owner.refused("project_exec", project_id=project_id, command="ls", **{name: value})
    assert answer["error"].startswith(f"invalid parameters 'Error: parameter '{name}' must be")


async def test_strangers_are_kept_out(as_stranger, project_id):
    error = await as_stranger.fails("project_exec", project_id=project_id, command="ls")
    assert error == f"User {as_stranger.account_id} does not have write access to project {project_id}"


async def test_viewers_may_not_run_commands(as_stranger, project_id, add_person):
    await add_person(project_id, as_stranger, "viewer")
    answer = await as_stranger.call("project_exec", project_id=project_id, command="ls")
    assert answer["code"] == "role_too_low"


@pytest.mark.parametrize("timeout", [0, -1])
async def test_a_command_needs_time(as_owner, project_id, runner, timeout):
    words = await as_owner.fails("project_exec", project_id=project_id, command="ls", timeout=timeout)
    assert words == "timeout must be a number of seconds above zero"


@pytest.mark.parametrize(("timeout", "seconds"), [(86_400, 86_400), (1e9, 86_400)])
async def test_time_of_a_command_is_a_day_at_most(as_owner, project_id, runner, timeout, seconds):
    await as_owner.call("project_exec", project_id=project_id, command="ls", timeout=timeout)
    (params,) = runner.agent(project_id).calls_of("exec.run")
    assert params["timeout_seconds"] == seconds
