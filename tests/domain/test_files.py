import asyncio
from dataclasses import replace

import pytest

from studiolo.core.errors import AgentUnavailable, FileNotFound, Forbidden, ProjectNotFound, ProjectNotRunning
from studiolo.core.models import Principal, Scope
from studiolo.core.settings import Settings
from studiolo.testing.clock import MovingClock
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio


async def test_what_is_written_is_read_from_a_stopped_project(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    await hub.services.files.write_text(as_person, project.project_id, "a/b.txt", "hello\nworld")
    assert await hub.services.files.read_text(as_person, project.project_id, "a/b.txt") == "hello\nworld"
    assert len(hub.runner.started) == 1


async def test_the_agent_is_told_how_much_may_be_read(hub: FakeHub, as_person: Principal, settings: Settings) -> None:
    project = await hub.project(as_person)
    hub.agent(project).files["x"] = ""
    await hub.services.files.read_text(as_person, project.project_id, "x")
    assert hub.agent(project).calls_of("files.read_text") == [{"path": "x", "max_bytes": settings.max_read_mb * 2**20}]


async def test_a_missing_file_is_told_in_historical_words(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    with pytest.raises(FileNotFound) as missing:
        await hub.services.files.read_text(as_person, project.project_id, "no.txt")
    home = f"/projects/{project.project_id}"
    assert missing.value.message == f"Error: ENOENT: no such file or directory, open '{home}/no.txt'"


async def test_a_stranger_neither_reads_nor_writes_nor_lists(
    hub: FakeHub, as_person: Principal, as_stranger: Principal
) -> None:
    project = await hub.project(as_person)
    who, where = as_stranger.account_id, project.project_id
    with pytest.raises(ProjectNotFound, match=f"^User {who} does not have read access to project {where}$"):
        await hub.services.files.read_text(as_stranger, where, "x")
    with pytest.raises(ProjectNotFound, match=f"^User {who} does not have write access to project {where}$"):
        await hub.services.files.write_text(as_stranger, where, "x", "y")
    with pytest.raises(ProjectNotFound):
        await hub.services.files.list(as_stranger, where, "")
    assert hub.runner.started == []


async def test_a_narrowed_sign_in_reaches_its_path_only(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    narrowed = replace(as_person, scope=Scope(project_id=project.project_id, path_prefix="mine"))
    await hub.services.files.write_text(narrowed, project.project_id, "mine/x", "1")
    for path in ("other", "mine/../other", "/etc/passwd", "mine2"):
        with pytest.raises(FileNotFound):
            await hub.services.files.read_text(narrowed, project.project_id, path)
    assert hub.agent(project).calls_of("files.write_text")[0]["within"] == "mine"  # for links, which the agent follows
    reader = replace(as_person, scope=Scope(is_read_only=True))
    with pytest.raises(Forbidden):
        await hub.services.files.write_text(reader, project.project_id, "mine/x", "2")


async def test_a_sign_in_that_may_not_start_meets_a_stopped_project(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    with pytest.raises(ProjectNotRunning):
        await hub.services.files.read_text(replace(as_person, scope=Scope(may_start=False)), project.project_id, "x")


async def test_a_directory_is_listed(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    await hub.services.files.write_text(as_person, project.project_id, "a", "123")
    [entry] = await hub.services.files.list(as_person, project.project_id, "")
    assert (entry.name, entry.is_directory, entry.size_bytes) == ("a", False, 3)


@pytest.mark.parametrize("answer", [{}, {"content": 3}, {"content": None}, {"entries": [{"name": 1}]}, {"entries": 5}])
async def test_nonsense_from_the_agent_is_no_answer(hub: FakeHub, as_person: Principal, answer: dict) -> None:
    project = await hub.project(as_person)
    hub.agent(project).answers = {"files.read_text": answer, "files.list": answer}
    call = hub.services.files.list if "entries" in answer else hub.services.files.read_text
    with pytest.raises(AgentUnavailable):
        await call(as_person, project.project_id, "x")


async def test_an_agent_that_died_is_replaced_at_the_next_call(
    hub: FakeHub, as_person: Principal, clock: MovingClock
) -> None:
    project = await hub.project(as_person)
    await hub.services.files.write_text(as_person, project.project_id, "a", "1")
    clock.move(1)  # one run of a project is told from the next by when it began
    await hub.runner.kill(project.project_id)
    contents = await asyncio.gather(
        *[hub.services.files.read_text(as_person, project.project_id, "a") for _ in range(5)]
    )
    assert contents == ["1"] * 5
    assert len(hub.runner.started) == 2


@pytest.mark.parametrize(
    "entries",
    [
        [{"name": "a", "is_directory": False, "size_bytes": 1, "modified_at": ""}] * 50_001,
        [{"name": "a", "is_directory": False, "size_bytes": 10**400, "modified_at": ""}],
        [{"name": "a", "is_directory": False, "size_bytes": -1, "modified_at": ""}],
    ],
    ids=["too many", "too large", "below nothing"],
)
async def test_a_listing_that_no_directory_has_is_refused(
    hub: FakeHub, as_person: Principal, entries: list[object]
) -> None:
    project = await hub.project(as_person)
    hub.agent(project).answers["files.list"] = {"entries": entries}
    with pytest.raises(AgentUnavailable):
        await hub.services.files.list(as_person, project.project_id, "")
