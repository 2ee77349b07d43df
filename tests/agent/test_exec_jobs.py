"""Commands that run by themselves, through the real agent."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.agent.exec_log import Log
from studiolo.core.errors import CommandFailed, Conflict, ExecJobNotFound, InvalidRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def log(tmp_path: Path, anyio_backend: str) -> Log:
    return Log(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), segment_bytes=300, segments=3)


@pytest.fixture
def follow(connector, shared_agent):
    """Return a function that follows a job up to its end and returns the events."""

    async def follow(job_id: str, after: int = 0, most: int = 10_000) -> list[dict[str, Any]]:
        given = {"job_id": job_id, "after": after}
        events: list[dict[str, Any]] = []
        async with connector.channel(shared_agent.socket_path, "exec.follow", given, timeout_seconds=10) as channel:
            async for frame in channel.frames():
                if frame == {"end": True}:
                    return events
                events.append(frame)
                if len(events) == most:
                    return events
        raise AssertionError("it broke off")

    return follow


async def wait_for_end(call, job_id: str) -> dict[str, Any]:
    return await call("exec.status", job_id=job_id, wait_seconds=20)


def said(events: list[dict[str, Any]], kind: str) -> str:
    return "".join(event["data"]["text"] for event in events if event["event"] == kind)


async def test_job_runs_by_itself_and_is_followed_to_its_end(call, follow):
    job = await call("exec.start", command="echo out; echo err >&2; exit 3", bash=True)
    assert (job["status"], job["exit_code"]) == ("running", None)
    events = await follow(job["job_id"])
    assert (said(events, "stdout"), said(events, "stderr")) == ("out\n", "err\n")
    assert events[-1] == {
        "id": len(events),
        "event": "exit",
        "data": {"status": "completed", "exit_code": 3, "signal": None},
    }
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    ended = await wait_for_end(call, job["job_id"])
    assert (ended["status"], ended["exit_code"], ended["stdout_bytes"]) == ("completed", 3, 4)


async def test_job_of_an_id_that_was_given_before_is_the_one_that_was_started_then(call, shared_agent):
    job_id = os.urandom(8).hex()
    started = [call("exec.start", command="echo once >> made", bash=True, job_id=job_id) for _ in range(3)]
    assert {job["job_id"] for job in await asyncio.gather(*started)} == {job_id}
    await wait_for_end(call, job_id)
    again = await call("exec.start", command="echo once >> made", bash=True, job_id=job_id)
    assert (again["job_id"], again["status"]) == (job_id, "completed")
    assert (await call("files.read_text", path="made"))["content"] == "once\n"


async def test_id_of_a_job_that_could_not_be_started_is_free_again(call):
    job_id = os.urandom(8).hex()
    for _ in range(2):
        with pytest.raises(CommandFailed):
            await call("exec.start", command="no-such-program", job_id=job_id)
    assert (await call("exec.start", command="true", job_id=job_id))["job_id"] == job_id


@pytest.mark.parametrize("job_id", ["x", "../../../../../..", "0" * 15, "G" * 16])
async def test_id_that_is_none_is_refused(call, job_id):
    with pytest.raises(InvalidRequest):
        await call("exec.start", command="true", job_id=job_id)


async def test_follower_goes_on_where_it_was(call, follow):
    job = await call("exec.start", command="for i in 1 2 3; do echo $i; sleep 0.05; done", bash=True)
    first = await follow(job["job_id"], most=1)
    rest = await follow(job["job_id"], after=first[-1]["id"])
    assert said([*first, *rest], "stdout") == "1\n2\n3\n"
    assert await follow(job["job_id"], after=rest[-1]["id"]) == []


async def test_two_followers_see_the_same(call, follow):
    job = await call("exec.start", command="for i in 1 2 3; do echo $i; sleep 0.02; done", bash=True)
    one, other = await asyncio.gather(follow(job["job_id"]), follow(job["job_id"]))
    assert one == other


async def test_output_is_collected(call):
    job = await call("exec.start", command="echo", args=["ünï"])
    await wait_for_end(call, job["job_id"])
    collected = await call("exec.collect", job_id=job["job_id"])
    assert (collected["stdout"], collected["stderr"], collected["is_truncated"]) == ("ünï\n", "", False)
    cut = await call("exec.collect", job_id=job["job_id"], max_output=2)
    assert cut["stdout"] == "ün (truncated at 2 characters)"


async def test_much_output_loses_its_beginning_and_says_so(call, follow):
    job = await call("exec.start", command="head -c 12000000 /dev/zero | tr '\\0' x; echo; echo end", bash=True)
    await wait_for_end(call, job["job_id"])
    events = await follow(job["job_id"])
    assert events[0]["event"] == "truncated"
    assert events[0]["data"]["first"] == 1
    assert events[1]["id"] == events[0]["data"]["last"] + 1
    assert said(events, "stdout").endswith("x\nend\n")
    assert len(said(events, "stdout")) < 9_000_000
    collected = await call("exec.collect", job_id=job["job_id"])
    assert collected["is_truncated"]


async def test_job_is_asked_to_end_before_it_is_made_to(call, follow):
    script = "trap 'echo bye; exit 7' TERM; echo ready; while true; do sleep 0.01; done"
    job = await call("exec.start", command=script, bash=True)
    assert said(await follow(job["job_id"], most=1), "stdout") == "ready\n"
    ended = await call("exec.kill", job_id=job["job_id"])
    assert (ended["status"], ended["exit_code"]) == ("killed", 7)
    assert said(await follow(job["job_id"]), "stdout") == "ready\nbye\n"


async def test_job_that_does_not_listen_is_made_to_end_with_all_it_started(call, follow, shared_agent):
    script = "trap '' TERM; (trap '' TERM; echo $BASHPID > child; echo ready; sleep 1000) & wait; sleep 1000"
    job = await call("exec.start", command=script, bash=True)
    assert said(await follow(job["job_id"], most=1), "stdout") == "ready\n"
    child = int((shared_agent.home / "child").read_text())
    ended = await call("exec.kill", job_id=job["job_id"], grace_seconds=0)
    assert (ended["status"], ended["signal"]) == ("killed", 9)
    async with asyncio.timeout(10):
        while _is_alive(child):  # noqa: ASYNC110 - a process tells nobody that it has ended
            await asyncio.sleep(0.01)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_time_of_a_job_is_limited(call):
    job = await call("exec.start", command="sleep", args=["100"], timeout_seconds=0.2)
    assert (await wait_for_end(call, job["job_id"]))["status"] == "timed_out"


async def test_processor_time_of_a_job_is_limited(call):
    job = await call("exec.start", command="while true; do :; done", bash=True, cpu_seconds=1)
    ended = await wait_for_end(call, job["job_id"])
    assert (ended["status"], ended["signal"]) == ("completed", 24)


async def test_number_of_jobs_is_limited(call):
    jobs = [await call("exec.start", command="sleep", args=["100"], most_running=2) for _ in range(2)]
    with pytest.raises(Conflict, match="2 jobs of this project run already"):
        await call("exec.start", command="sleep", args=["100"], most_running=2)
    for job in jobs:
        await call("exec.kill", job_id=job["job_id"])
    job = await call("exec.start", command="true", most_running=1)
    assert (await wait_for_end(call, job["job_id"]))["exit_code"] == 0


async def test_job_that_cannot_start_says_why_and_leaves_nothing(call, shared_agent):
    with pytest.raises(CommandFailed, match="was not able to run"):
        await call("exec.start", command="no-such-program")
    with pytest.raises(InvalidRequest):
        await call("exec.start", command=" ")
    running = [job for job in (await call("exec.list"))["jobs"] if job["command"] == "no-such-program"]
    assert running == []


@pytest.mark.parametrize("cpu_seconds", [2**63, 10**25])
async def test_more_processor_time_than_there_is_limits_nothing(call, cpu_seconds: int):
    job = await call("exec.start", command="true", cpu_seconds=cpu_seconds)
    assert (await wait_for_end(call, job["job_id"]))["exit_code"] == 0


async def test_unknown_job_is_not_found(call):
    for name in ("exec.status", "exec.kill", "exec.collect"):
        with pytest.raises(ExecJobNotFound):
            await call(name, job_id="0000000000000000")


async def test_last_jobs_are_kept_and_listed(call, shared_agent):
    ids = []
    for number in range(22):
        job = await call("exec.start", command="echo", args=[str(number)])
        await wait_for_end(call, job["job_id"])
        ids.append(job["job_id"])
    kept = [job["job_id"] for job in (await call("exec.list"))["jobs"]]
    assert kept[0] == ids[-1]
    assert len(kept) <= 21
    with pytest.raises(ExecJobNotFound):
        await call("exec.status", job_id=ids[0])


async def test_project_is_in_use_while_a_job_runs(call):
    job = await call("exec.start", command="sleep", args=["100"])
    usage = await call("usage")
    assert (usage["idle_seconds"], usage["exec_jobs"]) == (0, 1)
    await call("exec.kill", job_id=job["job_id"])


async def test_jobs_end_with_the_agent_and_leave_no_log(agent, connector):
    given = {"command": "sleep", "args": ["1000"]}
    job = await connector.call(agent.socket_path, "exec.start", given, timeout_seconds=10)
    agent.stop()
    assert not _is_alive(job["pid"])
    agent.start()
    with pytest.raises(ExecJobNotFound):
        await connector.call(agent.socket_path, "exec.status", {"job_id": job["job_id"]}, timeout_seconds=10)
    assert list((agent.home / ".studiolo").iterdir()) == []


async def gather(events: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event async for event in events]


async def test_ring_forgets_the_oldest(log, tmp_path):
    for number in range(50):
        log.add("stdout", {"text": str(number)})
    log.end()
    events = await gather(log.events(0))
    assert events[0] == {"id": log.first_id - 1, "event": "truncated", "data": {"first": 1, "last": log.first_id - 1}}
    assert [event["data"]["text"] for event in events[1:]] == [str(n) for n in range(log.first_id - 1, 50)]
    assert len(list(tmp_path.iterdir())) == 3
    assert (await gather(log.events(log.last_id - 1)))[0]["data"]["text"] == "49"
    assert await gather(log.events(10_000)) == []


async def test_follower_waits_for_what_comes(log):
    following = asyncio.ensure_future(gather(log.events(0)))
    for number in range(5):
        log.add("stdout", {"text": str(number)})
        await asyncio.sleep(0)
    log.end()
    assert [event["data"]["text"] for event in await asyncio.wait_for(following, 5)] == list("01234")


async def test_removed_log_tells_its_follower_that_all_is_lost(log, tmp_path):
    log.add("stdout", {"text": "x"})
    log.remove()
    assert await gather(log.events(0)) == [{"id": 1, "event": "truncated", "data": {"first": 1, "last": 1}}]
    assert list(tmp_path.iterdir()) == []
