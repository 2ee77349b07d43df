"""Progress, cancelling and trying again of single copies."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from studiolo.core.errors import Conflict, CopyFailed, CopyOperationFinished, CopyOperationNotFound, NotFound
from studiolo.core.ids import CopyId
from studiolo.core.models import CopyOperation, CopyOrder, Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyRequest
from studiolo.domain.copy_reports import MAX_CHARACTERS, MAX_NAMES, bounded
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.copying import FakeCopyEngine, SlowCopyEngine
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FakeRunner

pytestmark = pytest.mark.anyio
PROGRESS = {"files_done": 3, "bytes_done": 4_000_000_000, "files_total": 10, "bytes_total": 9_000_000_000}


@contextlib.asynccontextmanager
async def hub_with(
    engine: FakeCopyEngine, settings: Settings, database: Database, clock: MovingClock
) -> AsyncGenerator[FakeHub]:
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        yield hub


async def order(hub: FakeHub, principal: Principal, **options: str) -> CopyOperation:
    project = await hub.project(principal)
    request = CopyRequest(project.project_id, "x", project.project_id, "y", **options)  # type: ignore[arg-type]
    return await hub.services.copies.create(principal, request)


async def until(hub: FakeHub, principal: Principal, copy: CopyOperation, clock: MovingClock, seen) -> CopyOperation:
    """Let time pass until the copy is as wanted."""
    async with asyncio.timeout(10):
        while not seen(now := await hub.services.copies.status(principal, copy.copy_id)):
            clock.move(0.5)
    return now


async def test_progress_is_written_while_the_copy_runs(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    engine = SlowCopyEngine()
    engine.progress, engine.report = (
        PROGRESS,
        {"files": 9, "unchanged": 1, "files_done": 10, "bytes_done": 9_000_000_000},
    )
    async with hub_with(engine, settings, database, clock) as hub:
        copy = await order(hub, as_person)
        working = asyncio.create_task(hub.services.copies.run_one("w"))
        await engine.has_begun.wait()
        assert (await hub.services.copies.status(as_person, copy.copy_id)).files_done is None
        seen = await until(hub, as_person, copy, clock, lambda now: now.files_done is not None)
        assert {name: getattr(seen, name) for name in PROGRESS} == PROGRESS
        engine.release()
        await working
        done = await hub.services.copies.status(as_person, copy.copy_id)
        assert (done.files_done, done.files_total, done.report) == (10, 10, {"files": 9, "unchanged": 1})


async def test_a_running_copy_is_told_to_stop(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    engine = SlowCopyEngine()
    async with hub_with(engine, settings, database, clock) as hub:
        copy = await order(hub, as_person)
        working = asyncio.create_task(hub.services.copies.run_one("w"))
        await engine.has_begun.wait()
        told = await hub.services.copies.cancel(as_person, copy.copy_id)
        assert (told.is_cancelled, told.finished_at) == (True, None)
        done = await until(hub, as_person, copy, clock, lambda now: now.finished_at is not None)
        assert done.error_code == "copy_cancelled"
        assert await working
        with pytest.raises(CopyOperationFinished):
            await hub.services.copies.cancel(as_person, copy.copy_id)


async def test_a_copy_that_was_cancelled_while_its_worker_died_is_not_begun_again(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    engine = SlowCopyEngine()
    async with hub_with(engine, settings, database, clock) as hub:
        copy = await order(hub, as_person)
        dying = asyncio.create_task(hub.services.copies.run_one("w"))
        await engine.has_begun.wait()
        await hub.services.copies.cancel(as_person, copy.copy_id)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        assert await hub.services.copies.run_one("other")
        assert (await hub.services.copies.status(as_person, copy.copy_id)).error_code == "copy_cancelled"
        assert len(engine.orders) == 1


@pytest.mark.parametrize("scheduled", [None, "2030-01-01"])
async def test_a_waiting_copy_is_cancelled_at_once_and_can_be_tried_again(
    hub: FakeHub, as_person: Principal, scheduled: str | None, clock: MovingClock
) -> None:
    copies = hub.services.copies
    copy = await order(hub, as_person, **({"scheduled": scheduled} if scheduled else {}))
    done = await copies.cancel(as_person, copy.copy_id)
    assert (done.error_code, done.finished_at) == ("copy_cancelled", clock.now())
    assert not await copies.run_one("w")
    again = await copies.retry(as_person, copy.copy_id)
    assert (again.error, again.finished_at, again.scheduled_at) == (None, None, copy.scheduled_at)
    assert await copies.run_one("w") == (scheduled is None)


async def test_what_failed_is_tried_again_in_the_name_of_who_asks(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal, as_admin: Principal
) -> None:
    failing = [CopyFailed("no", report={"failed": 1, "failures": ["a: no"], "files_done": 1, "bytes_done": 2})]

    async def fail_once(_order: CopyOrder) -> None:
        if failing:
            raise failing.pop()

    async with hub_with(FakeCopyEngine(fail_once), settings, database, clock) as hub:
        copies = hub.services.copies
        copy = await order(hub, as_person)
        await copies.run_one("w")
        failed = await copies.status(as_person, copy.copy_id)
        assert (failed.error, failed.report, failed.bytes_done) == ("no", {"failed": 1, "failures": ["a: no"]}, 2)
        again = await copies.retry(as_admin, copy.copy_id)
        assert (again.account_id, again.attempts, again.report, again.bytes_done) == (
            as_admin.account_id,
            0,
            None,
            None,
        )
        await copies.run_one("w")
        done = await copies.status(as_person, copy.copy_id)
        assert (done.error, done.finished_at) == (None, clock.now())
        with pytest.raises(Conflict, match="did not fail"):
            await copies.retry(as_person, copy.copy_id)


async def test_strangers_neither_cancel_nor_retry(hub: FakeHub, as_person: Principal, as_stranger: Principal) -> None:
    copy = await order(hub, as_person)
    for call in (hub.services.copies.cancel, hub.services.copies.retry):
        with pytest.raises(NotFound, match=r"^ACCESS BLOCKED"):
            await call(as_stranger, copy.copy_id)
        with pytest.raises(CopyOperationNotFound):
            await call(as_person, CopyId("nonsense"))


def test_a_report_is_cut_to_what_may_be_kept() -> None:
    given = {
        "files": 3,
        "negative": -1,
        "huge": 1 << 70,
        "nested": {"a": 1},
        "x" * 41: 1,
        "names": ["a\0b", 7, "\ud800", *(f"{number}" for number in range(200))],
        "long": ["y" * MAX_CHARACTERS, "z"],
        "pairs": [{"path": "a", "beside": "b", "size": 3}, {"x": "y" * MAX_CHARACTERS}, {}],
    }
    kept = bounded(given)
    assert kept is not None
    assert kept["files"] == 3
    assert kept["names"][:3] == ["a\ufffdb", "?", "0"]
    assert len(kept["names"]) <= MAX_NAMES
    assert kept["long"] == ["z"]
    assert kept["pairs"] == [{"path": "a", "beside": "b"}]
    assert set(kept) == {"files", "names", "long", "pairs"}
    assert bounded("nonsense") is None
