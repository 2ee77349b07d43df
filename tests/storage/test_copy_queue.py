"""The queue of copies: what is claimed together, limits, clocks that jump, and indexes that serve a million rows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.engine import Connection

from studiolo.core.ids import AccountId, CopyGroupId, CopyId, ProjectId
from studiolo.core.models import CopyOperation
from studiolo.core.secrets import SystemSecretSource
from studiolo.storage import copies, copy_groups, copy_queue, tables
from studiolo.storage.copy_queue import AtOnce, Claim
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio

SECRETS = SystemSecretSource()
LEASE = timedelta(seconds=30)
MANY = 3000


def copy(
    now: datetime, account: str = "a", source: str = "source", target: str = "target", **more: Any
) -> CopyOperation:
    plain = CopyOperation(
        copy_id=CopyId(SECRETS.uuid()),
        account_id=AccountId(account),
        created_at=now,
        source_project_id=ProjectId(source),
        source_path="x",
        target_project_id=ProjectId(target),
        target_path="x",
        overwrite_newer=False,
        delete_missing=False,
        backup=False,
        exclude=(),
        timeout_seconds=None,
        scheduled_at=None,
        started_at=None,
        finished_at=None,
        error=None,
        error_code=None,
        attempts=0,
    )
    return replace(plain, **more)


async def add(database: Database, *many: CopyOperation) -> None:
    def write(tx: Connection) -> None:
        for one in many:
            copies.insert_waiting(tx, one, expires_at=one.created_at + timedelta(days=30))

    await database.write(write)


async def claim(
    database: Database, now: datetime, owner: str = "w", most: int = 10, at_once: AtOnce = copy_queue.UNLIMITED
) -> Claim:
    return await database.write(
        lambda tx: copy_queue.claim(tx, owner, now=now, lease_until=now + LEASE, most=most, at_once=at_once),
        is_serializable=False,
    )


def targets(found: Claim) -> list[str]:
    return [one.target_project_id for one in found.copies]


async def test_one_hand_out_is_claimed_together_and_in_order(database: Database, clock: MovingClock) -> None:
    now = clock.now()
    await add(database, *[copy(now, target=f"t{number}") for number in range(5)])
    found = await claim(database, now, most=4)
    assert (targets(found), found.is_more) == (["t0", "t1", "t2", "t3"], True)
    assert {one.attempts for one in found.copies} == {1}
    rest = await claim(database, now, "other", most=4)
    assert (targets(rest), rest.is_more) == (["t4"], False)


async def test_what_is_collected_into_one_project_is_claimed_together(database: Database, clock: MovingClock) -> None:
    now = clock.now()
    await add(database, *[copy(now, source=f"s{number}") for number in range(3)])
    assert [one.source_project_id for one in (await claim(database, now)).copies] == ["s0", "s1", "s2"]


@pytest.mark.parametrize(
    "other",
    [
        {"account": "b"},
        {"source": "elsewhere", "target": "there"},
        {"backup": True},
        {"exclude": ("*",)},
        {"timeout_seconds": 5.0},
        {"mode": "revise"},
    ],
)
async def test_what_differs_is_claimed_alone(database: Database, clock: MovingClock, other: dict[str, Any]) -> None:
    now = clock.now()
    await add(database, copy(now, target="t0"), copy(now, **{"target": "t1", **other}))
    assert [len((await claim(database, now, f"w{n}")).copies) for n in range(3)] == [1, 1, 0]


async def test_what_was_tried_before_is_claimed_alone(database: Database, clock: MovingClock) -> None:
    await add(database, *[copy(clock.now(), target=f"t{number}") for number in range(3)])
    assert len((await claim(database, clock.now(), "dies")).copies) == 3
    clock.move(31)
    assert [len((await claim(database, clock.now(), f"w{n}")).copies) for n in range(4)] == [1, 1, 1, 0]


async def test_given_back_uncounted_is_as_if_never_tried(database: Database, clock: MovingClock) -> None:
    await add(database, *[copy(clock.now(), target=f"t{number}") for number in range(2)])
    found = await claim(database, clock.now())
    await database.write(lambda tx: copy_queue.give_back(tx, found.copies, "w", clock.now(), counts=False))
    again = await claim(database, clock.now())
    assert [one.attempts for one in again.copies] == [1, 1]


async def test_an_account_with_as_many_as_it_may_is_passed_over(database: Database, clock: MovingClock) -> None:
    now, two = clock.now(), AtOnce(per_account=2, per_project=9)
    await add(database, *[copy(now, source=f"s{n}", target=f"t{n}") for n in range(4)])
    await add(database, copy(now + timedelta(seconds=9), "b", "sb", "tb"))
    assert [targets(await claim(database, now, f"w{n}", at_once=two)) for n in range(3)] == [["t0"], ["tb"], ["t1"]]
    held_up = await claim(database, now, "w4", at_once=two)
    assert (held_up.copies, held_up.is_more) == ([], True)
    assert targets(await claim(database, now + LEASE, "w5", at_once=two)) == ["t0"]  # leases that ran out count no more


async def test_a_project_with_as_many_as_it_may_is_passed_over(database: Database, clock: MovingClock) -> None:
    now, one = clock.now(), AtOnce(per_account=9, per_project=1)
    ends = [("s", "t0"), ("t0", "u"), ("s", "t1"), ("v", "w")]
    await add(database, *[copy(now - timedelta(seconds=9 - n), f"account {n}", *e) for n, e in enumerate(ends)])
    found = [targets(await claim(database, now, f"w{n}", at_once=one)) for n in range(3)]
    assert found == [["t0"], ["w"], []]


@pytest.mark.parametrize("account", ["b", None])
async def test_whoever_has_a_slot_left_is_found_behind_many_who_have_not(
    database: Database, clock: MovingClock, account: str | None
) -> None:
    now, one = clock.now(), AtOnce(per_account=1, per_project=9)
    await add(database, *[copy(now, "a", f"s{number}", "x") for number in range(5)])
    assert len((await claim(database, now, "w1", most=1, at_once=one)).copies) == 1
    held_up = await claim(database, now, "w2", at_once=one)
    assert (held_up.copies, held_up.is_more) == ([], True)
    other = copy(now, target="free", scheduled_at=now, account_id=AccountId(account) if account else None)
    later = copy(now, "c", target="later", scheduled_at=now + timedelta(hours=1))
    await add(database, later)
    assert not (await claim(database, now, "w2", at_once=one)).copies
    await add(database, other)
    assert targets(await claim(database, now, "w2", at_once=one)) == ["free"]
    await add(database, copy(now, "c", target="now"))
    assert targets(await claim(database, now, "w3", at_once=one)) == ["now"]
    assert not (await claim(database, now, "w4", at_once=one)).copies


async def test_finished_together_each_with_its_report(database: Database, clock: MovingClock) -> None:
    await add(database, *[copy(clock.now(), target=f"t{number}") for number in range(3)])
    found = await claim(database, clock.now())
    first, second, third = found.copies
    stale = replace(third, attempts=7)  # somebody else's by now
    reports = {"files": 2, "files_done": 2, "bytes_done": 10}
    done = [(first, reports), (second, None), (stale, None)]
    await database.write(lambda tx: copy_queue.finish_well(tx, done, "w", clock.now()), is_serializable=False)
    seen = [await database.read(lambda tx, one=one: copies.get(tx, one.copy_id)) for one in found.copies]
    assert [one.finished_at for one in seen if one is not None] == [clock.now(), clock.now(), None]
    assert seen[0] is not None
    assert (seen[0].files_done, seen[0].files_total, seen[0].bytes_total, seen[0].report) == (2, 2, 10, {"files": 2})


async def test_a_clock_that_is_set_back_holds_no_copy_up(database: Database, clock: MovingClock) -> None:
    await add(database, copy(clock.now(), target="dies"))
    await add(database, copy(clock.now() + timedelta(seconds=1), "b", target="waits"))
    assert targets(await claim(database, clock.now(), "dies", most=1)) == ["dies"]
    before = clock.now() - timedelta(hours=12)
    assert targets(await claim(database, before, most=1)) == ["dies"]  # its lease cannot be that long
    assert targets(await claim(database, before, "w2", most=1)) == ["waits"]
    assert not (await claim(database, before, "w3")).copies


async def test_a_clock_that_jumps_ahead_runs_what_was_scheduled_once(database: Database, clock: MovingClock) -> None:
    await add(database, copy(clock.now(), scheduled_at=clock.now() + timedelta(hours=5)))
    assert not (await claim(database, clock.now())).copies
    after = clock.now() + timedelta(hours=12)
    assert len((await claim(database, after)).copies) == 1
    assert not (await claim(database, after, "other")).copies


async def test_turns_of_one_moment_and_those_of_now_are_taken_in_order(database: Database, clock: MovingClock) -> None:
    now, moment = clock.now(), clock.now() - timedelta(minutes=3, seconds=1)
    for number in range(6):
        await add(database, copy(now, "a", f"s{number}", f"a{number}", scheduled_at=moment))
        await add(database, copy(now, "b", f"s{number}", f"b{number}"))
    found = [targets(await claim(database, now, f"w{n}", most=1))[0] for n in range(12)]
    assert found[:4] == ["a0", "a1", "a2", "a3"]  # due before now, a minute apart
    assert found[4:] == ["b0", "a4", "b1", "a5", "b2", "b3", "b4", "b5"]


async def test_expired_records_are_deleted_a_few_at_a_time(database: Database, clock: MovingClock) -> None:
    await add(database, *[copy(clock.now(), target=f"t{number}") for number in range(5)])
    found = await claim(database, clock.now())
    done = [(one, None) for one in found.copies]
    await database.write(lambda tx: copy_queue.finish_well(tx, done, "w", clock.now()), is_serializable=False)
    later = clock.now() + timedelta(days=31)
    counts = [await database.write(lambda tx: copies.delete_expired(tx, later, 2)) for _ in range(4)]
    assert counts == [2, 2, 1, 0]


async def fill(database: Database, now: datetime) -> None:
    """Make many finished copies of one project, as after a year, and many that wait for next week."""

    def row(number: int) -> dict[str, Any]:
        one = copy(
            now - timedelta(minutes=number),
            f"account {number % 7}",
            target=f"t{number % 50}",
            source_path=f"x{number % 20}",
        )
        names = [name for name in one.__dataclass_fields__ if name != "report"]
        values = {name: getattr(one, name) for name in names} | {"exclude": [], "expires_at": now}
        if number % 2:  # among them those of odd paths
            return values | {"finished_at": now, "due_at": None}
        next_week = now + timedelta(days=7, seconds=number)
        return values | {"scheduled_at": next_week, "due_at": next_week}

    def write(tx: Connection) -> None:
        tx.execute(insert(tables.copies), [row(number) for number in range(MANY)])

    await database.write(write)
    await database.write(lambda tx: tx.execute(text("ANALYZE")))


def plans_of(database: Database, tx: Connection, work: Callable[[Connection], object]) -> list[str]:
    """Return how the database goes about each statement of a function that touches copies."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    event.listen(tx, "before_cursor_execute", note)
    try:
        work(tx)
    finally:
        event.remove(tx, "before_cursor_execute", note)
    if database.kind == "postgresql":
        tx.execute(text("SET LOCAL enable_seqscan = off"))  # so few rows are read quicker as a whole
    how = "EXPLAIN QUERY PLAN " if database.kind == "sqlite" else "EXPLAIN "
    plans: list[str] = []
    for statement, parameters in asked:
        if "copy_paths" in statement:
            found = tx.exec_driver_sql(how + statement, parameters).all()
            plans.append(statement + "\n" + "\n".join(str(line[-1]) for line in found))
    return plans


def list_of(kind: copies.Kind, tx: Connection, path: str | None = None) -> object:
    return copies.list_between(
        tx,
        source_project_id=ProjectId("source"),
        target_project_id=None,
        source_path=path,
        kind=kind,
        limit=10,
        offset=0,
    )


@pytest.mark.parametrize(
    "what",
    [
        "claim",
        "claim when some are full",
        "begin",
        "look",
        "turn",
        "pending",
        "failed",
        "finished",
        "finished, of a path",
        "groups",
        "reap",
    ],
)
async def test_no_query_of_the_queue_reads_the_whole_table(database: Database, clock: MovingClock, what: str) -> None:
    now = clock.now()
    await fill(database, now)
    await add(database, copy(now, "late"))
    one = AtOnce(per_account=1, per_project=1)
    work: dict[str, Callable[[Connection], object]] = {
        "claim": lambda tx: copy_queue.claim(tx, "w", now=now, lease_until=now + LEASE, most=32, at_once=one),
        "claim when some are full": lambda tx: [
            copy_queue.claim(tx, f"w{n}", now=now, lease_until=now + LEASE, most=32, at_once=one) for n in range(2)
        ],
        "begin": lambda tx: copy_queue.place_to_begin(tx, copy(now), now, one),
        "groups": lambda tx: copy_groups.sum_up(tx, CopyGroupId("g"), now),
        "finished": lambda tx: list_of("finished", tx),
        "finished, of a path": lambda tx: list_of("finished", tx, "x1"),
        "look": lambda tx: copy_queue.is_any_due(tx, now),
        "turn": lambda tx: copies.next_turn(tx, AccountId("account 1"), now, None),
        "pending": lambda tx: list_of("pending", tx),
        "failed": lambda tx: list_of("failed", tx),
        "reap": lambda tx: copies.delete_expired(tx, now - timedelta(days=1), 10),
    }
    plans = await database.write(lambda tx: plans_of(database, tx, work[what]), is_serializable=False)
    assert plans
    whole = "SCAN copy_paths" if database.kind == "sqlite" else "Seq Scan on copy_paths"
    for plan in plans:
        lines = [line for line in plan.splitlines() if whole in line and "USING" not in line]
        assert not lines, plan


async def test_what_is_begun_when_it_is_written_down_is_nobody_elses_until_its_lease_is_over(
    database: Database, clock: MovingClock
) -> None:
    written = copy(clock.now())
    claimed = await database.write(
        lambda tx: copies.insert_claimed(
            tx,
            written,
            "dead",
            due_at=clock.now(),
            lease_until=clock.now() + LEASE,
            expires_at=clock.now() + timedelta(days=30),
        )
    )
    assert claimed == await database.read(lambda tx: copies.get(tx, written.copy_id))
    assert claimed == replace(written, attempts=1, started_at=clock.now())
    assert (await claim(database, clock.now())).copies == []
    clock.move(31)
    assert (await claim(database, clock.now())).copies == [replace(claimed, attempts=2)]
    assert not await database.write(
        lambda tx: copies.finish(tx, claimed, "dead", clock.now(), error=None, error_code=None)
    )


@pytest.mark.parametrize(
    ("kind", "path", "index"),
    [
        ("pending", None, "ix_copy_paths_source_open"),
        ("pending", "x1", "ix_copy_paths_source_open"),
        ("failed", None, "ix_copy_paths_source_failed"),
        ("finished", None, "ix_copy_paths_source_ended"),
        ("finished", "x1", "ix_copy_paths_source_path"),
    ],
)
async def test_each_kind_of_list_is_read_by_its_own_index_in_order(
    database: Database, clock: MovingClock, kind: copies.Kind, path: str | None, index: str
) -> None:
    await fill(database, clock.now())
    [plan] = await database.read(lambda tx: plans_of(database, tx, lambda tx: list_of(kind, tx, path)))
    if database.kind == "postgresql":  # whose choice depends on how many rows there are; here are few
        assert "Index Scan" in plan
        return
    assert index in plan
    assert "TEMP B-TREE" not in plan  # nothing is sorted
