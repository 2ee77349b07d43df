"""What projects may use: set by administrators, at once where it can be, and seen in what the runner is told."""

from typing import Any

import pytest

from studiolo.core.ids import ProjectId
from studiolo.core.models import ProjectState

pytestmark = pytest.mark.anyio


async def limits(caller, project_id: str) -> dict[str, Any]:
    answer = await caller.call("get_project_limits", project_id=project_id)
    return {name: value for name, value in answer.items() if name not in ("id", "event", "project_id")}


async def test_a_project_has_what_the_settings_say_until_it_has_its_own(as_owner, as_admin, project_id, settings):
    before = await limits(as_owner, project_id)
    assert before == {
        "memory_mb": settings.memory_mb,
        "cpu_cores": settings.cpu_cores,
        "processes": settings.processes,
        "disk_mb": settings.disk_mb,
        "idle_timeout_seconds": settings.idle_timeout_seconds,
        "network": False,
        "always_running": False,
        "own": [],
    }
    changes = {"memory_mb": 100, "cpu_cores": 0.5, "network": True, "always_running": True, "idle_timeout_seconds": 0}
    await as_admin.call("set_project_limits", project_id=project_id, **changes)
    after = await limits(as_owner, project_id)
    assert after == before | changes | {"own": list(after["own"])}
    assert set(after["own"]) == set(changes)
    answer = await as_admin.call("set_project_limits", project_id=project_id, reset=list(changes))
    assert answer["own"] == []
    assert await limits(as_owner, project_id) == before


async def test_a_stopped_project_has_its_limits_when_it_starts(as_owner, as_admin, project_id, runner):
    answer = await as_admin.call("set_project_limits", project_id=project_id, memory_mb=100, network=True)
    assert answer["is_at_once"] is False
    await as_owner.call("start_project", project_id=project_id)
    (spec,) = runner.started
    assert spec.limits.memory_bytes == 100 * 1024 * 1024
    assert spec.has_network
    assert runner.limited == []


async def test_a_running_project_has_its_limits_at_once(as_owner, as_admin, project_id, runner):
    await as_owner.call("start_project", project_id=project_id)
    answer = await as_admin.call("set_project_limits", project_id=project_id, cpu_cores=2, processes=99)
    assert answer["is_at_once"] is True
    (spec,) = runner.limited
    assert (spec.project_id, spec.limits.cpu_cores, spec.limits.processes) == (project_id, 2, 99)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"memory_mb": 1}, "memory_mb"),
        ({"cpu_cores": 0}, "cpu_cores"),
        ({"processes": 1e9}, "processes"),
        ({"disk_mb": -1}, "disk_mb"),
        ({"idle_timeout_seconds": -1}, "idle_timeout_seconds"),
        ({"reset": ["everything"]}, "everything"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_changes(
    as_admin, project_id, given: dict[str, Any], word: str
):
    before = await limits(as_admin, project_id)
    answer = (
        await as_admin.call("set_project_limits", project_id=project_id, cpu_cores=3, **given)
        if ("cpu_cores" not in given)
        else await as_admin.call("set_project_limits", project_id=project_id, **given)
    )
    assert answer["code"] == "invalid_request"
    assert word in answer["error"]
    assert await limits(as_admin, project_id) == before


async def test_changes_are_in_the_audit_log(as_admin, project_id):
    await as_admin.call("set_project_limits", project_id=project_id, memory_mb=100, reset=["disk_mb"])
    (entry,) = (await as_admin.call("list_audit_log", target_project_id=project_id))["entries"]
    assert entry["action"] == "project_limits_changed"
    assert entry["details"] == {"memory_mb": 100, "reset": ["disk_mb"]}


async def test_a_projects_own_idle_timeout_counts(as_owner, as_admin, services, runner, clock, settings):
    ids = [(await as_owner.call("create_project", title=title))["project_id"] for title in ("short", "usual", "always")]
    short, usual, always = ids
    await as_admin.call("set_project_limits", project_id=short, idle_timeout_seconds=120)
    await as_admin.call("set_project_limits", project_id=always, always_running=True)
    for project_id in ids:
        await as_owner.call("start_project", project_id=project_id)
        runner.agent(ProjectId(project_id)).idle_seconds = 10 * settings.idle_timeout_seconds
    clock.move(121)
    assert await services.projects.stop_idle() == [short]
    clock.move(settings.idle_timeout_seconds)
    assert await services.projects.stop_idle() == [usual]
    assert runner.alive == {always}


async def test_a_project_that_always_runs_is_started_again(as_owner, as_admin, project_id, services, runner):
    assert await services.project_limits.start_those_that_always_run() == 0
    await as_admin.call("set_project_limits", project_id=project_id, always_running=True)
    assert await services.project_limits.start_those_that_always_run() == 1
    for _ in range(500):
        if (await as_owner.call("get_project_state", project_id=project_id))["state"] == "running":
            break
    assert runner.alive == {project_id}
    assert await services.project_limits.start_those_that_always_run() == 0


async def test_projects_are_started_stopped_restarted_and_tell_their_state(as_owner, project_id, runner):
    async def state() -> str:
        answer = await as_owner.call("get_project_state", project_id=project_id)
        return answer["state"]

    assert await state() == ProjectState.OPENED
    for call, expected in (("start_project", "running"), ("restart_project", "running"), ("stop_project", "opened")):
        assert (await as_owner.call(call, project_id=project_id))["event"] == "success"
        assert await state() == expected
    assert len(runner.started) == 2
    await as_owner.call("start_project", project_id=project_id, wait=False)
    for _ in range(500):
        if await state() == "running":
            break
    assert len(runner.started) == 3
