import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from studiolo.core.clock import iso_milliseconds
from studiolo.core.errors import (
    CopyFailed,
    CopyOperationFinished,
    CopyOperationNotFound,
    FileNotFound,
    Forbidden,
    InvalidRequest,
    NotFound,
    PathOutsideProject,
    ProjectNotFound,
    RunnerUnavailable,
    Unavailable,
)
from studiolo.core.ids import CopyId
from studiolo.core.models import Account, CopyOperation, CopyOrder, Principal, Project, Scope
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import CopyQuery, CopyRequest
from studiolo.domain.copy_orders import MAX_ATTEMPTS
from studiolo.domain.home_paths import path_in_home
from studiolo.domain.moments import parse_moment
from studiolo.runtime.protocols import Postponed
from studiolo.storage import accounts, collaborators, copy_queue
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.copying import FakeCopyEngine, SlowCopyEngine
from studiolo.testing.hubs import FakeHub, fake_hub
from studiolo.testing.runners import FakeRunner

pytestmark = pytest.mark.anyio

UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def source(hub: FakeHub, as_person: Principal) -> Project:
    return await hub.project(as_person, "source")


@pytest.fixture
async def target(hub: FakeHub, as_person: Principal) -> Project:
    return await hub.project(as_person, "target")


@pytest.fixture
def request_(source: Project, target: Project) -> CopyRequest:
    return CopyRequest(source.project_id, "a/b.ipynb", target.project_id)


@contextlib.asynccontextmanager
async def hub_with(
    engine: FakeCopyEngine, settings: Settings, database: Database, clock: MovingClock
) -> AsyncGenerator[FakeHub]:
    async with fake_hub(settings, database, clock, SystemSecretSource(), runner=FakeRunner, engine=engine) as hub:
        yield hub


def failing(error: Exception) -> FakeCopyEngine:
    async def fail(_order: CopyOrder) -> None:
        raise error

    return FakeCopyEngine(fail)


async def test_a_copy_is_written_down_and_done_by_a_worker(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: MovingClock
) -> None:
    copies = hub.services.copies
    copy = await copies.create(as_person, request_)
    assert (copy.target_path, copy.started_at, copy.finished_at) == ("a/b.ipynb", None, None)
    assert await copies.is_any_due()
    clock.move(1)
    assert await copies.run_one("w")
    assert not await copies.run_one("w")
    done = await copies.status(as_person, copy.copy_id)
    assert (done.started_at, done.finished_at, done.error) == (clock.now(), clock.now(), None)
    [order] = hub.engine.orders
    assert (order.source.project_id, order.source_path) == (request_.source_project_id, "a/b.ipynb")
    assert (order.target.project_id, order.target_path) == (request_.target_project_id, "a/b.ipynb")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_project_id": "x", "target_project_id": "y"}, "src_project_id='x' not valid"),
        ({"target_project_id": "y", "source_path": ""}, "target_project_id='y' not valid"),
        ({"source_path": ""}, "src_path must be defined"),
        ({"source_path": "../x"}, "source path must be contained in project home dir"),
        ({"source_path": "/../x"}, "source path must be contained in project home dir"),
        ({"target_path": "a/../../x"}, "target path must be contained in target project home dir"),
        ({"scheduled": "soon"}, "opts.scheduled = soon is not a valid date. Can't be parsed by Date.parse()"),
        ({"source_path": "a\0b"}, "src_path cannot be the name of a file"),
        ({"target_path": "x" * 5000}, "target_path cannot be the name of a file"),
        ({"timeout_seconds": -1.0}, "timeout must be a positive number of seconds"),
        ({"timeout_seconds": float("nan")}, "timeout must be a positive number of seconds"),
        ({"exclude": ("\ud800",)}, "exclude is not a list of patterns"),
    ],
)
async def test_a_wrong_request_is_refused_in_the_promised_words(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, change: dict, message: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await hub.services.copies.create(as_person, replace(request_, **change))
    assert refused.value.message == message


async def test_access_to_the_target_is_asked_first(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, source: Project, target: Project
) -> None:
    own = await hub.project(as_stranger)
    copies, here, there = hub.services.copies, source.project_id, own.project_id
    blocked_target = f"ACCESS BLOCKED -- No write access to target project -- {here}"
    for request in (CopyRequest(target.project_id, "x", here), CopyRequest(there, "x", here)):
        with pytest.raises(ProjectNotFound) as refused:
            await copies.create(as_stranger, request)
        assert refused.value.message == blocked_target
    with pytest.raises(ProjectNotFound) as refused:
        await copies.create(as_stranger, CopyRequest(here, "x", there))
    assert refused.value.message == f"ACCESS BLOCKED -- No read access to source project -- {here}"
    with pytest.raises(ProjectNotFound):
        await copies.create(as_person, CopyRequest(UNKNOWN, "x", here))


async def test_a_narrowed_sign_in_copies_within_its_paths_only(
    hub: FakeHub, as_person: Principal, source: Project
) -> None:
    here = source.project_id
    narrowed = replace(as_person, scope=Scope(project_id=here, path_prefix="mine"))
    await hub.services.copies.create(narrowed, CopyRequest(here, "mine/a", here, "mine/b"))
    for paths in (("mine/a", "b"), ("a", "mine/b")):
        with pytest.raises(NotFound):
            await hub.services.copies.create(narrowed, CopyRequest(here, paths[0], here, paths[1]))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-11-03T16:20:54.222Z", "2020-11-03T16:20:54.222Z"),
        ("2020-11-03T16:20", "2020-11-03T16:20:00.000Z"),
        ("2020-11-03 16:20:54", "2020-11-03T16:20:54.000Z"),
        ("2020-11-03 16:20:54 +0100", "2020-11-03T15:20:54.000Z"),
        ("2020-11-03", "2020-11-03T00:00:00.000Z"),
        ("2020-11", "2020-11-01T00:00:00.000Z"),
        ("2020-11-03T16:20:54+02:00", "2020-11-03T14:20:54.000Z"),
        ("Tue, 03 Nov 2020 16:20:54 GMT", "2020-11-03T16:20:54.000Z"),
        ("Tue, 03 Nov 2020 16:20:54 -0500", "2020-11-03T21:20:54.000Z"),
        ("Tue Nov 03 2020 16:20:54 GMT+0100 (Central European Time)", "2020-11-03T15:20:54.000Z"),
        ("Nov 3, 2020 4:20 PM", "2020-11-03T16:20:00.000Z"),
        ("3 November 2020", "2020-11-03T00:00:00.000Z"),
        ("2020/11/03 16:20", "2020-11-03T16:20:00.000Z"),
        ("11/03/2020", "2020-11-03T00:00:00.000Z"),
        ("", None),
        ("tomorrow", None),
        ("2020-13-01", None),
        ("2020-02-30T00:00", None),
        ("0001-01-01T00:00+10:00", None),
        ("9" * 5000, None),
    ],
)
async def test_dates_are_read_as_browsers_do_but_in_utc(text: str, moment: str | None) -> None:
    found = parse_moment(text)
    assert (iso_milliseconds(found) if found else None) == moment


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("a/b", "a/b"),
        ("a/b/", "a/b/"),
        ("/a", "a"),
        ("", "."),
        ("./", "."),
        ("a/../b/", "b/"),
        ("/projects/P/a", "a"),
        ("/projects/P", "."),
        ("..", None),
        ("a/../../b", None),
        ("..a", "..a"),
    ],
)
async def test_paths_are_taken_relative_to_the_home(path: str, inside: str | None) -> None:
    assert path_in_home("P", path) == inside


async def test_waiting_ends_when_the_copy_does(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: MovingClock
) -> None:
    copy = await hub.services.copies.create(as_person, request_)
    waiting = asyncio.create_task(hub.services.copies.wait(copy.copy_id))
    await clock.move_past_sleeper()
    await hub.services.copies.run_one("w")
    moving = asyncio.create_task(clock.move_past_sleeper())  # unless the first look took so long that it found the end
    assert (await waiting).finished_at is not None
    moving.cancel()
    await asyncio.gather(moving, return_exceptions=True)
    assert clock.monotonic() < 0.1


async def test_waiting_ends_with_the_news_and_not_with_the_next_look(
    hub: FakeHub, as_person: Principal, request_: CopyRequest
) -> None:
    copy = await hub.services.copies.create(as_person, request_)
    waiting = asyncio.create_task(hub.services.copies.wait(copy.copy_id))
    assert await hub.services.copies.run_one("w")
    async with asyncio.timeout(10):
        assert (await waiting).finished_at is not None  # though the clock stands still


async def test_small_copies_of_one_order_are_carried_out_together(
    hub: FakeHub, as_person: Principal, source: Project
) -> None:
    targets = [await hub.project(as_person) for _ in range(5)]
    made = [
        await hub.services.copies.create(as_person, CopyRequest(source.project_id, "x", target.project_id))
        for target in targets
    ]

    async def fail_third(order: CopyOrder) -> None:
        if order.target.project_id == targets[2].project_id:
            raise FileNotFound("gone")

    hub.engine.behave = fail_third
    late = targets[3].project_id
    hub.engine.postpone = lambda order: Postponed.ALONE if order.target.project_id == late else None
    share = await hub.services.copies.run_some("w", 10)
    assert (share.count, share.is_more, hub.engine.batches) == (5, True, [5])
    done = [await hub.services.copies.status(as_person, copy.copy_id) for copy in made]
    assert [copy.error_code for copy in done] == [None, None, "file_not_found", None, None]
    assert [copy.finished_at is not None for copy in done] == [True, True, True, False, True]
    assert (await hub.services.copies.run_some("w", 10)).count == 1  # alone now
    assert hub.engine.batches == [5]


async def test_copies_whose_engine_breaks_together_are_tried_one_by_one(
    hub: FakeHub, as_person: Principal, source: Project
) -> None:
    for _ in range(3):
        target = await hub.project(as_person)
        await hub.services.copies.create(as_person, CopyRequest(source.project_id, "x", target.project_id))

    def break_down(_order: CopyOrder) -> None:
        raise ConnectionError("gone")

    hub.engine.postpone = break_down
    assert (await hub.services.copies.run_some("w", 10)).count == 3
    assert [(await hub.services.copies.run_some("w", 10)).count for _ in range(4)] == [1, 1, 1, 0]


async def test_waiting_raises_the_error_of_the_copy(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    async with hub_with(failing(FileNotFound("no such file 'x'")), settings, database, clock) as hub:
        project = await hub.project(as_person)
        copy = await hub.services.copies.create(
            as_person, CopyRequest(project.project_id, "x", project.project_id, "y")
        )
        await hub.services.copies.run_one("w")
        with pytest.raises(FileNotFound, match="no such file 'x'"):
            await hub.services.copies.wait(copy.copy_id)
        done = await hub.services.copies.status(as_person, copy.copy_id)
        assert (done.error, done.error_code, done.finished_at) == ("no such file 'x'", "file_not_found", clock.now())


async def test_waiting_is_given_up_after_its_time(
    hub: FakeHub, as_person: Principal, request_: CopyRequest, clock: MovingClock
) -> None:
    copy = await hub.services.copies.create(as_person, request_)
    waiting = asyncio.create_task(hub.services.copies.wait(copy.copy_id, 5))
    while not waiting.done():
        await asyncio.sleep(0)
        clock.move(0.2)
    with pytest.raises(Unavailable, match="is not finished after 5 seconds"):
        await waiting


async def test_status_of_one(hub: FakeHub, as_person: Principal, as_stranger: Principal, request_: CopyRequest) -> None:
    copy = await hub.services.copies.create(as_person, request_)
    for unknown in (UNKNOWN, "nonsense"):
        with pytest.raises(CopyOperationNotFound, match=f"^Can't find copy operation with ID={unknown}$"):
            await hub.services.copies.status(as_person, CopyId(unknown))
    with pytest.raises(NotFound, match=r"^ACCESS BLOCKED -- No write access to target project -- "):
        await hub.services.copies.status(as_stranger, copy.copy_id)


async def make_three(hub: FakeHub, principal: Principal, request: CopyRequest, clock: MovingClock) -> list[CopyId]:
    """Make a copy that is finished, one that failed and one that waits."""
    made: list[CopyOperation] = []
    for path in ("good", "bad", "later"):
        scheduled = iso_milliseconds(clock.now() + timedelta(hours=1)) if path == "later" else None
        made.append(
            await hub.services.copies.create(principal, replace(request, source_path=path, scheduled=scheduled))
        )
        clock.move(1)
    while await hub.services.copies.run_one("w"):
        pass
    return [copy.copy_id for copy in made]


async def test_status_of_many(settings: Settings, database: Database, clock: MovingClock, as_person: Principal) -> None:
    async def fail_bad(order: CopyOrder) -> None:
        if order.source_path == "bad":
            raise CopyFailed("no")

    async with hub_with(FakeCopyEngine(fail_bad), settings, database, clock) as hub:
        source, target = await hub.project(as_person), await hub.project(as_person)
        here, there = source.project_id, target.project_id
        good, bad, later = await make_three(hub, as_person, CopyRequest(here, "", there), clock)

        async def found(**query: object) -> list[CopyId]:
            return [copy.copy_id for copy in await hub.services.copies.query(as_person, CopyQuery(**query))]

        assert await found(source_project_id=here) == [later]
        assert await found(target_project_id=there, is_pending=False) == [bad, good]
        assert await found(target_project_id=there, is_failed=True) == [bad]
        assert await found(source_project_id=here, target_project_id=there, source_path="good", is_pending=False) == [
            good
        ]
        assert await found(source_project_id=there) == []
        assert await found(source_project_id=here, is_pending=False, limit=1, offset=1) == [good]
        assert await found(source_project_id=here, is_pending=False, limit=0) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            CopyQuery(),
            "'copy_path_id' (UUID) of a copy operation or 'src_project_id/target_project_id' must be defined",
        ),
        (CopyQuery(source_project_id="x"), "invalid src_project_id=x"),
        (CopyQuery(target_project_id="x"), "invalid target_project_id=x"),
        (CopyQuery(UNKNOWN, limit=5000), "ILLEGAL VALUE limit='5000' (must be in [0, 1000])"),
        (CopyQuery(UNKNOWN, limit=-1), "ILLEGAL VALUE limit='-1' (must be in [0, 1000])"),
        (CopyQuery(UNKNOWN, offset=100001), "ILLEGAL VALUE offset='100001' (must be in [0, 100000])"),
        (CopyQuery(UNKNOWN), f"ACCESS BLOCKED -- No read access to source project -- {UNKNOWN}"),
        (CopyQuery(None, UNKNOWN), f"ACCESS BLOCKED -- No write access to target project -- {UNKNOWN}"),
    ],
)
async def test_a_wrong_query_is_refused(hub: FakeHub, as_person: Principal, query: CopyQuery, message: str) -> None:
    with pytest.raises((InvalidRequest, NotFound)) as refused:
        await hub.services.copies.query(as_person, query)
    assert refused.value.message == message


async def test_only_a_scheduled_copy_can_be_deleted(
    hub: FakeHub, as_person: Principal, as_stranger: Principal, request_: CopyRequest, clock: MovingClock
) -> None:
    delete = hub.services.copies.delete
    good, _, later = await make_three(hub, as_person, request_, clock)
    with pytest.raises(InvalidRequest, match=r"^ERROR: copy_path_id missing$"):
        await delete(as_person, None)
    with pytest.raises(NotFound, match=r"^ACCESS BLOCKED"):
        await delete(as_stranger, later)
    await delete(as_person, later)
    for gone, kind in ((later, CopyOperationNotFound), (good, CopyOperationFinished)):
        with pytest.raises(kind, match=f"^Copy operation '{gone}' either does not exist or already finished$"):
            await delete(as_person, gone)


async def test_what_may_work_later_is_tried_again_until_it_is_given_up(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    engine = failing(RunnerUnavailable("busy"))
    async with hub_with(engine, settings, database, clock) as hub:
        project = await hub.project(as_person)
        copy = await hub.services.copies.create(
            as_person, CopyRequest(project.project_id, "x", project.project_id, "y")
        )
        pauses = [1, 2, 4, 8]
        for pause in pauses:
            assert await hub.services.copies.run_one("w")
            clock.move(pause - 0.5)
            assert not await hub.services.copies.run_one("w")
            clock.move(0.5)
        assert await hub.services.copies.run_one("w")
        done = await hub.services.copies.status(as_person, copy.copy_id)
        assert (done.error, done.error_code, done.attempts) == ("busy", "runner_unavailable", MAX_ATTEMPTS)


async def test_a_defect_of_ours_is_not_told_to_the_caller(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    async with hub_with(failing(ValueError("secret")), settings, database, clock) as hub:
        project = await hub.project(as_person)
        copy = await hub.services.copies.create(
            as_person, CopyRequest(project.project_id, "x", project.project_id, "y")
        )
        for _ in range(MAX_ATTEMPTS):
            await hub.services.copies.run_one("w")
            clock.move(60)
        done = await hub.services.copies.status(as_person, copy.copy_id)
        assert (done.error, done.error_code) == ("The copy could not be carried out.", "internal_error")


async def test_a_copy_that_kills_its_workers_ends(
    hub: FakeHub, database: Database, clock: MovingClock, as_person: Principal, request_: CopyRequest
) -> None:
    copy = await hub.services.copies.create(as_person, request_)
    for attempt in range(MAX_ATTEMPTS):  # a worker that dies leaves nothing but its lease
        until = clock.now() + timedelta(seconds=30)
        dying = await database.write(
            lambda tx, attempt=attempt, until=until: copy_queue.claim(
                tx, f"w{attempt}", now=clock.now(), lease_until=until
            ),
            is_serializable=False,
        )
        assert len(dying.copies) == 1
        clock.move(31)
    assert await hub.services.copies.run_one("last")
    done = await hub.services.copies.status(as_person, copy.copy_id)
    assert (done.error, done.error_code) == (f"The copy was given up after {MAX_ATTEMPTS} attempts.", "copy_failed")
    assert hub.engine.orders == []


async def test_a_worker_that_is_stopped_gives_its_copy_back_uncounted(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    async with hub_with(SlowCopyEngine(), settings, database, clock) as hub:
        project = await hub.project(as_person)
        copy = await hub.services.copies.create(
            as_person, CopyRequest(project.project_id, "x", project.project_id, "y")
        )
        for attempt in range(MAX_ATTEMPTS + 2):
            hub.engine.has_begun.clear()
            stopping = asyncio.create_task(hub.services.copies.run_one(f"w{attempt}"))
            await hub.engine.has_begun.wait()
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
        hub.engine.release()
        assert await hub.services.copies.run_one("last")
        done = await hub.services.copies.status(as_person, copy.copy_id)
        assert (done.error, done.attempts) == (None, 1)


async def test_a_long_copy_keeps_its_lease(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    async with hub_with(SlowCopyEngine(), settings, database, clock) as hub:
        project = await hub.project(as_person)
        copy = await hub.services.copies.create(
            as_person, CopyRequest(project.project_id, "x", project.project_id, "y")
        )
        working = asyncio.create_task(hub.services.copies.run_one("w"))
        await hub.engine.has_begun.wait()
        while clock.monotonic() <= settings.copy_lease_seconds:
            await clock.move_past_sleeper()
            await asyncio.sleep(0)  # let who was woken leave the row of sleepers
        assert not await hub.services.copies.run_one("other")
        hub.engine.release()
        await working
        assert (await hub.services.copies.status(as_person, copy.copy_id)).attempts == 1


async def test_a_worker_that_lost_its_lease_stops_and_says_nothing(
    settings: Settings, database: Database, clock: MovingClock, as_person: Principal
) -> None:
    async with hub_with(SlowCopyEngine(), settings, database, clock) as hub:
        project = await hub.project(as_person)
        copy = await hub.services.copies.create(
            as_person, CopyRequest(project.project_id, "x", project.project_id, "y")
        )
        slow = asyncio.create_task(hub.services.copies.run_one("slow"))
        await hub.engine.has_begun.wait()
        async with hub_with(
            FakeCopyEngine(), settings, database, MovingClock(clock.now() + timedelta(hours=1))
        ) as other:
            assert await other.services.copies.run_one("quick")
        done = await hub.services.copies.status(as_person, copy.copy_id)
        await clock.move_past_sleeper()
        assert await slow
        assert await hub.services.copies.status(as_person, copy.copy_id) == done
        assert (done.attempts, done.error) == (2, None)


async def test_a_copy_onto_itself_moves_nothing(hub: FakeHub, as_person: Principal, source: Project) -> None:
    here = source.project_id
    copy = await hub.services.copies.create(as_person, CopyRequest(here, "a", here, "a/"))
    await hub.services.copies.run_one("w")
    assert (await hub.services.copies.wait(copy.copy_id)).error is None
    assert hub.engine.orders == []


async def test_a_copy_does_not_outlive_its_owners_rights(
    hub: FakeHub, database: Database, as_person: Principal, person: Account, request_: CopyRequest, target: Project
) -> None:
    first = await hub.services.copies.create(as_person, request_)
    await database.write(lambda tx: collaborators.remove(tx, target.project_id, person.account_id))
    await hub.services.copies.run_one("w")
    with pytest.raises(NotFound, match=f"^ACCESS BLOCKED -- No write access to target project -- {target.project_id}$"):
        await hub.services.copies.wait(first.copy_id)
    own = await hub.project(as_person)
    second = await hub.services.copies.create(as_person, CopyRequest(own.project_id, "a", own.project_id, "b"))
    await database.write(lambda tx: accounts.change(tx, person.account_id, {"is_banned": True}))
    await hub.services.copies.run_one("w")
    with pytest.raises(Forbidden, match="The account that ordered the copy is gone"):
        await hub.services.copies.wait(second.copy_id)
    assert hub.engine.orders == []


async def test_a_projects_own_key_copies_within_its_project(hub: FakeHub, source: Project, target: Project) -> None:
    key = Principal(key_project_id=source.project_id)
    copy = await hub.services.copies.create(key, CopyRequest(source.project_id, "a", source.project_id, "b"))
    await hub.services.copies.run_one("w")
    assert (await hub.services.copies.wait(copy.copy_id)).error is None
    with pytest.raises(ProjectNotFound, match=r"^ACCESS BLOCKED"):
        await hub.services.copies.create(key, CopyRequest(source.project_id, "a", target.project_id))


async def test_a_path_leading_out_is_one_error(hub: FakeHub, as_person: Principal, request_: CopyRequest) -> None:
    with pytest.raises(PathOutsideProject):
        await hub.services.copies.create(as_person, replace(request_, source_path="a/../.."))
