"""Handing out to many projects and collecting from many, as the wire has it."""

import json

import pytest

from studiolo.core.errors import FileNotFound

pytestmark = pytest.mark.anyio
HAND_OUT, COLLECT, STATUS = "copy_path_to_projects", "collect_path_from_projects", "copy_group_status"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def targets(as_owner) -> list[str]:
    return [(await as_owner.call("create_project", title=name))["project_id"] for name in ("Ada", "Emmy")]


async def test_group_is_ordered_and_its_status_told(as_owner, project_id, targets, run_copies, copy_engine):
    ordered = await as_owner.call(HAND_OUT, src_project_id=project_id, src_path="ps1", targets=targets, id="x")
    group_id = ordered["group_id"]
    assert ordered == {"event": "copy_group_response", "id": "x", "group_id": group_id, "total": 2}
    copy_engine.report = {"files": 2, "files_done": 2, "bytes_done": 9}
    await run_copies()
    moment = "2026-01-01T12:00:00.000Z"
    status = await as_owner.call(STATUS, group_id=group_id, limit=1, id="y")
    [copy] = status.pop("copies")
    assert status == {
        "event": "copy_group_status_response",
        "id": "y",
        "group_id": group_id,
        "time": moment,
        "total": 2,
        "counts": {"waiting": 0, "running": 0, "done": 2, "missing": 0, "failed": 0, "cancelled": 0},
        "finished": True,
        "next": 1,
    }
    single = (await as_owner.call("copy_path_status", copy_path_id=copy["copy_path_id"]))["data"]
    assert single["group_id"] == group_id
    assert copy == {
        "index": 1,
        "copy_path_id": single["copy_path_id"],
        "source_project_id": project_id,
        "target_project_id": targets[0],
        "target_path": "ps1",
        "state": "done",
        "started": moment,
        "finished": moment,
        "progress": {"files_done": 2, "bytes_done": 9, "files_total": 2, "bytes_total": 9},
        "report": {"files": 2},
    }
    rest = await as_owner.call(STATUS, group_id=group_id, after=1)
    assert [one["index"] for one in rest["copies"]] == [2]
    assert "next" not in rest


async def test_forms_write_lists_as_json(as_owner, project_id, targets):
    fields = {
        "src_project_id": project_id,
        "src_path": "ps1",
        "targets": json.dumps([targets[0], {"project_id": targets[1], "target_path": "own"}]),
        "revise": "true",
        "dry_run": "yes",
        "exclude": "",
    }
    group = await as_owner.form(HAND_OUT, fields)
    status = await as_owner.form(STATUS, {"group_id": group["group_id"], "state": "waiting", "limit": "10"})
    assert [copy["target_path"] for copy in status["copies"]] == ["ps1", "own"]


async def test_same_key_answers_the_same_group(as_owner, project_id, targets):
    request = {"src_project_id": project_id, "src_path": "ps1", "targets": targets, "group_key": "first"}
    first, again = [await as_owner.call(HAND_OUT, **request, id=1) for _ in range(2)]
    assert again == first | {"repeated": True}
    answer = await as_owner.call(HAND_OUT, **request | {"src_path": "ps2"})
    assert (answer["event"], answer["code"]) == ("error", "copy_group_key_used")
    assert first["group_id"] in answer["error"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": {}}, "targets must be a list of projects"),
        ({"targets": []}, "targets must name 1 to 20000 projects"),
        ({"targets": [7]}, "targets[0] must be a project's id, or an object with project_id and perhaps"),
        ({"targets": [{}]}, "targets[0] must be a project's id"),
        ({"targets": [{"project_id": NOWHERE, "odd": "x"}]}, "targets[0] must be a project's id"),
        ({"targets": [{"project_id": NOWHERE, "target_path": 7}]}, "targets[0] must be a project's id"),
        ({"targets": [NOWHERE]}, f"ACCESS BLOCKED -- No write access to target project -- {NOWHERE}"),
        ({"target_path": "{nothing}"}, "{nothing} is not known; there are {project_id}"),
        ({"dry_run": True}, "dry_run goes with revise"),
        ({"revise": True, "exclude": ["x"]}, "revise keeps what was changed"),
    ],
)
async def test_wrong_group_is_refused_in_words(as_owner, project_id, targets, change, words):
    request = {"src_project_id": project_id, "src_path": "ps1", "targets": targets} | change
    assert words in await as_owner.fails(HAND_OUT, **request)


async def test_collecting_names_missing_sources_as_such(as_owner, project_id, targets, run_copies, copy_engine):
    async def lack(order) -> None:
        if order.source.project_id == targets[1]:
            raise FileNotFound("ENOENT: no such file or directory, stat 'ps1'")

    copy_engine.behave = lack
    collect = {"src_path": "ps1", "target_project_id": project_id, "target_path": "in/{title}/"}
    group = await as_owner.call(COLLECT, sources=targets, **collect)
    await run_copies()
    status = await as_owner.call(STATUS, group_id=group["group_id"])
    assert [(copy["target_path"], copy["state"]) for copy in status["copies"]] == [
        ("in/Ada/", "done"),
        ("in/Emmy/", "missing"),
    ]
    again = await as_owner.call("retry_copy_group", group_id=group["group_id"], id=1)
    assert again == {"event": "success", "id": 1, "count": 1}
    stopped = await as_owner.call("cancel_copy_group", group_id=group["group_id"], id=2)
    assert stopped == {"event": "success", "id": 2, "count": 1}
    assert "is finished already" in await as_owner.fails("cancel_copy_group", group_id=group["group_id"])
