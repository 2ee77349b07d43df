"""The migrations and the tables are one schema."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import Engine, Inspector, create_engine, inspect, text

from studiolo.core.errors import SchemaUnsupported
from studiolo.storage import dialects, migrating, schema, tables
from studiolo.storage.database import Database

pytestmark = pytest.mark.anyio


def describe(engine: Engine) -> dict[str, Any]:
    """Say all that a database knows of its tables, in an order that does not depend on how they were made."""
    looked = inspect(engine)
    return {
        "indexes of expressions": indexes_of_expressions(engine),
        **describe_tables(looked),
    }


def indexes_of_expressions(engine: Engine) -> list[str]:
    """Return those indexes that SQLAlchemy leaves out, as SQLite keeps them."""
    if engine.dialect.name != "sqlite":
        return []
    query = text("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%(%(%'")
    with engine.connect() as connection:
        return sorted(connection.execute(query).scalars())


def describe_tables(looked: Inspector) -> dict[str, Any]:
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], str(column["default"]))
                for column in looked.get_columns(table)
            },
            "primary key": looked.get_pk_constraint(table),
            "references": sorted(map(str, looked.get_foreign_keys(table))),
            "unique": sorted(map(str, looked.get_unique_constraints(table))),
            "indexes": sorted(_index(found) for found in looked.get_indexes(table)),
        }
        for table in looked.get_table_names()
        if table != "alembic_version"
    }


def _index(found: Any) -> str:
    options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}  # WHERE is no plain text
    return str({**found, "dialect_options": options})


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
async def test_migrations_from_nothing_equal_the_tables(empty_database_url: str) -> None:
    engine = create_engine(dialects.read_url(empty_database_url))
    database = Database(empty_database_url)
    try:
        tables.metadata.create_all(engine)
        made_by_hand = describe(engine)
        tables.metadata.drop_all(engine)
        await database.migrate()
        assert describe(engine) == made_by_hand
    finally:
        engine.dispose()
        await database.close()


async def test_migrations_are_numbered_in_order_and_named_after_their_files() -> None:
    expected = [f"{number:04d}" for number in range(1, len(schema.revisions()) + 1)]
    assert schema.revisions() == expected
    assert migrating.revisions(schema.SCRIPTS) == expected


async def test_a_database_of_this_release_is_opened_without_alembic(database_url: str) -> None:
    program = (
        "import sys; from studiolo.storage.database import Database; database = Database(sys.argv[1]); "
        "database.migrate_now(); database.close_now(); sys.exit('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", program, database_url]
    assert (await asyncio.to_thread(subprocess.run, command, check=False, timeout=60)).returncode == 0


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    await database.migrate()
    await database.ping()


async def test_many_hubs_may_migrate_at_once(empty_database_url: str) -> None:
    databases = [Database(empty_database_url) for _ in range(5)]
    try:
        await asyncio.gather(*(database.migrate() for database in databases))
        await databases[0].ping()
    finally:
        for database in databases:
            await database.close()


async def test_a_database_of_a_newer_release_is_refused_in_words(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    try:
        await database.migrate()
        await database.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        with pytest.raises(SchemaUnsupported, match="has schema 9999; this program knows schemas up to 00"):
            await database.migrate()
    finally:
        await database.close()


async def test_a_failed_migration_leaves_the_database_as_it_was(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    try:
        await database.write(lambda tx: tx.execute(text("CREATE TABLE projects (mine integer)")))
        with pytest.raises(Exception, match="projects"):
            await database.migrate()
        names = await database.read(lambda tx: inspect(tx).get_table_names())
        assert names == ["projects"]
    finally:
        await database.close()
