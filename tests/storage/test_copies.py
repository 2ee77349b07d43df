"""The queue: claims, leases, turns."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from studiolo.core.clock import SystemClock
from studiolo.core.ids import AccountId, CopyId, ProjectId
from studiolo.core.models import CopyOperation
from studiolo.core.secrets import SystemSecretSource
from studiolo.storage import copies, copy_queue
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio

SECRETS = SystemSecretSource()
LEASE = timedelta(seconds=30)


def copy(now: datetime, account: str = "a", scheduled_at: datetime | None = None, path: str = "x") -> CopyOperation:
    return CopyOperation(
        copy_id=CopyId(SECRETS.uuid()),
        account_id=AccountId(account),
        created_at=now,
        source_project_id=ProjectId("source"),
        source_path=path,
        target_project_id=ProjectId("target"),
        target_path=path,
        overwrite_newer=False,
        delete_missing=False,
        backup=False,
        exclude=("*.tmp",),
        timeout_seconds=None,
        scheduled_at=scheduled_at,
        started_at=None,
        finished_at=None,
        error=None,
        error_code=None,
        attempts=0,
    )


async def insert(database: Database, *many: CopyOperation) -> None:
    def write(tx: object) -> None:
        for one in many:
            copies.insert_waiting(tx, one, expires_at=one.created_at + timedelta(days=30))

    await database.write(write)


async def claim(database: Database, clock: MovingClock, owner: str = "w") -> CopyOperation | None:
    now = clock.now()
    found = await database.write(
        lambda tx: copy_queue.claim(tx, owner, now=now, lease_until=now + LEASE), is_serializable=False
    )
    return found.copies[0] if found.copies else None


async def finish(database: Database, clock: MovingClock, claimed: CopyOperation, owner: str = "w") -> bool:
    now = clock.now()
    return await database.write(lambda tx: copies.finish(tx, claimed, owner, now, error=None, error_code=None))


async def test_a_copy_is_read_as_it_was_written(database: Database, clock: MovingClock) -> None:
    written = copy(clock.now(), scheduled_at=clock.now() + timedelta(hours=1))
    await insert(database, written)
    assert await database.read(lambda tx: copies.get(tx, written.copy_id)) == written


async def test_a_claim_takes_a_copy_once(database: Database, clock: MovingClock) -> None:
    await insert(database, copy(clock.now()))
    claimed = await claim(database, clock)
    assert claimed is not None
    assert (claimed.attempts, claimed.started_at) == (1, clock.now())
    assert await claim(database, clock, "other") is None
    assert await finish(database, clock, claimed)
    clock.move(3600)
    assert await claim(database, clock) is None


async def test_claims_at_once_never_share_a_copy(database: Database, clock: MovingClock) -> None:
    await insert(database, *[copy(clock.now()) for _ in range(30)])
    claimed = await asyncio.gather(*[claim(database, clock, f"w{n}") for n in range(40)])
    ids = [one.copy_id for one in claimed if one is not None]
    assert len(ids) == len(set(ids)) == 30


async def test_a_scheduled_copy_waits_for_its_moment(database: Database, clock: MovingClock) -> None:
    await insert(database, copy(clock.now(), scheduled_at=clock.now() + timedelta(seconds=100)))
    assert await claim(database, clock) is None
    assert not await database.read(lambda tx: copy_queue.is_any_due(tx, clock.now()))
    clock.move(100)
    assert await database.read(lambda tx: copy_queue.is_any_due(tx, clock.now()))
    assert await claim(database, clock) is not None


async def test_one_copy_of_another_account_is_next_after_a_thousand(database: Database, clock: MovingClock) -> None:
    await insert(database, *[copy(clock.now(), "busy") for _ in range(1000)])
    clock.move(1)
    await insert(database, copy(clock.now(), "other"), copy(clock.now(), "other"))
    owners = [getattr(await claim(database, clock), "account_id", None) for _ in range(4)]
    assert owners == ["busy", "other", "busy", "other"] or owners == ["busy", "other", "other", "busy"]


async def test_a_lease_that_ran_out_goes_to_another_and_the_first_changes_nothing(
    database: Database, clock: MovingClock
) -> None:
    await insert(database, copy(clock.now()))
    first = await claim(database, clock, "dead")
    assert first is not None
    clock.move(31)
    second = await claim(database, clock, "alive")
    assert second is not None
    assert second == replace(first, attempts=2)
    assert not await database.write(lambda tx: copies.renew(tx, first, "dead", clock.now() + LEASE))
    assert not await finish(database, clock, first, "dead")
    await database.write(lambda tx: copy_queue.give_back(tx, [first], "dead", clock.now(), counts=True))
    assert await finish(database, clock, second, "alive")


async def test_the_same_worker_with_an_older_claim_changes_nothing(database: Database, clock: MovingClock) -> None:
    await insert(database, copy(clock.now()))
    first = await claim(database, clock)
    clock.move(31)
    second = await claim(database, clock)
    assert first is not None
    assert second is not None
    assert not await finish(database, clock, first)
    assert await finish(database, clock, second)


async def test_a_renewed_lease_holds(database: Database, clock: MovingClock) -> None:
    await insert(database, copy(clock.now()))
    claimed = await claim(database, clock)
    assert claimed is not None
    for _ in range(3):
        clock.move(20)
        assert await database.write(lambda tx: copies.renew(tx, claimed, "w", clock.now() + LEASE))
        assert await claim(database, clock, "other") is None


async def test_a_retry_waits_for_its_moment(database: Database, clock: MovingClock) -> None:
    await insert(database, copy(clock.now()))
    claimed = await claim(database, clock)
    assert claimed is not None
    not_before = clock.now() + timedelta(seconds=10)
    await database.write(lambda tx: copy_queue.give_back(tx, [claimed], "w", not_before, counts=True))
    assert await claim(database, clock) is None
    clock.move(10)
    assert await claim(database, clock) is not None


async def test_expired_records_go_but_not_those_that_wait(database: Database, clock: MovingClock) -> None:
    done, waiting = copy(clock.now()), copy(clock.now())
    await insert(database, done, waiting)
    claimed = await claim(database, clock)
    assert claimed is not None
    await finish(database, clock, claimed)
    later = clock.now() + timedelta(days=31)
    assert await database.write(lambda tx: copies.delete_expired(tx, later, 100)) == 1


CLAIM_AND_SAY_SO = """
    import sys
    from datetime import timedelta
    from studiolo.core.clock import SystemClock
    from studiolo.storage import copy_queue
    from studiolo.storage.database import Database
    import asyncio

    async def main():
        database, now = Database(sys.argv[1]), SystemClock().now()
        claimed = await database.write(
            lambda tx: copy_queue.claim(tx, "child", now=now, lease_until=now + timedelta(seconds=0.3))
        )
        print(claimed.copies[0].copy_id, flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
"""


async def test_a_copy_survives_kill_9_of_the_worker_that_claimed_it(database: Database, database_url: str) -> None:
    clock = SystemClock()
    one = copy(clock.now())
    await insert(database, one)
    child = subprocess.Popen(  # noqa: ASYNC220 - it is killed below, before anything else happens
        [sys.executable, "-c", textwrap.dedent(CLAIM_AND_SAY_SO), database_url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert (await asyncio.to_thread(child.stdout.readline)).strip() == one.copy_id
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    async with asyncio.timeout(10):
        while True:
            now = clock.now()
            again = await database.write(lambda tx: copy_queue.claim(tx, "next", now=now, lease_until=now + LEASE))  # noqa: B023
            if again.copies:
                break
            await asyncio.sleep(0.02)
    assert [(copy.copy_id, copy.attempts) for copy in again.copies] == [(one.copy_id, 2)]
