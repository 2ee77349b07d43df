"""Transactions: all or nothing, again after a clash, from several processes, without blocking the event loop."""

import asyncio
import stat
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from studiolo.core.errors import Unavailable
from studiolo.storage import dialects
from studiolo.storage.database import Database
from studiolo.storage.tables import throttles
from studiolo.testing.clock import START

pytestmark = pytest.mark.anyio

WRITER = """
import asyncio, sys
from sqlalchemy import text
from studiolo.storage.database import Database

async def main(url, times):
    database = Database(url)
    def count(tx):
        number = tx.execute(text("SELECT count FROM throttles WHERE subject = 'shared'")).scalar_one()
        tx.execute(text("UPDATE throttles SET count = :number WHERE subject = 'shared'"), {"number": number + 1})
    await asyncio.gather(*(database.write(count) for _ in range(times)))
    await database.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def add(tx: Connection, subject: str, count: int = 0) -> None:
    tx.execute(insert(throttles).values(action="test", subject=subject, window_started_at=START, count=count))


def count_of(tx: Connection, subject: str) -> int:
    return tx.execute(select(throttles.c.count).where(throttles.c.subject == subject)).scalar_one()


def rows(tx: Connection) -> int:
    return tx.execute(select(func.count()).select_from(throttles)).scalar_one()


async def test_what_was_written_can_be_read(database: Database) -> None:
    await database.write(lambda tx: add(tx, "one", 7))
    assert await database.read(lambda tx: count_of(tx, "one")) == 7


async def test_only_what_need_not_be_flushed_is_not(database: Database) -> None:
    look, unflushed = text("PRAGMA synchronous"), 1  # NORMAL
    if database.kind == "postgresql":  # who has set it: the test's server flushes nothing
        look = text("SELECT setting || ' by ' || source FROM pg_settings WHERE name = 'synchronous_commit'")
        unflushed = "off by session"

    def write(tx: Connection) -> object:
        add(tx, str(uuid4()))
        return tx.execute(look).scalar_one()

    found = [await database.write(write, is_flushed=is_flushed) for is_flushed in (True, False, False, True)]
    assert [one == unflushed for one in found] == [False, True, True, False]
    assert await database.read(rows) == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL has no groups of writes
async def test_a_write_that_is_flushed_takes_those_of_its_group_along(database: Database) -> None:
    held, level = threading.Event(), text("PRAGMA synchronous")
    holding = asyncio.create_task(database.write(lambda _tx: held.wait(10)))
    await asyncio.sleep(0)
    writes = [database.write(lambda tx: tx.execute(level).scalar_one(), is_flushed=n == 2) for n in range(4)]
    group = asyncio.gather(*writes)
    await asyncio.sleep(0)
    held.set()
    await holding
    assert await group == [2, 2, 2, 2]


async def test_an_exception_undoes_the_whole_transaction(database: Database) -> None:
    def fail(tx: Connection) -> None:
        add(tx, "one")
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await database.write(fail)
    assert await database.read(rows) == 0


async def test_a_reading_transaction_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match="read"):
        await database.read(lambda tx: add(tx, "one"))
    assert await database.read(rows) == 0


async def test_a_wrong_statement_is_not_mistaken_for_a_database_that_is_away(database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table"):
        await database.read(lambda tx: tx.execute(text("SELECT * FROM no_such_table")))


async def test_a_reading_transaction_sees_one_moment(database: Database) -> None:
    await database.write(lambda tx: add(tx, "one", 1))
    loop = asyncio.get_running_loop()

    def read_write_read(tx: Connection) -> tuple[int, int]:
        before = count_of(tx, "one")
        change = database.write(lambda writing: writing.execute(update(throttles).values(count=2)))
        asyncio.run_coroutine_threadsafe(change, loop).result(timeout=10)
        return before, count_of(tx, "one")

    assert await database.read(read_write_read) == (1, 1)
    assert await database.read(lambda tx: count_of(tx, "one")) == 2


async def test_rival_changes_of_one_row_are_all_kept(database: Database) -> None:
    await database.write(lambda tx: add(tx, "shared"))

    def count(tx: Connection) -> None:
        number = count_of(tx, "shared")
        tx.execute(update(throttles).values(count=number + 1))

    await asyncio.gather(*(database.write(count) for _ in range(20)))
    assert await database.read(lambda tx: count_of(tx, "shared")) == 20


async def test_two_processes_write_the_same_database(database: Database, database_url: str) -> None:
    await database.write(lambda tx: add(tx, "shared"))
    command = [sys.executable, "-c", WRITER, database_url, "30"]
    await asyncio.gather(*(asyncio.to_thread(subprocess.run, command, check=True, timeout=60) for _ in range(2)))
    assert await database.read(lambda tx: count_of(tx, "shared")) == 60


async def test_the_event_loop_goes_on_while_a_transaction_is_slow(database: Database) -> None:
    may_finish = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_the_loop(tx: Connection) -> str:
        asyncio.run_coroutine_threadsafe(may_finish.wait(), loop).result(timeout=10)
        return "done"

    slow = asyncio.create_task(database.write(wait_for_the_loop))
    assert await database.read(rows) == 0
    may_finish.set()
    assert await slow == "done"


async def test_a_row_that_is_there_is_left_alone_by_insert_if_absent(database: Database) -> None:
    row = {"action": "test", "subject": "one", "window_started_at": START}
    assert await database.write(lambda tx: dialects.insert_if_absent(tx, throttles, {**row, "count": 1}))
    assert not await database.write(lambda tx: dialects.insert_if_absent(tx, throttles, {**row, "count": 2}))
    assert await database.read(lambda tx: count_of(tx, "one")) == 1


async def test_a_row_that_is_there_is_overwritten_by_insert_or_update(database: Database) -> None:
    keys = ("action", "subject")
    for number in (1, 2):
        row = {"action": "test", "subject": "one", "window_started_at": START, "count": number}
        await database.write(lambda tx, row=row: dialects.insert_or_update(tx, throttles, row, keys))
    assert await database.read(lambda tx: count_of(tx, "one")) == 2


async def test_a_moment_without_a_time_zone_is_refused(database: Database) -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(Exception, match="time zone"):
        await database.write(lambda tx: tx.execute(update(throttles).values(window_started_at=naive)))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://here/studiolo", "nonsense"])
async def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Exception, match=r"database is postgresql://|Could not parse"):
        Database(url)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = Database("postgresql://studiolo@127.0.0.1:1/studiolo")
    try:
        with pytest.raises(Unavailable) as caught:
            await database.ping()
        assert "127.0.0.1" not in caught.value.message
    finally:
        await database.close()


async def test_a_file_that_is_not_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("nothing like a database " * 100)
    database = Database(f"sqlite:///{tmp_path / 'notes'}")
    try:
        with pytest.raises(Unavailable):
            await database.ping()
    finally:
        await database.close()


async def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'studiolo.sqlite3'}")
    await database.migrate()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    await database.close()
    assert modes == {0o600}


async def test_one_failure_among_many_waiting_writes_undoes_only_itself(database: Database) -> None:
    def add_or_fail(tx: Connection, number: int) -> None:
        add(tx, f"subject {number}")
        if number % 3 == 0:
            raise LookupError(number)

    results = await asyncio.gather(
        *(database.write(partial(add_or_fail, number=number)) for number in range(30)), return_exceptions=True
    )
    assert [isinstance(result, LookupError) for result in results] == [number % 3 == 0 for number in range(30)]
    assert await database.read(rows) == 20


async def test_a_broken_rule_among_many_waiting_writes_undoes_only_itself(database: Database) -> None:
    results = await asyncio.gather(
        *(database.write(lambda tx: add(tx, "the same")) for _ in range(10)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert await database.read(rows) == 1


async def test_a_group_that_cannot_be_committed_is_run_one_by_one(database: Database) -> None:
    def end_the_transaction(tx: Connection) -> None:
        tx.exec_driver_sql("ROLLBACK")

    works = [lambda tx, number=number: add(tx, f"subject {number}") for number in range(10)]
    results = await asyncio.gather(
        *(database.write(work) for work in [*works[:5], end_the_transaction, *works[5:]]), return_exceptions=True
    )
    assert results[:5] + results[6:] == [None] * 10
    assert await database.read(rows) == 10


async def test_what_was_begun_is_finished_when_the_database_is_closed(database: Database, database_url: str) -> None:
    writes = [asyncio.ensure_future(database.write(lambda tx, n=n: add(tx, f"subject {n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    again = Database(database_url)
    assert await again.read(rows) == 20
    await again.close()
