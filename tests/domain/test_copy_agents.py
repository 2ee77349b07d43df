"""Copies between projects whose runner shares no disk: rows, workers and real agents."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from studiolo.app.copy_engine import copy_engine
from studiolo.core.errors import ProjectNotFound
from studiolo.core.ids import ProjectId
from studiolo.core.models import Principal, ProjectState
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyRequest
from studiolo.domain.copy_agents import CopyAgents
from studiolo.domain.copy_group_requests import GroupRequest
from studiolo.domain.copy_targets import Member
from studiolo.domain.copying import Copying
from studiolo.domain.lifecycle import Lifecycle
from studiolo.runtime.copying.engine import ChoosingEngine
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.homes import HomeRunner
from studiolo.testing.hubs import FakeHub

pytestmark = pytest.mark.anyio
NO_KEEPER = cast("Any", None)


class FarRunner(HomeRunner):
    """Says that each of its projects has a disk of its own."""

    shares_disk = False


@pytest.fixture
async def runner(anyio_backend: str) -> AsyncIterator[FarRunner]:
    with tempfile.TemporaryDirectory(prefix="st-") as directory:
        runner = FarRunner(Path(directory))
        yield runner
        await runner.close()


async def test_copy_between_hosts_starts_both_projects_and_finishes(
    hub: FakeHub, as_person: Principal, settings: Settings, database: Database, clock: MovingClock, runner: FarRunner
):
    source, target = await hub.project(as_person, "source"), await hub.project(as_person, "target")
    (runner.home(source.project_id) / "a.txt").write_text("hello")
    copies = hub.services.copies
    copy = await copies.create(as_person, CopyRequest(source.project_id, "a.txt", target.project_id))
    engine = copy_engine(settings, database, clock, runner, NO_KEEPER)
    assert await Copying(settings, database, clock, engine).run_one("w")
    done = await copies.status(as_person, copy.copy_id)
    assert (done.error, done.files_done, done.bytes_done) == (None, 1, 5)
    assert (runner.home(target.project_id) / "a.txt").read_text() == "hello"


async def test_assignment_is_handed_out_and_revised_between_hosts(
    hub: FakeHub, as_person: Principal, settings: Settings, database: Database, clock: MovingClock, runner: FarRunner
):
    course, *students = [await hub.project(as_person, title) for title in ("course", "ada", "emmy")]
    task = runner.home(course.project_id) / "ps1" / "task.md"
    task.parent.mkdir()
    task.write_text("Answer:\n\n\nDue on Monday.\n")
    copying = Copying(settings, database, clock, copy_engine(settings, database, clock, runner, NO_KEEPER))
    members = tuple(Member(student.project_id) for student in students)
    request = GroupRequest("hand_out", course.project_id, "ps1", None, members)

    async def order(**options: Any) -> list[dict[str, Any] | None]:
        group, _ = await hub.services.copy_groups.create(as_person, replace(request, **options))
        while await copying.run_one("w"):
            pass
        status = await hub.services.copy_groups.status(as_person, group.group_id, limit=10)
        assert [copy.error for copy, _ in status.copies] == [None, None]
        return [copy.report for copy, _ in status.copies]

    await order()
    theirs = [runner.home(student.project_id) / "ps1" / "task.md" for student in students]
    theirs[0].write_text("Answer: 42\n\n\nDue on Monday.\n")
    task.write_text("Answer:\n\n\nDue on Tuesday.\n")
    foreseen = await order(mode="rehearse")
    done = await order(mode="revise")
    assert done == foreseen
    assert [report and report["merged"] for report in done] == [1, 0]
    assert [report and report["updated"] for report in done] == [0, 1]
    assert [one.read_text() for one in theirs] == ["Answer: 42\n\n\nDue on Tuesday.\n", task.read_text()]


async def test_agent_that_died_is_started_again(
    hub: FakeHub, as_person: Principal, settings: Settings, database: Database, clock: MovingClock, runner: FarRunner
):
    project = await hub.project(as_person)
    lifecycle = Lifecycle(settings, database, clock, runner)
    agents = CopyAgents(lifecycle)
    path = await agents.socket_path(project.project_id)
    await runner.stop(project.project_id, {})
    assert await agents.socket_path(project.project_id) == path
    assert await runner.poll(project.project_id, {})
    assert (await lifecycle.read(project.project_id)).state is ProjectState.RUNNING
    await lifecycle.close()


async def test_project_that_is_gone_is_said_to_be(
    settings: Settings, database: Database, clock: MovingClock, runner: FarRunner
):
    agents = CopyAgents(Lifecycle(settings, database, clock, runner))
    with pytest.raises(ProjectNotFound):
        await agents.socket_path(ProjectId("11111111-1111-4111-8111-111111111111"))


async def test_projects_on_one_disk_are_copied_by_the_keeper(
    settings: Settings, database: Database, clock: MovingClock, runner: FarRunner
):
    assert isinstance(copy_engine(settings, database, clock, HomeRunner(Path("unused")), NO_KEEPER), ChoosingEngine)
