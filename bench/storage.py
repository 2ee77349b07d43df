"""Transactions on SQLite: synchronous in threads (ours) beside SQLAlchemy's asyncio with aiosqlite, same durability.

    .venv/bin/python bench/storage.py [--quick]

The peer is installed in an environment of its own, `bench/environments/storage`, and measured by this same file.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Awaitable, Callable
from pathlib import Path

HERE = Path(__file__).parent
PEER = HERE / "environments" / "storage"
AT_ONCE = 16
ROUNDS = 3
INSERT = "INSERT INTO throttles (action, subject, window_started_at, count) VALUES ('bench', :subject, 'x', 1)"
SELECT = "SELECT count FROM throttles WHERE action = 'bench' AND subject = :subject"

Operation = Callable[[str], Awaitable[object]]


async def measure(write: Operation, read: Operation, seconds: float) -> dict[str, float]:
    """Return what one side does per second with many callers, and how long one caller waits, in milliseconds."""
    figures: dict[str, float] = {}
    for name, operation in (("writes", write), ("reads", read)):
        for callers in (1, AT_ONCE):
            times = await _load(operation, callers, seconds)
            figures[f"{name}_per_second_{callers}"] = len(times) / seconds
            figures[f"{name}_ms_{callers}"] = statistics.median(times) * 1000
    return figures


async def _load(operation: Operation, callers: int, seconds: float) -> list[float]:
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def call(caller: int) -> None:
        number = 0
        while (started := time.perf_counter()) < until:
            await operation(f"{callers}-{caller}-{number}-{id(operation)}")
            times.append(time.perf_counter() - started)
            number += 1

    await asyncio.gather(*(call(caller) for caller in range(callers)))
    return times


async def measure_ours(path: Path, seconds: float) -> dict[str, float]:
    """Measure `storage/database.py`."""
    from sqlalchemy import text

    from studiolo.storage.database import Database

    database = Database(f"sqlite:///{path}")
    await database.migrate()
    insert, select = text(INSERT), text(SELECT)
    try:
        return await measure(
            lambda subject: database.write(lambda tx: tx.execute(insert, {"subject": subject}).close()),
            lambda subject: database.read(lambda tx: tx.execute(select, {"subject": subject}).all()),
            seconds,
        )
    finally:
        await database.close()


async def measure_peer(path: Path, seconds: float) -> dict[str, float]:
    """Measure the same statements through SQLAlchemy's asyncio and aiosqlite, one writing connection here too."""
    from sqlalchemy import event, text
    from sqlalchemy.ext.asyncio import create_async_engine

    writing = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0)
    reading = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4, max_overflow=0)
    for engine in (writing, reading):

        @event.listens_for(engine.sync_engine, "connect")
        def configure(connection, _record):
            for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL"):
                connection.execute(f"PRAGMA {pragma}").close()

    async def write(subject: str) -> None:
        async with writing.begin() as tx:
            await tx.execute(insert, {"subject": subject})

    async def read(subject: str) -> None:
        async with reading.connect() as tx:
            (await tx.execute(select, {"subject": subject})).all()

    insert, select = text(INSERT), text(SELECT)
    try:
        return await measure(write, read, seconds)
    finally:
        await writing.dispose()
        await reading.dispose()


def main() -> int:
    """Measure both, print the table."""
    seconds = 1.0 if "--quick" in sys.argv else 5.0
    if "--peer" in sys.argv:
        print(json.dumps(asyncio.run(measure_peer(Path(sys.argv[-2]), float(sys.argv[-1])))))
        return 0
    if not (PEER / "bin" / "python").exists():
        venv.create(PEER, with_pip=True)
        packages = ("aiosqlite", "sqlalchemy[asyncio]")
        subprocess.run([PEER / "bin" / "pip", "install", "-q", *packages], check=True)
    return _compare(seconds)


def _compare(seconds: float) -> int:
    """Measure in turns, since a disk that others use too is not the same from one second to the next."""
    from _results import beside, report

    ours: dict[str, list[float]] = {}
    peer: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            mine = asyncio.run(measure_ours(Path(directory) / "ours.sqlite3", seconds))
            # the peer's file gets the same tables from the same migrations
            asyncio.run(prepare(Path(directory) / "peer.sqlite3"))
            command = [PEER / "bin" / "python", __file__, "--peer", Path(directory) / "peer.sqlite3", str(seconds)]
            theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for name, figure in mine.items():
            ours.setdefault(name, []).append(figure)
            peer.setdefault(name, []).append(theirs[name])
    for name in (f"writes_per_second_{AT_ONCE}", f"reads_per_second_{AT_ONCE}"):
        print(f"{name}: ours {statistics.median(ours[name]):.0f}, peer {statistics.median(peer[name]):.0f}")
    rows = [
        beside(words, "ms", ours[name], peer[name], "SQLAlchemy asyncio + aiosqlite", at_least)
        for name, words, at_least in (
            ("writes_ms_1", "durable write, 1 caller", None),  # one flush of the disk on either side
            (f"writes_ms_{AT_ONCE}", f"durable write, {AT_ONCE} callers", 1.5),
            ("reads_ms_1", "read, 1 caller", 1.5),
            (f"reads_ms_{AT_ONCE}", f"read, {AT_ONCE} callers", 1.5),
        )
    ]
    return report("storage", rows)


async def prepare(path: Path) -> None:
    """Make the tables."""
    from studiolo.storage.database import Database

    database = Database(f"sqlite:///{path}")
    await database.migrate()
    await database.close()


if __name__ == "__main__":
    sys.exit(main())
