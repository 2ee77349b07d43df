"""Transactions: synchronous functions run in threads, so that the event loop never waits for a disk.

    result = await database.read(lambda tx: accounts.get(tx, account_id))
    await database.write(create)       # def create(tx): ...

SQLite has one writing thread and a few that read; PostgreSQL has a small pool of connections, each used by one
thread at a time. Writing transactions are serializable on both, so what is right on one is right on the other.
"""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from sqlalchemy import text

from studiolo.storage import dialects, schema, transactions
from studiolo.storage.group_commit import GroupCommit
from studiolo.storage.transactions import Result as Result
from studiolo.storage.transactions import Transaction as Transaction
from studiolo.storage.transactions import Work as Work

READERS = 4
POSTGRES_WRITERS = 8

_log = structlog.get_logger()


class Database:
    """The database behind a URL; several processes may use the same one at once."""

    def __init__(self, url: str) -> None:
        self._url = dialects.read_url(url)
        self._is_sqlite = dialects.is_sqlite(self._url)
        writers = 1 if self._is_sqlite else POSTGRES_WRITERS
        self._writer = dialects.writing_engine(self._url, writers)
        self._reader = dialects.reading_engine(self._url, READERS)
        self._reading = ThreadPoolExecutor(READERS, "database-read")
        self._closing = threading.Event()
        self._writing: GroupCommit | ThreadPoolExecutor
        if self._is_sqlite:
            self._writing = GroupCommit(self._writer, self._closing)
        else:
            self._writing = ThreadPoolExecutor(writers, "database-write")

    @property
    def kind(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    async def read(self, work: Work[Result]) -> Result:
        """Run a function that only reads, with one consistent view; it may run more than once."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, transactions.run, self._reader, work, self._closing)

    async def write(self, work: Work[Result], *, is_serializable: bool = True, is_flushed: bool = True) -> Result:
        """Run a function in one transaction and commit; an exception undoes all of it.

        The function may run more than once (a serialization failure), so it must have no effect but through `tx`.
        A caller that is cancelled does not stop it. Without `is_serializable` it does not clash with others on
        PostgreSQL, but sees what they commit: for functions whose every change is a conditional one. Without
        `is_flushed` it does not wait for the disk: after a power failure it may be missing, as a whole. For what would
        only be done again.
        """
        return await asyncio.wrap_future(
            self._submit_write(work, is_serializable=is_serializable, is_flushed=is_flushed)
        )

    def write_soon(self, work: Work[object]) -> None:
        """Queue a transaction that nobody waits for; a failure is logged. Only for what may be lost, such as times."""
        self._submit_write(work).add_done_callback(_log_failure)

    async def migrate(self) -> None:
        """Bring the schema up to this program's; raise SchemaUnsupported for one from a newer program."""
        await asyncio.to_thread(self.migrate_now)

    def migrate_now(self) -> None:
        """Do the same without an event loop."""
        engine = dialects.migrating_engine(self._url)
        try:
            transactions.run(engine, schema.upgrade, self._closing)
        finally:
            engine.dispose()

    async def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        await self.read(lambda tx: tx.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        """Finish what was begun and close every connection."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Do the same without an event loop."""
        self._closing.set()
        self._writing.shutdown()
        self._reading.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    def _submit_write(
        self, work: Work[Result], *, is_serializable: bool = True, is_flushed: bool = True
    ) -> "Future[Result]":
        if isinstance(self._writing, GroupCommit):
            return self._writing.submit(work, is_flushed=is_flushed)
        engine = self._writer if is_serializable else dialects.loosely(self._writer)
        engine = engine if is_flushed else dialects.unflushed(engine)
        return self._writing.submit(transactions.run, engine, work, self._closing)


def _log_failure(future: "Future[object]") -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None:
        _log.warning("write_failed", error=repr(error))


def hide_password(url: str) -> str:
    """Return a database's URL as it may be shown."""
    try:
        return str(dialects.read_url(url))
    except ValueError:
        return "(not a URL)"
