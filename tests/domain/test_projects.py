"""Projects: making them, and starting them once whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from studiolo.core.errors import (
    Forbidden,
    InvalidRequest,
    ProjectNotFound,
    ProjectNotRunning,
    RoleTooLow,
    RunnerUnavailable,
)
from studiolo.core.models import ANONYMOUS, Principal, Project, ProjectState, Role, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.lifecycle import CLAIM_STALE_SECONDS, START_TIMEOUT_SECONDS
from studiolo.storage import collaborators
from studiolo.storage import projects as rows
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.hubs import FakeHub, fake_hub, hub_on
from studiolo.testing.runners import FailsToStartRunner, FakeRunner, NeverStartsRunner, SlowRunner

pytestmark = pytest.mark.anyio


async def until(clock: MovingClock, is_so: Callable[[], Awaitable[bool]]) -> None:
    """Let work in the background go on, and time with it, until something is so."""
    async with asyncio.timeout(10):
        while not await is_so():
            await asyncio.sleep(0.005)
            clock.move(0.1)


async def state_of(database: Database, project: Project) -> ProjectState:
    found = await database.read(lambda tx: rows.get(tx, project.project_id))
    assert found is not None
    return found.state


async def test_create_makes_the_caller_owner(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.services.projects.create(as_person, "Homework", "Curves")
    assert (project.title, project.description, project.state) == ("Homework", "Curves", ProjectState.OPENED)
    assert project.role_of(as_person.account_id) is Role.OWNER
    assert hub.runner.started == []


async def test_create_without_words_has_empty_ones(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.services.projects.create(as_person)
    assert (project.title, project.description) == ("", "")


async def test_create_with_start_starts_without_waiting(hub: FakeHub, as_person: Principal, clock: MovingClock) -> None:
    project = await hub.services.projects.create(as_person, start=True)

    async def has_started() -> bool:
        return (await hub.services.projects.get(as_person, project.project_id)).state is ProjectState.RUNNING

    await until(clock, has_started)


async def test_many_creations_at_once_get_uids_of_their_own(hub: FakeHub, as_person: Principal) -> None:
    made = await asyncio.gather(*[hub.services.projects.create(as_person, str(n)) for n in range(12)])
    assert sorted(project.uid for project in made) == list(range(1, 13))


@pytest.mark.parametrize("scope", [Scope(is_read_only=True), Scope(may_start=False)])
async def test_create_refuses_a_narrowed_sign_in(hub: FakeHub, as_person: Principal, scope: Scope) -> None:
    with pytest.raises(Forbidden, match=r"^You must be signed in to create a new project\.$"):
        await hub.services.projects.create(replace(as_person, scope=scope), "x")


async def test_create_refuses_nobody(hub: FakeHub) -> None:
    with pytest.raises(Forbidden, match=r"^You must be signed in to create a new project\.$"):
        await hub.services.projects.create(ANONYMOUS, "x")


@pytest.mark.parametrize("title", ["a\0b", "\ud800", "x" * 1001])
async def test_create_names_the_title_that_cannot_be(hub: FakeHub, as_person: Principal, title: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await hub.services.projects.create(as_person, title)
    assert refused.value.message.startswith(f"Failed to create new project '{title}' -- title ")


async def test_list_shows_only_ones_own_newest_first(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, clock: MovingClock
) -> None:
    first = await hub.project(as_person, "first")
    clock.move(1)
    second = await hub.project(as_person, "second")
    await hub.project(as_stranger, "another's")
    listed = await hub.services.projects.list_for(as_person)
    assert [one.project_id for one in listed] == [second.project_id, first.project_id]
    narrowed = replace(as_person, scope=Scope(project_id=first.project_id))
    assert [one.title for one in await hub.services.projects.list_for(narrowed)] == ["first"]
    assert await hub.services.projects.list_for(ANONYMOUS) == []


async def test_update_changes_what_is_given(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.services.projects.create(as_person, "old", "kept")
    changed = await hub.services.projects.update(as_person, project.project_id, title="new")
    assert (changed.title, changed.description) == ("new", "kept")


@pytest.mark.parametrize("call", ["update", "start", "stop", "restart"])
async def test_a_stranger_is_told_there_is_no_access(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, call: str
) -> None:
    project = await hub.project(as_person)
    with pytest.raises(ProjectNotFound) as refused:
        await getattr(hub.services.projects, call)(as_stranger, project.project_id)
    assert refused.value.message == (
        f"User {as_stranger.account_id} does not have write access to project {project.project_id}"
    )


async def test_a_viewer_may_not_stop(
    hub: FakeHub, database: Database, as_person: Principal, as_stranger: Principal, clock: MovingClock
) -> None:
    project, viewer = await hub.project(as_person), as_stranger.account_id
    assert viewer is not None
    await database.write(lambda tx: collaborators.put(tx, project.project_id, viewer, Role.VIEWER, {}, clock.now()))
    with pytest.raises(RoleTooLow):
        await hub.services.projects.stop(as_stranger, project.project_id)


async def test_touch_starts_and_says_when_it_may_not(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, clock: MovingClock
) -> None:
    project = await hub.project(as_person)
    clock.move(5)
    await hub.services.projects.touch(as_person, project.project_id)

    async def has_started() -> bool:
        found = await hub.services.projects.get(as_person, project.project_id)
        return found.state is ProjectState.RUNNING and found.last_active_at != project.last_active_at

    await until(clock, has_started)
    with pytest.raises(
        ProjectNotFound, match=f"unable to touch project {project.project_id} -- must have write access"
    ):
        await hub.services.projects.touch(as_stranger, project.project_id)


async def test_start_stop_restart(hub: FakeHub, database: Database, as_person: Principal) -> None:
    project = await hub.project(as_person)
    projects = hub.services.projects
    await projects.start(as_person, project.project_id)
    await projects.start(as_person, project.project_id)
    assert await state_of(database, project) is ProjectState.RUNNING
    assert len(hub.runner.started) == 1
    await projects.restart(as_person, project.project_id)
    assert (len(hub.runner.started), len(hub.runner.stopped)) == (2, 1)
    await projects.stop(as_person, project.project_id)
    await projects.stop(as_person, project.project_id)
    assert await state_of(database, project) is ProjectState.OPENED
    assert len(hub.runner.stopped) == 2


async def test_the_runner_is_told_uid_and_limits(
    hub: FakeHub, database: Database, as_person: Principal, settings: Settings
) -> None:
    project = await hub.project(as_person)
    await database.write(lambda tx: rows.change(tx, project.project_id, {"limits": {"memory_mb": 64}}))
    await hub.services.projects.start(as_person, project.project_id)
    [spec] = hub.runner.started
    assert (spec.uid, spec.limits.memory_bytes) == (project.uid, 64 * 1024 * 1024)
    assert (spec.limits.cpu_cores, spec.limits.processes) == (settings.cpu_cores, settings.processes)


async def test_may_start_false_refuses_a_stopped_project(hub: FakeHub, as_person: Principal) -> None:
    project = await hub.project(as_person)
    with pytest.raises(ProjectNotRunning):
        await hub.services.projects.ensure_running(project, may_start=False)


async def test_many_callers_share_one_start_and_hear_its_progress(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with fake_hub(settings, database, clock, secret_source, runner=SlowRunner) as hub:
        project = await hub.project(as_person)
        heard: list[str] = []
        first = asyncio.create_task(hub.services.projects.ensure_running(project, progress=heard.append))
        await hub.runner.has_begun.wait()
        second = asyncio.create_task(hub.services.projects.ensure_running(project, progress=heard.append))
        await asyncio.sleep(0)
        first.cancel()
        hub.runner.release()
        assert (await second).endswith(".sock")
        assert heard == ["starting_project", "starting_project"]
        assert len(hub.runner.started) == 1
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_failed_start_is_told_recorded_and_can_be_repeated(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with fake_hub(settings, database, clock, secret_source, runner=FailsToStartRunner) as hub:
        project = await hub.project(as_person)
        for _ in range(2):
            with pytest.raises(RunnerUnavailable, match="There is no room for another project"):
                await hub.services.projects.start(as_person, project.project_id)
        found = await hub.services.projects.get(as_person, project.project_id)
        assert (found.state, found.state_error) == (ProjectState.OPENED, "There is no room for another project.")


async def test_a_start_that_never_ends_is_given_up(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with fake_hub(settings, database, clock, secret_source, runner=NeverStartsRunner) as hub:
        project = await hub.project(as_person)
        starting = asyncio.create_task(hub.services.projects.start(as_person, project.project_id))
        await hub.runner.has_begun.wait()
        clock.move(START_TIMEOUT_SECONDS)
        with pytest.raises(RunnerUnavailable, match="did not start within 60 seconds"):
            await starting
        assert await state_of(database, project) is ProjectState.OPENED


async def test_another_hub_waits_for_the_one_that_starts(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with (
        fake_hub(settings, database, clock, secret_source, runner=SlowRunner) as one,
        hub_on(settings, database, clock, secret_source, runner=one.runner) as other,
    ):
        project = await one.project(as_person)
        starts = [asyncio.create_task(hub.services.projects.ensure_running(project)) for hub in (one, other)]
        await one.runner.has_begun.wait()

        async def is_renewed() -> bool:  # longer than a silent claim would last
            return clock.monotonic() > 3 * CLAIM_STALE_SECONDS

        await until(clock, is_renewed)
        assert await state_of(database, project) is ProjectState.STARTING
        one.runner.release()

        async def are_done() -> bool:
            return all(start.done() for start in starts)

        await until(clock, are_done)
        assert len({start.result() for start in starts}) == 1
        assert len(one.runner.started) == 1


async def test_a_hub_that_died_while_starting_is_replaced(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with fake_hub(settings, database, clock, secret_source, runner=SlowRunner) as one:
        project = await one.project(as_person)
        starting = asyncio.create_task(one.services.projects.start(as_person, project.project_id))
        await one.runner.has_begun.wait()
        await one.services.projects.close()  # as if it had died: the claim stays in the table
        await asyncio.gather(starting, return_exceptions=True)
        assert await state_of(database, project) is ProjectState.STARTING
        one.runner.release()
        async with hub_on(settings, database, clock, secret_source, runner=one.runner) as other:
            await other.services.projects.adopt_all()

            async def is_running() -> bool:
                return await state_of(database, project) is ProjectState.RUNNING

            await until(clock, is_running)
        assert len(one.runner.started) == 1


async def test_adopting_finds_who_lives_and_who_died(
    settings: Settings, database: Database, clock: MovingClock, secret_source: SystemSecretSource, as_person: Principal
) -> None:
    async with fake_hub(settings, database, clock, secret_source, runner=FakeRunner) as one:
        alive, dead = await one.project(as_person), await one.project(as_person)
        for project in (alive, dead):
            await one.services.projects.start(as_person, project.project_id)
        await one.runner.kill(dead.project_id)
        async with hub_on(settings, database, clock, secret_source, runner=one.runner) as other:
            await other.services.projects.adopt_all()
            assert await state_of(database, alive) is ProjectState.RUNNING
            found = await other.services.projects.get(as_person, dead.project_id)
            assert (found.state, found.state_error) == (ProjectState.OPENED, "The project ended by itself.")
        assert len(one.runner.started) == 2


async def test_a_stop_that_was_left_half_done_is_finished(
    hub: FakeHub, database: Database, as_person: Principal, clock: MovingClock
) -> None:
    project = await hub.project(as_person)
    await hub.services.projects.start(as_person, project.project_id)
    now = clock.now()
    await database.write(lambda tx: rows.claim_stop(tx, project.project_id, now=now, stale_before=now))
    await hub.services.projects.adopt_all()

    async def is_stopped() -> bool:
        return await state_of(database, project) is ProjectState.OPENED

    await until(clock, is_stopped)
    assert hub.runner.stopped == [project.project_id]


async def test_stop_all_stops_what_runs(hub: FakeHub, as_person: Principal) -> None:
    for title in ("a", "b"):
        project = await hub.project(as_person, title)
        await hub.services.projects.start(as_person, project.project_id)
    await hub.project(as_person, "never started")
    await hub.services.projects.stop_all()
    assert len(hub.runner.stopped) == 2
    assert hub.runner.alive == set()


async def test_only_idle_projects_are_stopped(
    hub: FakeHub, as_person: Principal, clock: MovingClock, settings: Settings
) -> None:
    idle, busy, recent = [await hub.project(as_person, title) for title in ("idle", "busy", "recent")]
    for project in (idle, busy):
        await hub.services.projects.start(as_person, project.project_id)
        hub.agent(project).idle_seconds = settings.idle_timeout_seconds + 1
    hub.agent(busy).idle_seconds = 3
    clock.move(settings.idle_timeout_seconds + 1)
    await hub.services.projects.start(as_person, recent.project_id)
    hub.agent(recent).idle_seconds = settings.idle_timeout_seconds + 1
    assert await hub.services.projects.stop_idle() == [idle.project_id]
    assert hub.runner.alive == {busy.project_id, recent.project_id}
