"""Copies that somebody waits for are begun by the hub that writes them down, when nobody is overtaken by that."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from studiolo.core.errors import CopyCancelled, CopyFailed, RunnerUnavailable, Unavailable
from studiolo.core.models import CopyOperation, CopyOrder, Principal, Project
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyRequest
from studiolo.domain.prompt_copies import SLOTS
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.copying import FakeCopyEngine, SlowCopyEngine
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FakeRunner

pytestmark = pytest.mark.anyio


@pytest.fixture
def engine(anyio_backend: str) -> SlowCopyEngine:
    return SlowCopyEngine()


@pytest.fixture
async def slow_hub(
    settings: Settings, database: Database, clock: MovingClock, engine: SlowCopyEngine
) -> AsyncGenerator[FakeHub]:
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        yield hub


@pytest.fixture
async def source(hub: FakeHub, as_person: Principal) -> Project:
    return await hub.project(as_person, "source")


async def order(hub: FakeHub, principal: Principal, source: Project, **options: str) -> CopyOperation:
    """Order a copy that is waited for, into a project of its own."""
    target = await hub.project(principal)
    request = CopyRequest(source.project_id, "x", target.project_id, **options)  # type: ignore[arg-type]
    return await hub.services.copies.create(principal, request, is_awaited=True)


async def is_begun(hub: FakeHub, principal: Principal, copy: CopyOperation) -> bool:
    return (await hub.services.copies.status(principal, copy.copy_id)).started_at is not None


async def test_what_is_waited_for_is_done_without_a_worker(
    hub: FakeHub, as_person: Principal, source: Project, clock: MovingClock
) -> None:
    hub.engine.report = {"files": 1, "files_done": 1, "bytes_done": 10}
    copy = await order(hub, as_person, source)
    ended = await hub.services.copies.wait(copy.copy_id)
    assert (ended.finished_at, ended.error, ended.attempts, ended.bytes_total) == (clock.now(), None, 1, 10)
    assert ended == await hub.services.copies.status(as_person, copy.copy_id)
    assert not await hub.services.copies.run_one("w")


async def test_it_is_written_down_as_under_way_before_anything_is_done(
    slow_hub: FakeHub, as_person: Principal, source: Project, engine: SlowCopyEngine
) -> None:
    copy = await order(slow_hub, as_person, source)
    assert engine.orders == []
    assert await is_begun(slow_hub, as_person, copy)
    assert not await slow_hub.services.copies.run_one("w")
    engine.release()
    await slow_hub.services.copies.wait(copy.copy_id)
    assert len(engine.orders) == 1


async def test_nobody_who_waits_is_overtaken(hub: FakeHub, as_person: Principal, source: Project) -> None:
    request = CopyRequest(source.project_id, "x", source.project_id, "y")
    first = await hub.services.copies.create(as_person, request)
    second = await order(hub, as_person, source)
    assert not await is_begun(hub, as_person, second)
    assert await hub.services.copies.run_one("w")
    assert await is_begun(hub, as_person, first)
    third = await order(hub, as_person, source)
    assert not await is_begun(hub, as_person, third)
    while await hub.services.copies.run_one("w"):
        pass
    for copy in (second, third):
        assert (await hub.services.copies.wait(copy.copy_id)).error is None


async def test_who_ordered_one_copy_goes_before_the_later_ones_of_who_ordered_many(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, source: Project, clock: MovingClock
) -> None:
    theirs = await hub.project(as_stranger)
    for path in ("a", "b", "c"):
        await hub.services.copies.create(as_stranger, CopyRequest(theirs.project_id, "x", theirs.project_id, path))
    assert not await is_begun(hub, as_person, await order(hub, as_person, source))  # the first one of each is due
    assert [await hub.services.copies.run_one("w") for _ in range(2)] == [True, True]
    clock.move(1)
    assert await is_begun(hub, as_person, await order(hub, as_person, source))
    assert not await is_begun(hub, as_stranger, await order(hub, as_stranger, theirs))


async def test_a_scheduled_copy_whose_moment_came_is_not_overtaken_but_a_later_one_is(
    hub: FakeHub, as_person: Principal, source: Project, clock: MovingClock
) -> None:
    moment = (clock.now() + timedelta(seconds=60)).isoformat()
    request = CopyRequest(source.project_id, "x", source.project_id, "y", scheduled=moment)
    scheduled = await hub.services.copies.create(as_person, request, is_awaited=True)
    assert not await is_begun(hub, as_person, scheduled)
    assert await is_begun(hub, as_person, await order(hub, as_person, source))
    clock.move(60)
    assert not await is_begun(hub, as_person, await order(hub, as_person, source))


@pytest.mark.parametrize("limit", ["copies_per_account", "copies_per_project"])
async def test_limits_hold(
    settings: Settings,
    database: Database,
    clock: MovingClock,
    engine: SlowCopyEngine,
    as_person: Principal,
    source: Project,
    limit: str,
) -> None:
    narrow = settings.model_copy(update={limit: 1})
    async with fake_hub(narrow, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        first, second = await order(hub, as_person, source), await order(hub, as_person, source)
        assert [await is_begun(hub, as_person, copy) for copy in (first, second)] == [True, False]
        engine.release()
        await hub.services.copies.wait(first.copy_id)
        assert await hub.services.copies.run_one("w")


async def test_limits_are_each_accounts_and_each_projects_own(
    settings: Settings,
    database: Database,
    clock: MovingClock,
    engine: SlowCopyEngine,
    as_person: Principal,
    as_stranger: Principal,
) -> None:
    narrow = settings.model_copy(update={"copies_per_account": 1, "copies_per_project": 1})
    async with fake_hub(narrow, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        for principal in (as_person, as_stranger):
            copy = await order(hub, principal, await hub.project(principal))
            assert await is_begun(hub, principal, copy)
        engine.release()


async def test_only_a_few_are_begun_at_once(
    settings: Settings, database: Database, clock: MovingClock, engine: SlowCopyEngine, as_person: Principal
) -> None:
    wide = settings.model_copy(update={"copies_per_account": 2 * SLOTS})
    async with fake_hub(wide, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        copies = [await order(hub, as_person, await hub.project(as_person)) for _ in range(SLOTS + 1)]
        begun = [await is_begun(hub, as_person, copy) for copy in copies]
        assert begun == [True] * SLOTS + [False]
        engine.release()
        for copy in copies[:SLOTS]:
            await hub.services.copies.wait(copy.copy_id)
        assert await hub.services.copies.run_one("w")
        assert await is_begun(hub, as_person, await order(hub, as_person, await hub.project(as_person)))


async def test_the_error_is_the_waiters(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal, source: Project
) -> None:
    async def fail(_order: CopyOrder) -> None:
        raise CopyFailed("on purpose")

    engine = FakeCopyEngine(fail)
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        copy = await order(hub, as_person, source)
        with pytest.raises(CopyFailed, match="on purpose"):
            await hub.services.copies.wait(copy.copy_id)
        assert (await hub.services.copies.status(as_person, copy.copy_id)).error == "on purpose"


async def test_what_may_work_later_is_left_to_a_worker_and_still_waited_for(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal, source: Project
) -> None:
    async def fail_once(_order: CopyOrder) -> None:
        if len(engine.orders) == 1:
            raise RunnerUnavailable("not now")

    engine = FakeCopyEngine(fail_once)
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        copy = await order(hub, as_person, source)
        waiting = asyncio.create_task(hub.services.copies.wait(copy.copy_id))
        async with asyncio.timeout(10):
            while not await hub.services.copies.run_one("w"):
                clock.move(1)
            while not waiting.done():
                clock.move(1)
                await asyncio.sleep(0)
        assert (await waiting).attempts == 2


async def test_one_that_takes_too_long_is_waited_for_no_more_and_goes_on(
    slow_hub: FakeHub, as_person: Principal, source: Project, engine: SlowCopyEngine
) -> None:
    copy = await order(slow_hub, as_person, source)
    with pytest.raises(Unavailable, match=r"not finished after 0\.01 seconds and goes on"):
        await slow_hub.services.copies.wait(copy.copy_id, 0.01)
    engine.release()
    assert (await slow_hub.services.copies.wait(copy.copy_id)).error is None


async def test_it_can_be_cancelled(
    slow_hub: FakeHub, as_person: Principal, source: Project, engine: SlowCopyEngine, clock: MovingClock
) -> None:
    copies = slow_hub.services.copies
    copy = await order(slow_hub, as_person, source)
    waiting = asyncio.create_task(copies.wait(copy.copy_id))
    await engine.has_begun.wait()
    await copies.cancel(as_person, copy.copy_id)
    await clock.move_past_sleeper()
    with pytest.raises(CopyCancelled):
        await waiting


async def test_a_hub_that_ends_gives_back_what_it_has_under_way(
    slow_hub: FakeHub, as_person: Principal, source: Project, engine: SlowCopyEngine
) -> None:
    copy = await order(slow_hub, as_person, source)
    await engine.has_begun.wait()
    await slow_hub.services.copies.close()
    engine.release()
    assert not await is_begun(slow_hub, as_person, await order(slow_hub, as_person, source))  # it begins no more
    assert await slow_hub.services.copies.run_one("w")
    assert (await slow_hub.services.copies.wait(copy.copy_id)).attempts == 1
