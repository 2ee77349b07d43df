"""The one place where SQLite and PostgreSQL differ: engines, what may be tried again, inserts that meet a row."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, create_engine, event, func, make_url, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

SQLITE_BUSY_MILLISECONDS = 10_000
POSTGRES_CONNECT_SECONDS = 10
_MIGRATION_LOCK = 7_350_713_001  # any number, the same in every process of ours
_QUEUE_LOCK = 7_350_713_002
_UNFLUSHED = "studiolo_unflushed"  # an option of a transaction
# serialization failure, deadlock, and a connection that the server ended
_POSTGRES_TRY_AGAIN = frozenset({"40001", "40P01", "57P01", "57P02", "57P03", "08000", "08003", "08006"})
_SQLITE_TRY_AGAIN = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_UNUSABLE = _SQLITE_TRY_AGAIN | {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}


def read_url(text_url: str) -> URL:
    """Parse a database URL; raise ValueError for one that is neither PostgreSQL nor a SQLite file."""
    try:
        url = make_url(text_url)
    except (ArgumentError, ValueError) as error:
        raise ValueError("a database is postgresql://... or sqlite:///path/of/a/file") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    raise ValueError("a database is postgresql://... or sqlite:///path/of/a/file")


def is_sqlite(url: URL) -> bool:
    """Tell whether the URL names a SQLite file."""
    return url.get_backend_name() == "sqlite"


def reading_engine(url: URL, connections: int) -> Engine:
    """Return an engine whose transactions see one moment of the database and write nothing."""
    if is_sqlite(url):
        return _sqlite_engine(url, connections, begin="BEGIN", pragmas=("query_only=ON",))
    return _postgres_engine(url, connections, isolation_level="REPEATABLE READ", is_read_only=True)


def writing_engine(url: URL, connections: int) -> Engine:
    """Return an engine whose transactions behave as if they ran one after the other, on both databases."""
    if is_sqlite(url):
        _create_private_file(Path(url.database or ""))
        return _sqlite_engine(url, 1, begin="BEGIN IMMEDIATE", pragmas=("foreign_keys=ON",))
    return _postgres_engine(url, connections, isolation_level="SERIALIZABLE", is_read_only=False)


def loosely(engine: Engine) -> Engine:
    """Return the same engine, on PostgreSQL with transactions that see what others commit meanwhile."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def unflushed(engine: Engine) -> Engine:
    """Return the same engine, whose commits do not wait for the disk: a power failure may undo the last ones, whole.

    What is committed with the engine itself afterwards takes them to the disk as well.
    """
    return engine.execution_options(**{_UNFLUSHED: True})


def migrating_engine(url: URL) -> Engine:
    """Return an engine for changes of the schema; on SQLite nothing cascades while a table is rebuilt."""
    if is_sqlite(url):
        _create_private_file(Path(url.database or ""))
        return _sqlite_engine(url, None, begin="BEGIN IMMEDIATE", pragmas=("foreign_keys=OFF",))
    return _postgres_engine(url, None, isolation_level="READ COMMITTED", is_read_only=False)


def lock_schema(connection: Connection) -> None:
    """Wait until no other process changes the schema; the lock ends with the transaction."""
    if connection.dialect.name == "postgresql":  # on SQLite, BEGIN IMMEDIATE was the lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})


def lock_queue(connection: Connection) -> None:
    """Wait until no other process claims copies; the lock ends with the transaction."""
    if connection.dialect.name == "postgresql":  # on SQLite, BEGIN IMMEDIATE was the lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _QUEUE_LOCK})


def check_references(connection: Connection) -> None:
    """Raise RuntimeError if a migration left rows that point nowhere (PostgreSQL checks that by itself)."""
    if connection.dialect.name == "sqlite" and (rows := connection.execute(text("PRAGMA foreign_key_check")).all()):
        raise RuntimeError(f"the migration left {len(rows)} rows that refer to missing rows, first {rows[0]}")


def may_try_again(error: DBAPIError) -> bool:
    """Tell whether the same transaction may well succeed if it is run once more."""
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) in _SQLITE_TRY_AGAIN
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _POSTGRES_TRY_AGAIN


def is_unavailable(error: DBAPIError) -> bool:
    """Tell whether the database could not be used at all: gone, full, locked, rivals without end."""
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) in _SQLITE_UNUSABLE
    return isinstance(error, OperationalError)


def lowered(tx: Connection, column: ColumnElement[str], wanted: str) -> ColumnElement[str]:
    """Return SQL for a text in lower case, as it is compared with `wanted`; SQLite's own way knows only ASCII."""
    if wanted.isascii() or tx.dialect.name != "sqlite":
        return func.lower(column)
    return func.unicode_lower(column)


def insert_if_absent(tx: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless it breaks a unique rule; tell whether it was inserted.

    An exception would end the transaction on PostgreSQL; this does not.
    """
    statement = _insert(tx)(table).values(**values).on_conflict_do_nothing()
    return tx.execute(statement.returning(next(iter(table.primary_key)))).first() is not None


def insert_or_update(tx: Connection, table: Table, values: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Insert a row, or overwrite the one with the same `keys`."""
    new = {name: value for name, value in values.items() if name not in keys}
    tx.execute(_insert(tx)(table).values(**values).on_conflict_do_update(index_elements=list(keys), set_=new))


def _insert(tx: Connection) -> Any:
    """Return the dialect's own insert, which knows ON CONFLICT."""
    if tx.dialect.name == "sqlite":
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # 5 MB and 60 ms, with every driver there is: not for SQLite

    return postgresql.insert


def _sqlite_engine(url: URL, connections: int | None, *, begin: str, pragmas: tuple[str, ...]) -> Engine:
    arguments = {"timeout": SQLITE_BUSY_MILLISECONDS / 1000, "check_same_thread": False}
    pool: dict[str, Any] = {"poolclass": NullPool} if connections is None else _pool_of(connections)
    engine = create_engine(url, connect_args=arguments, **pool)

    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing on its own: `begin` below does
        for pragma in (f"busy_timeout={SQLITE_BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.create_function("unicode_lower", 1, _lower, deterministic=True)

    def start(connection: Connection) -> None:
        level = "NORMAL" if _UNFLUSHED in connection.get_execution_options() else "FULL"
        if connection.info.get("synchronous", "FULL") != level:  # a setting of the connection, not of a transaction
            connection.connection.cursor().execute(f"PRAGMA synchronous={level}").close()
            connection.info["synchronous"] = level
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", start)
    return engine


def _lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _postgres_engine(url: URL, connections: int | None, *, isolation_level: str, is_read_only: bool) -> Engine:
    pool: dict[str, Any] = {"poolclass": NullPool} if connections is None else _pool_of(connections)
    arguments: dict[str, Any] = {"application_name": "studiolo", "options": "-c timezone=UTC"}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = POSTGRES_CONNECT_SECONDS
    if "options" in url.query:
        del arguments["options"]
    engine = create_engine(url, isolation_level=isolation_level, connect_args=arguments, **pool)

    def start(connection: Connection) -> None:
        if _UNFLUSHED in connection.get_execution_options():
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")

    event.listen(engine, "begin", start)
    return engine.execution_options(postgresql_readonly=True) if is_read_only else engine


def _sqlite_code(error: sqlite3.Error) -> int:
    """Return the primary code of an error; the bits above say only in which way."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _pool_of(connections: int) -> dict[str, Any]:
    return {"pool_size": connections, "max_overflow": 0}


def _create_private_file(path: Path) -> None:
    """Make the database's file readable by its owner only; SQLite gives its companions the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
