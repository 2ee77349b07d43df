"""Commands that run by themselves are listened to through the client, over connections that break."""

import pytest

from studiolo.client import AsyncClient, Client
from studiolo.client.errors import NotFound, StudioloError
from studiolo.testing.proxies import CuttingProxy
from studiolo.testing.servers import Server

pytestmark = pytest.mark.live
COUNTING = "for i in $(seq 1 300); do echo line $i; sleep 0.002; done; echo oh >&2; exit 3"
COUNTED = "".join(f"line {n}\n" for n in range(1, 301))


def test_job_is_heard_to_its_end(real_client: Client, project_id: str):
    job = real_client.exec.start(project_id=project_id, command=COUNTING, bash=True)
    events = list(real_client.exec.follow(project_id=project_id, job_id=job.job_id))
    assert "".join(event.text for event in events if event.kind == "stdout") == COUNTED
    assert "".join(event.text for event in events if event.kind == "stderr") == "oh\n"
    assert (events[-1].kind, events[-1].status, events[-1].exit_code) == ("exit", "completed", 3)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert real_client.exec.status(project_id=project_id, job_id=job.job_id).exit_code == 3
    after = events[-2].number
    assert list(real_client.exec.follow(project_id=project_id, job_id=job.job_id, after=after)) == events[-1:]
    assert list(real_client.exec.follow(project_id=project_id, job_id=job.job_id, after=after + 1)) == []


def test_broken_connection_is_taken_up_where_it_was(
    real_client: Client, through_proxy: Client, proxy: CuttingProxy, project_id: str
):
    job = real_client.exec.start(project_id=project_id, command=COUNTING, bash=True)
    proxy.cuts_of_answers = [1500, 2500]
    events = list(through_proxy.exec.follow(project_id=project_id, job_id=job.job_id))
    assert "".join(event.text for event in events if event.kind == "stdout") == COUNTED
    assert proxy.connections >= 3


def test_job_is_killed(real_client: Client, project_id: str):
    job = real_client.exec.start(project_id=project_id, command="sleep", args=["600"])
    assert real_client.exec.list(project_id=project_id).jobs[0].job_id == job.job_id
    real_client.exec.kill(project_id=project_id, job_id=job.job_id)
    (end,) = real_client.exec.follow(project_id=project_id, job_id=job.job_id)
    assert (end.kind, end.status, end.signal) == ("exit", "killed", 15)


def test_job_that_is_not_there_is_refused(real_client: Client, project_id: str):
    with pytest.raises(NotFound):
        next(real_client.exec.follow(project_id=project_id, job_id="0" * 16))


def test_end_of_the_project_ends_the_listening(real_client: Client, real_server: Server):
    project_id = real_server.project(start=True)
    job = real_client.exec.start(project_id=project_id, command="sleep", args=["600"])
    listening = real_client.exec.follow(project_id=project_id, job_id=job.job_id)
    real_client.queries.query(query={"projects": {"project_id": project_id, "action_request": {"action": "stop"}}})
    with pytest.raises(StudioloError):
        list(listening)


@pytest.mark.anyio
async def test_job_is_heard_with_await(real_server: Server, project_id: str):
    async with AsyncClient(real_server.address, real_server.key) as client:
        job = await client.exec.start(project_id=project_id, command=COUNTING, bash=True)
        said = [event async for event in client.exec.follow(project_id=project_id, job_id=job.job_id)]
    assert "".join(event.text for event in said if event.kind == "stdout") == COUNTED
    assert said[-1].exit_code == 3
