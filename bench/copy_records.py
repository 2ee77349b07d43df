"""What is asked of the records of copies, with a million of them beside 30,000, on SQLite and on PostgreSQL.

    .venv/bin/python bench/copy_records.py [--quick] [--plans]

Both databases hold the two groups of 10,000 copies that are looked at, and take turns call by call. What writes is
undone each time, so that it finds the same again. `--quick` is SQLite alone with 200,000 records; `--plans` prints how
each statement is carried out among the many.
"""

import argparse
import asyncio
import contextlib
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from _filled import NOW
from _records import FEW, MANY, Filled, fill_records
from _results import Row, report
from sqlalchemy import Connection, Engine, event

from studiolo.core.clock import SystemClock
from studiolo.core.ids import AccountId, CopyGroupId, CopyId, ProjectId
from studiolo.core.models import Principal
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings import Settings
from studiolo.domain.copies import Copies, CopyQuery
from studiolo.domain.copy_group_overviews import CopyGroupOverviews
from studiolo.domain.copy_groups import CopyGroups
from studiolo.domain.copy_overviews import CopyOverviews
from studiolo.storage import copies as rows
from studiolo.storage import copy_groups, copy_queue
from studiolo.storage.copy_queue import AtOnce
from studiolo.storage.database import Database
from studiolo.storage.dialects import read_url

MOST = 1.5
SLACK_MS = 25.0  # where there are more copies a list has more lines; reading a million takes ten times as long
WRITES = ("cancel a group", "reaper: 100 old")  # nobody waits for them, and the larger indexes show
LEASE = timedelta(seconds=30)
LIMITS = AtOnce(per_account=3, per_project=3)
Call = Callable[[], Awaitable[object]]


class _Undone(Exception):
    """Ends a transaction that is not to be kept."""


def calls(url: str, filled: Filled) -> tuple[Database, dict[str, Call]]:
    """Return what is measured."""
    database, clock, secrets = Database(url), SystemClock(), SystemSecretSource()
    copies = Copies(database, clock, secrets)
    groups = CopyGroups(Settings(), database, clock, secrets)
    overviews, group_overviews = CopyOverviews(database), CopyGroupOverviews(database, clock)
    who = Principal(account_id=AccountId(filled.account_id))
    course, student = ProjectId(filled.course), ProjectId(filled.students[5])
    done, busy = CopyGroupId(filled.done_group), CopyGroupId(filled.busy_group)

    def query(**asked: Any) -> Call:
        return lambda: copies.query(who, CopyQuery(limit=100, **asked))

    def status(group: str, **asked: Any) -> Call:
        return lambda: groups.status(who, group, **asked)

    def undone(work: Callable[[Connection], object]) -> Call:
        def run(tx: Connection) -> None:
            work(tx)
            raise _Undone

        async def call() -> None:
            with contextlib.suppress(_Undone):
                await database.write(run, is_serializable=False)

        return call

    def claim(tx: Connection, at_once: AtOnce = LIMITS) -> object:
        return copy_queue.claim(tx, "bench", now=NOW, lease_until=NOW + LEASE, most=64, at_once=at_once)

    return database, {
        "copy_path_status of one copy": lambda: copies.status(who, CopyId(filled.single)),
        "copies out of a course, pending": query(source_project_id=course),
        "copies out of a course, finished": query(source_project_id=course, is_pending=False),
        "copies out of a course, failed": query(source_project_id=course, is_failed=True),
        "copies out of a course, of a path, finished": query(
            source_project_id=course, is_pending=False, source_path="assignments/ps1"
        ),
        "copies out of a course, of an unknown path": query(
            source_project_id=course, is_pending=False, source_path="assignments/ps9"
        ),
        "copies into a project, finished": query(target_project_id=student, is_pending=False),
        "copies between two projects, finished": query(
            source_project_id=course, target_project_id=student, is_pending=False
        ),
        "page of a course's copies": lambda: overviews.of(who, course),
        "page of a student's copies": lambda: overviews.of(who, student),
        "group of 10,000, counts": status(busy, limit=0),
        "group of 10,000, first 100": status(busy),
        "group of 10,000, last 100": status(done, after=9_900),
        "group of 10,000, failed ones": status(done, state="failed"),
        "claim of 64": undone(lambda tx: claim(tx, copy_queue.UNLIMITED)),
        "claim while all who wait have enough under way": undone(claim),
        "look whether one is due": lambda: database.read(lambda tx: copy_queue.is_any_due(tx, NOW)),
        "page of a group of 10,000": lambda: group_overviews.of(who, course, busy),
        "place in the queue": lambda: database.read(lambda tx: rows.next_turn(tx, who.account_id, NOW, None)),
        "reaper: 100 old records": undone(lambda tx: rows.delete_expired(tx, NOW, 100)),
        "reaper: nothing is old": undone(lambda tx: rows.delete_expired(tx, NOW - timedelta(days=2), 100)),
        "reaper: groups": undone(lambda tx: copy_groups.delete_expired(tx, NOW + timedelta(days=31))),
        "cancel a group of 10,000": undone(lambda tx: copy_groups.cancel(tx, busy, NOW, "no")),
    }


async def measure(urls: tuple[str, str], filled: tuple[Filled, Filled], kind: str, n: int, *, plans: bool) -> list[Row]:
    """Measure each call among few and among many, in turns."""
    few, many = (calls(url, one) for url, one in zip(urls, filled, strict=True))
    try:
        if plans:
            for name, call in many[1].items():
                await _explain(many[0], name, call)
        return [await _row(name, kind, few[1][name], many[1][name], n) for name in few[1]]
    finally:
        await few[0].close()
        await many[0].close()


async def _row(name: str, kind: str, few: Call, many: Call, n: int) -> Row:
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(n + 2):
        for place, call in ((0, few), (1, many)) if turn % 2 else ((1, many), (0, few)):
            start = time.perf_counter()
            await call()
            if turn >= 2:
                times[place].append((time.perf_counter() - start) * 1000)
    small, large = statistics.median(times[0]), statistics.median(times[1])
    is_promised = not name.startswith(WRITES)
    holds = large <= MOST * small + SLACK_MS if is_promised else None
    target = f"<= {MOST:g} x + {SLACK_MS:g} ms" if is_promised else "-"
    return Row(f"{name}, {kind}, p50", "ms", large, small, f"among {FEW:,}", small / large, target, holds)


async def _explain(database: Database, name: str, call: Call) -> None:
    """Print how the statements of a call are carried out."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if "copy_" in statement and not many:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    await call()
    event.remove(Engine, "before_cursor_execute", note)
    how = "EXPLAIN QUERY PLAN " if database.kind == "sqlite" else "EXPLAIN "
    print(f"== {name}")
    for statement, parameters in asked:
        found = await database.read(lambda tx, s=statement, p=parameters: tx.exec_driver_sql(how + s, p).all())
        print(" ".join(statement.split())[-300:], *(f"    {line[-1]}" for line in found), sep="\n")


def main() -> int:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="SQLite alone, fewer records and rounds")
    arguments.add_argument("--plans", action="store_true", help="print how each statement is carried out")
    arguments.add_argument("--only", choices=["sqlite", "postgresql"], help="one of the databases")
    arguments.add_argument("--place", type=Path, help="directory for the databases")
    given = arguments.parse_args()
    is_quick: bool = given.quick
    total, n = (200_000, 5) if is_quick else (MANY, 21)
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="studiolo-bench-", dir=given.place) as directory:
        if given.only != "postgresql":
            urls = tuple(f"sqlite:///{directory}/{size}.sqlite3" for size in ("few", "many"))
            found += _compare(urls, "SQLite", total, n, plans=given.plans)
    has_postgres = shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if given.only != "sqlite" and not is_quick and has_postgres:
        from studiolo.testing.databases import PostgresServer

        server = PostgresServer()
        try:
            server.start()
            urls = tuple(server.url(server.create_database()) for _ in range(2))
            found += _compare(urls, "PostgreSQL", total, n, plans=given.plans)
        finally:
            server.stop()
    return report("copy_records", found)


def _compare(urls: Any, kind: str, total: int, n: int, *, plans: bool) -> list[Row]:
    filled: list[Filled] = []
    for url, count in zip(urls, (FEW, total), strict=True):
        start = time.perf_counter()
        database = Database(url)
        database.migrate_now()
        database.close_now()
        filled.append(fill_records(str(read_url(url).render_as_string(hide_password=False)), count))
        print(f"{kind}: {count:,} records in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return asyncio.run(measure(urls, (filled[0], filled[1]), kind, n, plans=plans))


if __name__ == "__main__":
    sys.exit(main())
