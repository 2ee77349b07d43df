"""Commands that run by themselves, and their output as server-sent events, with the real agent behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from studiolo.core.errors import ExecJobNotFound
from studiolo.core.settings import Settings
from studiolo.storage import tables
from studiolo.testing.homes import HomeRunner
from studiolo.web.metrics import Metrics
from studiolo.web.middleware import middleware
from studiolo.web.streams.door import Door, Doorkeeper
from studiolo.web.streams.exec_output import ExecOutput

pytestmark = pytest.mark.anyio
COUNTING = "for i in 1 2 3; do echo $i; done"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, exec_jobs_per_project=2, exec_cpu_seconds=100)


@pytest.fixture
def runner(home_runner: HomeRunner) -> HomeRunner:
    return home_runner


@pytest.fixture
def listen(project_id):
    """Return a function that listens to a job as a caller, up to the end."""

    async def listen(caller: Any, job_id: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if caller.header is not None:
            named["Authorization"] = caller.header
        given = {"project_id": project_id, "job_id": job_id}
        return await caller.http.get("/api/v1/exec_output", params=given, headers=named)

    return listen


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the events of a stream, each with its id if it has one."""
    events: list[dict[str, Any]] = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events


async def start_with_key(caller: Any, key: str, /, **parameters: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    return await caller.post_to("/api/v1/start_exec", content=json.dumps(parameters), headers=headers)


async def test_job_is_started_once_with_a_key(as_owner, project_id, runner):
    given = {"project_id": project_id, "command": "echo once >> made", "bash": True}
    first = (await start_with_key(as_owner, "k1", **given)).json()
    await as_owner.call("exec_status", project_id=project_id, job_id=first["job_id"], wait=20)
    again = await start_with_key(as_owner, "k1", **given)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.json()["job_id"], again.json()["status"]) == (first["job_id"], "completed")
    assert (runner.home(project_id) / "made").read_text() == "once\n"
    other = await start_with_key(as_owner, "k2", **given)
    assert other.json()["job_id"] != first["job_id"]


async def test_job_started_by_a_hub_that_died_is_found_by_its_key(as_owner, project_id, runner, database):
    """The agent has started it, the hub was killed before it noted that."""
    given = {"project_id": project_id, "command": "echo once >> made", "bash": True}
    first = (await start_with_key(as_owner, "k1", **given)).json()
    await as_owner.call("exec_status", project_id=project_id, job_id=first["job_id"], wait=20)
    await database.write(lambda tx: tx.execute(tables.idempotency_keys.delete()))
    again = (await start_with_key(as_owner, "k1", **given)).json()
    assert again["job_id"] == first["job_id"]
    assert (runner.home(project_id) / "made").read_text() == "once\n"


async def test_job_that_could_not_be_started_may_be_tried_again_with_its_key(as_owner, project_id, runner):
    given = {"project_id": project_id, "command": "./tool"}
    assert (await start_with_key(as_owner, "k1", **given)).json()["code"] == "command_failed"
    tool = runner.home(project_id) / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert (await start_with_key(as_owner, "k1", **given)).json()["status"] == "running"


async def test_job_is_started_followed_and_told_of(as_owner, project_id, listen):
    job = await as_owner.call("start_exec", project_id=project_id, command=COUNTING)
    assert (job["event"], job["status"], "exit_code" in job) == ("exec_job", "running", False)
    answer = await listen(as_owner, job["job_id"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    events = events_of(answer)
    assert "".join(event["data"]["text"] for event in events[:-1]) == "1\n2\n3\n"
    assert events[-1]["event"] == "exit"
    assert events[-1]["data"] == {"status": "completed", "exit_code": 0, "signal": None}
    status = await as_owner.call("exec_status", project_id=project_id, job_id=job["job_id"], wait=10)
    assert (status["status"], status["exit_code"], status["stdout_bytes"]) == ("completed", 0, 6)
    listed = await as_owner.call("list_exec", project_id=project_id)
    assert [one["job_id"] for one in listed["jobs"]] == [job["job_id"]]


async def test_listener_comes_back_where_it_was(as_owner, project_id, listen):
    job = await as_owner.call("start_exec", project_id=project_id, command="echo a; sleep 0.1; echo b")
    events = events_of(await listen(as_owner, job["job_id"]))
    rest = events_of(await listen(as_owner, job["job_id"], Last_Event_ID=events[0]["id"]))
    assert rest == events[1:]
    done = await listen(as_owner, job["job_id"], Last_Event_ID=events[-1]["id"])
    assert (done.status_code, done.content) == (204, b"")


async def test_job_is_ended(as_owner, project_id):
    job = await as_owner.call("start_exec", project_id=project_id, command="sleep", args=["1000"])
    ended = await as_owner.call("kill_exec", project_id=project_id, job_id=job["job_id"])
    assert (ended["status"], ended["signal"]) == ("killed", 15)
    again = await as_owner.call("kill_exec", project_id=project_id, job_id=job["job_id"])
    assert again["status"] == "killed"


async def test_one_job_too_many_is_refused(as_owner, project_id):
    jobs = [await as_owner.call("start_exec", project_id=project_id, command="sleep 1000") for _ in range(2)]
    refused = await as_owner.call("start_exec", project_id=project_id, command="sleep 1000")
    assert (refused["event"], refused["code"]) == ("error", "conflict")
    for job in jobs:
        await as_owner.call("kill_exec", project_id=project_id, job_id=job["job_id"])


@pytest.mark.parametrize(
    ("name", "parameters", "code"),
    [
        ("start_exec", {"command": "no-such-program"}, "command_failed"),
        ("start_exec", {"command": ""}, "invalid_request"),
        ("start_exec", {"command": "ls", "timeout": 86_401}, "invalid_request"),
        ("start_exec", {"command": "ls", "timeout": 0}, "invalid_request"),
        ("start_exec", {"command": "ls", "cpu_seconds": 0}, "invalid_request"),
        ("start_exec", {"command": "ls", "env": ["a"]}, "invalid_request"),
        ("exec_status", {"job_id": "0000000000000000"}, "exec_job_not_found"),
        ("kill_exec", {"job_id": "0000000000000000"}, "exec_job_not_found"),
        ("kill_exec", {"job_id": "0000000000000000", "grace": 61}, "invalid_request"),
    ],
)
async def test_refusal_says_why(as_owner, project_id, name, parameters, code):
    answer = await as_owner.call(name, project_id=project_id, **parameters)
    assert (answer["event"], answer["code"]) == ("error", code), answer


async def test_environment_and_directory_are_given(as_owner, project_id, runner, listen):
    (runner.home(project_id) / "d").mkdir()
    given = {"command": "pwd; echo $GREETING", "path": "d", "env": {"GREETING": "hello"}}
    job = await as_owner.call("start_exec", project_id=project_id, **given)
    events = events_of(await listen(as_owner, job["job_id"]))
    assert "".join(event["data"]["text"] for event in events[:-1]) == f"{runner.home(project_id)}/d\nhello\n"


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("viewer", 403), ("anonymous", 401)])
async def test_who_may_not_does_not_hear_anything(
    as_owner, as_stranger, as_anonymous, project_id, add_person, listen, who, status
):
    job = await as_owner.call("start_exec", project_id=project_id, command="echo secret")
    if who == "viewer":
        await add_person(project_id, as_stranger, "viewer")
    answer = await listen(as_anonymous if who == "anonymous" else as_stranger, job["job_id"])
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "code"}
    assert (await listen(as_owner, "0000000000000000")).status_code == 404
    assert (await listen(as_owner, "")).status_code == 400
    assert (await listen(as_owner, job["job_id"], Last_Event_ID="x")).status_code == 400


class Listener:
    """Somebody who listens to a job at a door of its own, whose heart beats fast."""

    def __init__(self, app: Starlette, query: str, header: str) -> None:
        self.text = ""
        self._heard = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/exec_output",
            "query_string": query.encode(),
            "headers": [(b"authorization", header.encode())],
            "client": ("192.0.2.1", 5000),
            "scheme": "https",
            "server": ("studiolo.test", 443),
        }
        self.listening = asyncio.ensure_future(app(scope, self._stay, self._take))

    async def hear(self, text: str) -> None:
        """Wait until something was said."""
        async with asyncio.timeout(10):
            while text not in self.text:
                self._heard.clear()
                await self._heard.wait()

    async def _stay(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")

    async def _take(self, message: Any) -> None:
        self.text += message.get("body", b"").decode()
        self._heard.set()


@pytest.fixture
async def listener(services, settings, clock, secret_source, project_id) -> AsyncIterator[Any]:
    """Return a function that makes a listener."""
    output = Door({"GET": ExecOutput(services, Doorkeeper(services), clock, heartbeat_seconds=0.05).exec_output})
    app = Starlette(middleware=middleware(settings, clock, secret_source, Metrics()))
    app.router.add_route("/api/v1/exec_output", output)  # type: ignore[arg-type] - an ASGI application
    made: list[Listener] = []

    def make(caller: Any, job: dict[str, Any]) -> Listener:
        made.append(Listener(app, f"project_id={project_id}&job_id={job['job_id']}", caller.header))
        return made[-1]

    yield make
    for one in made:
        one.listening.cancel()
    await asyncio.gather(*[one.listening for one in made], return_exceptions=True)


async def test_silent_job_is_heard_to_be_alive(as_owner, project_id, listener):
    job = await as_owner.call("start_exec", project_id=project_id, command="sleep 1000")
    listening = listener(as_owner, job)
    await listening.hear(": still running\n\n: still running\n\n")
    await as_owner.call("kill_exec", project_id=project_id, job_id=job["job_id"])
    await listening.hear("event: exit\n")


async def test_who_may_no_longer_stops_hearing(
    as_owner, as_stranger, project_id, add_person, listener, clock, services
):
    await add_person(project_id, as_stranger, "collaborator")
    job = await as_stranger.call("start_exec", project_id=project_id, command="sleep 1000")
    listening = listener(as_stranger, job)
    await listening.hear(": still running\n\n")
    await services.collaborators.remove(as_owner.principal, project_id, as_stranger.account_id)
    clock.move(1)
    await listening.hear("event: refused\n")
    await asyncio.wait_for(listening.listening, 10)
    assert '"code":"project_not_found"' in listening.text
    await as_owner.call("kill_exec", project_id=project_id, job_id=job["job_id"])


async def test_stop_of_the_project_ends_the_stream(as_owner, project_id, listener, services):
    job = await as_owner.call("start_exec", project_id=project_id, command="sleep 1000")
    listening = listener(as_owner, job)
    await listening.hear("retry: ")
    await services.projects.stop(as_owner.principal, project_id)
    await asyncio.wait_for(listening.listening, 10)
    assert "event: exit\n" in listening.text or "event: gone\n" in listening.text
    with pytest.raises(ExecJobNotFound):
        await services.exec_jobs.status(as_owner.principal, project_id, job["job_id"])
