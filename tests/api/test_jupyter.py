"""Code run in kernels, without a document."""

import pytest

from studiolo.domain.home_paths import file_id

pytestmark = pytest.mark.anyio


def order(project_id, **more):
    return {"kernel": "python3", "input": "1+1", "project_id": project_id, **more}


async def test_code_is_run_with_its_limits(as_owner, project_id, runner):
    answer = await as_owner.call("jupyter_execute", **order(project_id, history=["a = 1"], path="x/y.ipynb"))
    assert answer["output"] == [{"data": {"text/plain": "1+1"}}]
    (params,) = runner.agent(project_id).calls_of("kernels.execute")
    assert params == {
        "kernel": "python3",
        "input": "1+1",
        "history": ["a = 1"],
        "path": "x/y.ipynb",
        "total_seconds": 45,
        "cell_seconds": 30,
        "total_bytes": 5 * 2**20,
        "cell_bytes": 2**20,
    }


async def test_limits_may_be_lowered_only(as_owner, project_id, runner):
    limits = {"timeout_ms": 5000, "max_output": 2**30, "timeout_ms_per_cell": -1, "other": "x"}
    await as_owner.call("jupyter_execute", **order(project_id, limits=limits))
    (params,) = runner.agent(project_id).calls_of("kernels.execute")
    assert (params["total_seconds"], params["cell_seconds"], params["total_bytes"]) == (5, 30, 5 * 2**20)


async def test_the_same_is_run_once_a_day(as_owner, project_id, runner, clock):
    first = await as_owner.call("jupyter_execute", **order(project_id))
    again = await as_owner.call("jupyter_execute", **order(project_id))
    by_hash = await as_owner.call("jupyter_execute", hash=first["hash"])
    assert first["output"] == again["output"] == by_hash["output"]
    assert "time" not in first
    assert again["time"] == by_hash["time"] == "2026-01-01T12:00:00.000Z"
    agent = runner.agent(project_id)
    assert len(agent.calls_of("kernels.execute")) == 1
    await as_owner.call("jupyter_execute", **order(project_id, noCache=True))
    await as_owner.call("jupyter_execute", **order(project_id, path="elsewhere/x"))
    clock.move(86_400)
    await as_owner.call("jupyter_execute", **order(project_id))
    assert len(agent.calls_of("kernels.execute")) == 4
    clock.move(86_400)
    assert "There is no result" in await as_owner.fails("jupyter_execute", hash=first["hash"])


@pytest.mark.parametrize(
    "answer",
    [
        {"output": [{"ename": "E", "evalue": "", "traceback": []}], "is_complete": True, "total_seconds": 1},
        {"output": [{"name": "stdout", "text": "cut"}], "is_complete": False, "total_seconds": 1},
        {"output": [{"name": "stdout", "text": "\0"}], "is_complete": True, "total_seconds": 1},
    ],
)
async def test_what_went_wrong_is_not_kept(as_owner, project_id, runner, answer):
    agent = runner.agent(project_id)
    agent.answers["kernels.execute"] = answer
    for _ in range(2):
        assert (await as_owner.call("jupyter_execute", **order(project_id)))["output"] == answer["output"]
    assert len(agent.calls_of("kernels.execute")) == 2


async def test_an_agent_that_talks_nonsense_is_not_believed(as_owner, project_id, runner):
    runner.agent(project_id).answers["kernels.execute"] = {"output": "x", "total_seconds": 1}
    assert "gave no output" in await as_owner.fails("jupyter_execute", **order(project_id))


async def test_neither_code_nor_its_result_is_for_strangers(as_owner, as_stranger, project_id, add_person, caller):
    result = await as_owner.call("jupyter_execute", **order(project_id))
    words = f"User {as_stranger.account_id} does not have write access to project {project_id}"
    assert await as_stranger.fails("jupyter_execute", **order(project_id)) == words
    assert "read access" in await as_stranger.fails("jupyter_execute", hash=result["hash"])
    assert "read access" in await as_stranger.fails("jupyter_kernels", project_id=project_id)
    assert "write access" in await as_stranger.fails("jupyter_start_pool", project_id=project_id)
    viewer = await caller("viewer")
    await add_person(project_id, viewer, "viewer")
    assert "write access" in await viewer.fails("jupyter_execute", **order(project_id))
    assert (await viewer.call("jupyter_execute", hash=result["hash"]))["output"] == result["output"]
    assert "write access" in await viewer.fails("jupyter_start_pool", project_id=project_id)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "input or hash must not be null"),
        ({"input": "1"}, "kernel must be specified in hash is not specified"),
        ({"input": "1", "kernel": "python3"}, "Jupyter API is not enabled on this server."),
    ],
)
async def test_what_is_missing(as_owner, given, words):
    assert await as_owner.fails("jupyter_execute", **given) == words


async def test_kernels_are_listed(as_owner, project_id):
    answer = await as_owner.call("jupyter_kernels", project_id=project_id)
    assert answer["kernels"] == [{"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}]
    assert await as_owner.fails("jupyter_kernels") == "Jupyter API is not enabled on this server."


async def test_a_pool_is_filled_in_the_project(as_owner, project_id, runner):
    await as_owner.call("jupyter_start_pool", project_id=project_id, size=2, timeout_s=60)
    await as_owner.call("jupyter_execute", **order(project_id, pool={"size": 1}))
    pools = runner.agent(project_id).calls_of("kernels.pool")
    assert pools == [{"kernel": "python3", "size": 2, "seconds": 60}, {"kernel": "python3", "size": 1}]
    assert "0 to 4" in await as_owner.fails("jupyter_start_pool", project_id=project_id, size=5)


async def test_history_is_told_by_string_id(as_owner, as_stranger, project_id, services):
    await services.histories.note(project_id, "a.md")
    string_id = file_id(project_id, "a.md")
    answer = await as_owner.call("get_syncdoc_history", string_id=string_id, patches=True)
    assert answer["history"] == [{"time_utc": "2026-01-01T12:00:00.000Z", "patch_length": 2, "patch": "AAA="}]
    start = f"unable to get syncdoc history for string_id {string_id} -- "
    assert (await as_stranger.fails("get_syncdoc_history", string_id=string_id)).startswith(start)
    for wrong in ("x", "0" * 40):
        words = await as_owner.fails("get_syncdoc_history", string_id=wrong)
        assert words.startswith(f"unable to get syncdoc history for string_id {wrong} -- ")
