"""Ordering copies, their status, taking back, cancelling and trying again."""

import asyncio
import re

import pytest

pytestmark = pytest.mark.anyio
COPY, STATUS, DELETE = "copy_path_between_projects", "copy_path_status", "copy_path_delete"
NOTE = "Query copy_path_status with the copy_path_id to learn if the copy operation was successful."
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def between(project_id, other_project_id):
    return {"src_project_id": project_id, "src_path": "a", "target_project_id": other_project_id}


async def test_copy_is_ordered_and_its_status_told(as_owner, between, run_copies, clock):
    ordered = await as_owner.call(COPY, **between, id="x")
    copy_id = ordered["copy_path_id"]
    assert ordered == {"event": f"{COPY}_response", "id": "x", "copy_path_id": copy_id, "note": NOTE}
    record = {
        "copy_path_id": copy_id,
        "time": "2026-01-01T12:00:00.000Z",
        "source_project_id": between["src_project_id"],
        "source_path": "a",
        "target_project_id": between["target_project_id"],
        "target_path": "a",
        "overwrite_newer": False,
        "delete_missing": False,
        "backup": False,
    }
    answer = await as_owner.call(STATUS, copy_path_id=copy_id, id="y")
    assert answer == {"event": "copy_path_status_response", "id": "y", "data": record}
    clock.move(1.5)
    await run_copies()
    moment = "2026-01-01T12:00:01.500Z"
    done = await as_owner.call(STATUS, copy_path_id=copy_id)
    assert done["data"] == record | {"started": moment, "finished": moment}


async def test_forms_are_coerced(as_owner, between, copy_engine, run_copies):
    flags = {"overwrite_newer": "false", "delete_missing": "true", "backup": "no", "wait_until_done": "False"}
    await as_owner.form(
        COPY, between | flags | {"exclude": "*.pyc", "timeout": "5", "target_path": "", "scheduled": ""}
    )
    await run_copies()
    (order,) = copy_engine.orders
    assert (order.overwrite_newer, order.delete_missing, order.backup) == (False, True, False)
    assert (order.exclude, order.timeout_seconds, order.target_path) == (("*.pyc",), 5, "a")


async def test_clients_of_2017_may_leave_histories_out(as_owner, between, copy_engine, run_copies):
    await as_owner.form(COPY, between | {"exclude_history": "false"})
    await as_owner.call(COPY, **between, exclude_history=True, exclude=["*.pyc"])
    await run_copies()
    assert sorted(order.exclude for order in copy_engine.orders) == [(), ("*.pyc", "*.sage-history")]


async def test_a_timeout_of_zero_is_none(as_owner, between, copy_engine, run_copies):
    await as_owner.call(COPY, **between, timeout=0)
    await run_copies()
    assert copy_engine.orders[0].timeout_seconds is None


async def test_waiting_answers_success_when_it_is_done(as_owner, between):
    done = await as_owner.call(COPY, **between, wait_until_done=True)
    assert done["event"] == "success"
    assert (await as_owner.call(STATUS, copy_path_id=done["copy_path_id"]))["data"]["finished"]


async def test_waiting_answers_success_when_a_worker_has_done_it(as_owner, between, services, wait_for):
    async def work() -> None:
        while await services.copies.run_one("worker"):
            pass

    await as_owner.call(COPY, **between, target_path="before")
    copying = as_owner.call(COPY, **between, wait_until_done=True)
    done, _ = await wait_for(asyncio.gather(copying, work()))
    assert done["event"] == "success"


async def test_scheduled_copy_is_never_waited_for_and_can_be_taken_back(as_owner, between, run_copies, copy_engine):
    ordered = await as_owner.call(COPY, **between, wait_until_done=True, scheduled="2026-01-02T00:00:00")
    copy_id = ordered["copy_path_id"]
    await run_copies()
    status = await as_owner.call(STATUS, copy_path_id=copy_id)
    assert status["data"]["scheduled"] == "2026-01-02T00:00:00.000Z"
    deleted = await as_owner.call(DELETE, copy_path_id=copy_id, id="x")
    data = f"copy_path_id = '{copy_id}' deleted"
    assert deleted == {"event": "copy_path_status_response", "id": "x", "data": data}
    gone = f"Copy operation '{copy_id}' either does not exist or already finished"
    assert await as_owner.fails(DELETE, copy_path_id=copy_id) == gone
    assert copy_engine.orders == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"src_project_id": "x"}, "src_project_id='x' not valid"),
        ({"target_project_id": "x"}, "target_project_id='x' not valid"),
        ({"src_path": ""}, "src_path must be defined"),
        ({"target_project_id": NOWHERE}, f"ACCESS BLOCKED -- No write access to target project -- {NOWHERE}"),
        ({"src_project_id": NOWHERE}, f"ACCESS BLOCKED -- No read access to source project -- {NOWHERE}"),
        ({"src_path": "../a"}, "source path must be contained in project home dir"),
        ({"target_path": "a/../../b"}, "target path must be contained in target project home dir"),
        (
            {"scheduled": "tomorrow"},
            "opts.scheduled = tomorrow is not a valid date. Can't be parsed by Date.parse()",
        ),
    ],
)
async def test_wrong_copy_is_refused_in_words(as_owner, between, change, words):
    assert await as_owner.fails(COPY, **between | change) == words


async def test_strangers_are_kept_out(as_owner, as_stranger, between):
    copy_id = (await as_owner.call(COPY, **between))["copy_path_id"]
    blocked = f"ACCESS BLOCKED -- No write access to target project -- {between['target_project_id']}"
    assert await as_stranger.fails(COPY, **between) == blocked
    assert await as_stranger.fails(STATUS, copy_path_id=copy_id) == blocked
    assert await as_stranger.fails(DELETE, copy_path_id=copy_id) == blocked
    assert await as_stranger.fails(STATUS, target_project_id=between["target_project_id"]) == blocked


async def test_list_holds_unfinished_copies_with_nulls_and_the_newest_first(as_owner, between, clock):
    first = (await as_owner.call(COPY, **between))["copy_path_id"]
    clock.move(1)
    second = (await as_owner.call(COPY, **between))["copy_path_id"]
    listed = await as_owner.call(STATUS, src_project_id=between["src_project_id"], copy_path_id=first)
    assert [row["copy_path_id"] for row in listed["data"]] == [second, first]
    assert listed["data"][0]["finished"] is None
    assert listed["data"][0]["error"] is None
    assert re.fullmatch(r"2026-01-01T12:00:01\.000Z", listed["data"][0]["time"])


async def test_list_is_narrowed_by_forms(as_owner, between, run_copies):
    for _ in range(3):
        await as_owner.call(COPY, **between)
    wanted = {"target_project_id": between["target_project_id"]}
    assert len((await as_owner.form(STATUS, wanted | {"limit": "2"}))["data"]) == 2
    assert len((await as_owner.form(STATUS, wanted | {"offset": "2"}))["data"]) == 1
    assert (await as_owner.form(STATUS, wanted | {"src_path": "b"}))["data"] == []
    assert (await as_owner.form(STATUS, wanted | {"pending": "false"}))["data"] == []
    await run_copies()
    assert len((await as_owner.form(STATUS, wanted | {"pending": "false"}))["data"]) == 3
    assert (await as_owner.form(STATUS, wanted | {"failed": "true"}))["data"] == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "'copy_path_id' (UUID) of a copy operation or 'src_project_id/target_project_id' must be defined"),
        ({"copy_path_id": "x"}, "Can't find copy operation with ID=x"),
        ({"src_project_id": "x"}, "invalid src_project_id=x"),
        ({"target_project_id": "x"}, "invalid target_project_id=x"),
    ],
)
async def test_wrong_question_is_refused_in_words(as_owner, parameters, words):
    assert await as_owner.fails(STATUS, **parameters) == words


@pytest.mark.parametrize(
    ("name", "value", "most"), [("limit", 5000, 1000), ("limit", -1, 1000), ("offset", -1, 100000)]
)
async def test_limits_have_limits(as_owner, project_id, name, value, most):
    error = await as_owner.fails(STATUS, src_project_id=project_id, **{name: value})
    assert error == f"ILLEGAL VALUE {name}='{value}' (must be in [0, {most}])"


async def test_deleting_needs_an_id(as_owner):
    assert await as_owner.fails(DELETE) == "ERROR: copy_path_id missing"


async def test_cancelled_copy_tells_so_and_can_be_tried_again(as_owner, between, run_copies, copy_engine):
    copy_id = (await as_owner.call(COPY, **between))["copy_path_id"]
    assert await as_owner.call("cancel_copy", copy_path_id=copy_id, id=1) == {
        "event": "success",
        "id": 1,
        "state": "cancelled",
    }
    assert (await as_owner.call(STATUS, copy_path_id=copy_id))["data"]["code"] == "copy_cancelled"
    words = f"Copy operation '{copy_id}' is finished already."
    assert await as_owner.fails("cancel_copy", copy_path_id=copy_id) == words
    copy_engine.report = {"files": 1, "files_done": 1, "bytes_done": 5}
    assert await as_owner.call("retry_copy", copy_path_id=copy_id, id=2) == {"event": "success", "id": 2}
    await run_copies()
    record = (await as_owner.call(STATUS, copy_path_id=copy_id))["data"]
    assert "error" not in record
    assert record["report"] == {"files": 1}
    assert record["progress"] == {"files_done": 1, "bytes_done": 5, "files_total": 1, "bytes_total": 5}
    words = f"Copy operation '{copy_id}' did not fail: only what failed can be tried again."
    assert await as_owner.fails("retry_copy", copy_path_id=copy_id) == words
