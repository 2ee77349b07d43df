"""Transactions: synchronous functions run in threads, so that the event loop never waits for a disk.

    result = await database.read(lambda tx: accounts.get(tx, account_id))
    await database.write(create)       # def create(tx): ...

SQLite has one writing thread and a few that read; PostgreSQL has a small pool of connections, each used by one
thread at a time. Writing transactions are serializable on both, so what is right on one is right on the other.
"""

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from studiolo.core.errors import Unavailable
from studiolo.storage import dialects, schema

READERS = 4
POSTGRES_WRITERS = 8
MAX_ATTEMPTS = 12
_FIRST_BACKOFF_SECONDS = 0.005
_LONGEST_BACKOFF_SECONDS = 0.5

Result = TypeVar("Result")
Transaction = Connection  # what the functions are given; the layers above need not know its library
Work = Callable[[Transaction], Result]


class Database:
    """The database behind a URL; several processes may use the same one at once."""

    def __init__(self, url: str) -> None:
        self._url = dialects.read_url(url)
        self._is_sqlite = dialects.is_sqlite(self._url)
        writers = 1 if self._is_sqlite else POSTGRES_WRITERS
        self._writer = dialects.writing_engine(self._url, writers)
        self._reader = dialects.reading_engine(self._url, READERS)
        self._writing = ThreadPoolExecutor(writers, "database-write")
        self._reading = ThreadPoolExecutor(READERS, "database-read")
        self._closing = threading.Event()

    @property
    def kind(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    async def read(self, work: Work[Result]) -> Result:
        """Run a function that only reads, with one consistent view; it may run more than once."""
        return await self._in_thread(self._reading, self._reader, work)

    async def write(self, work: Work[Result]) -> Result:
        """Run a function in one transaction and commit; an exception undoes all of it.

        The function may run more than once (a serialization failure), so it must have no effect but through `tx`.
        A caller that is cancelled does not stop it.
        """
        return await self._in_thread(self._writing, self._writer, work)

    async def migrate(self) -> None:
        """Bring the schema up to this program's; raise SchemaUnsupported for one from a newer program."""
        await asyncio.to_thread(self.migrate_now)

    def migrate_now(self) -> None:
        """Do the same without an event loop."""
        engine = dialects.migrating_engine(self._url)
        try:
            self._run(engine, schema.upgrade)
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
        for threads, engine in ((self._writing, self._writer), (self._reading, self._reader)):
            threads.shutdown(wait=True)
            engine.dispose()

    async def _in_thread(self, threads: ThreadPoolExecutor, engine: Engine, work: Work[Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(threads, self._run, engine, work)

    def _run(self, engine: Engine, work: Work[Result]) -> Result:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            is_last = attempt == MAX_ATTEMPTS or self._closing.is_set()
            try:
                return _run_once(engine, work)
            except DBAPIError as error:
                if is_last or not dialects.may_try_again(error):
                    raise _explained(error) from error
            self._closing.wait(_backoff_seconds(attempt))  # this thread's own pause; the event loop goes on
        raise AssertionError("the last attempt returns or raises")


def _run_once(engine: Engine, work: Work[Result]) -> Result:
    with engine.connect() as connection:
        begun = connection.begin()
        result = work(connection)
        try:
            begun.commit()
        except DBAPIError as error:
            if error.connection_invalidated:  # it may have been committed: running it again could do it twice
                raise Unavailable("The database went away; look whether it was done.", internal=str(error)) from error
            raise
        return result


def _explained(error: DBAPIError) -> Exception:
    if dialects.is_unavailable(error):
        return Unavailable("The database does not answer; try again.", internal=str(error))
    return error


def _backoff_seconds(attempt: int) -> float:
    longest = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
    return random.uniform(0, longest)  # noqa: S311 - spreads rivals apart, keeps no secret
