from dataclasses import replace
from typing import Any

import pytest

from studiolo.core.errors import AgentUnavailable, FileNotFound, ProjectNotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import Account, Principal, Role, Scope
from studiolo.domain.documents import read_snapshot
from studiolo.storage import collaborators
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio

CELL = {"id": "a", "cell_type": "code", "source": "1+1", "metadata": {}, "outputs": [], "execution_count": None}


def notebook(*cells: Any, **more: Any) -> dict[str, Any]:
    held = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    return {"path": "a.ipynb", "kind": "notebook", "notebook": held, "can_write": True, "kernel": {"state": "none"}}


async def test_opening_starts_the_project_and_tells_the_stages(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    hub.agent(project).files["a.ipynb"] = "{}"
    stages: list[str] = []
    snapshot = await hub.services.documents.open(as_person, project.project_id, "a.ipynb", stages.append)
    assert stages == ["starting_project", "opening_document"]
    assert (snapshot.path, snapshot.kind, snapshot.can_write) == ("a.ipynb", "notebook", True)
    assert snapshot.as_dict()["notebook"]["cells"] == []


async def test_a_text_document_has_content(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    hub.agent(project).files["a.md"] = "# Hi"
    snapshot = await hub.services.documents.open(as_person, project.project_id, "a.md")
    assert (snapshot.kind, snapshot.content, snapshot.notebook) == ("markdown", "# Hi", None)


async def test_a_missing_document_is_not_found(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    with pytest.raises(FileNotFound):
        await hub.services.documents.open(as_person, project.project_id, "none.md")


async def test_a_stranger_neither_opens_nor_joins(hub: FakeHub, as_person: Principal, as_stranger: Principal) -> None:
    project = await hub.project(as_person)
    with pytest.raises(ProjectNotFound):
        await hub.services.documents.open(as_stranger, project.project_id, "a.md")
    with pytest.raises(ProjectNotFound):
        async with hub.services.documents.join(as_stranger, project.project_id, "a.md"):
            raise AssertionError
    assert hub.runner.started == []


@pytest.mark.parametrize("path", ["b.md", "a.md/../b.md", "/a.md", "../a.md"])
async def test_a_narrowed_sign_in_opens_its_document_only(hub: FakeHub, as_person: Principal, path: str) -> None:
    project = await hub.project(as_person)
    hub.agent(project).files.update({"a.md": "", "b.md": ""})
    narrowed = replace(as_person, scope=Scope(project_id=project.project_id, path_prefix="a.md"))
    assert (await hub.services.documents.open(narrowed, project.project_id, "a.md")).can_write
    assert hub.agent(project).calls_of("documents.open")[0]["within"] == "a.md"
    with pytest.raises(FileNotFound):
        await hub.services.documents.open(narrowed, project.project_id, path)


@pytest.mark.parametrize("is_viewer", [True, False])
async def test_who_may_only_read_joins_as_a_reader(
    hub: FakeHub,
    database: Database,
    clock: MovingClock,
    as_person: Principal,
    as_stranger: Principal,
    is_viewer: bool,
) -> None:
    project, viewer = await hub.project(as_person), as_stranger.account_id
    assert viewer is not None
    await database.write(lambda tx: collaborators.put(tx, project.project_id, viewer, Role.VIEWER, {}, clock.now()))
    reader = as_stranger if is_viewer else replace(as_person, scope=Scope(is_read_only=True))
    hub.agent(project).files["a.md"] = ""
    assert not (await hub.services.documents.open(reader, project.project_id, "a.md")).can_write
    async with hub.services.documents.join(reader, project.project_id, "a.md") as joined:
        assert not joined.can_write
    [params] = hub.agent(project).calls_of("documents.join")
    assert params["can_write"] is False


async def test_joining_gives_a_channel_with_ones_name(hub: FakeHub, as_person: Principal, person: Account) -> None:
    project = await hub.project(as_person)
    async with hub.services.documents.join(as_person, project.project_id, "a.ipynb") as joined:
        assert (joined.kind, joined.path, joined.can_write) == ("notebook", "a.ipynb", True)
        await joined.channel.send(b"\x00\x01")
        async for frame in joined.channel.frames():
            assert frame == b"\x00\x01"
            break
    [params] = hub.agent(project).calls_of("documents.join")
    name = f"{person.first_name} {person.last_name}"
    rest = {"max_bytes": 50 * 1024 * 1024, "is_fresh": False}
    assert params == {"path": "a.ipynb", "can_write": True, "name": name, **rest}


async def test_joining_replaces_an_agent_that_died(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    await hub.services.projects.start(as_person, project.project_id)
    await hub.runner.kill(project.project_id)
    async with hub.services.documents.join(as_person, project.project_id, "a.md") as joined:
        assert joined.kind == "markdown"
    assert len(hub.runner.started) == 2


@pytest.mark.parametrize("answer", [{}, {"path": 1, "kind": "text", "generation": "1"}, {"path": "a", "kind": "zip"}])
async def test_joining_refuses_nonsense(hub: FakeHub, as_person: Principal, answer: dict) -> None:
    project = await hub.project(as_person)
    hub.agent(project).answers["documents.join"] = answer
    with pytest.raises(AgentUnavailable):
        async with hub.services.documents.join(as_person, project.project_id, "a.md"):
            raise AssertionError


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"path": "a", "kind": "zip"},
        {"path": "a" * 5000, "kind": "text", "content": ""},
        {"path": "a", "kind": "text"},
        {"path": "a", "kind": "text", "content": "x" * 101},
        {"path": "a", "kind": "notebook", "notebook": []},
        notebook(metadata=[]),
        notebook("cell"),
        notebook({**CELL, "id": 5}),
        notebook({**CELL, "id": "x" * 201}),
        notebook({**CELL, "cell_type": "evil"}),
        notebook({**CELL, "source": ["a", 1]}),
        notebook({**CELL, "source": {}}),
        notebook({**CELL, "outputs": {}}),
        notebook({**CELL, "outputs": ["x"]}),
        notebook({**CELL, "metadata": 1}),
        notebook({**CELL, "attachments": []}),
        notebook({**CELL, "execution_count": "1"}),
        notebook(*[CELL] * 20_001),
    ],
)
async def test_a_malformed_snapshot_is_no_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(AgentUnavailable):
        read_snapshot(ProjectId("p"), answer, can_write=True, max_bytes=100)


async def test_a_good_snapshot_is_taken() -> None:
    snapshot = read_snapshot(ProjectId("p"), notebook(CELL, {**CELL, "source": ["a\n", "b"]}), False, 100)
    assert snapshot.notebook is not None
    assert len(snapshot.notebook["cells"]) == 2
    assert (snapshot.can_write, snapshot.kernel) == (False, {"state": "none", "name": ""})
