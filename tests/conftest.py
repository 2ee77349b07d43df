"""What every test may ask for."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from studiolo.core.secrets import SystemSecretSource
from studiolo.storage.database import Database
from studiolo.testing.clock import MovingClock
from studiolo.testing.databases import PostgresServer, migrate
from studiolo.testing.secrets import CountedSecretSource


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is marked `root` for an ordinary user, and say so; run as root, every test runs."""
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs to run as root"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock(anyio_backend: str) -> MovingClock:
    return MovingClock()


@pytest.fixture
def secret_source() -> SystemSecretSource:
    return SystemSecretSource()


@pytest.fixture
def counted_secrets() -> CountedSecretSource:
    return CountedSecretSource()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a real PostgreSQL server, started for these tests."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database with our schema and no rows, once on each kind; the schema must not be changed."""
    if request.param == "sqlite":
        path = tmp_path / "studiolo.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    yield server.socket_url(server.emptied_database())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a fresh database without any table, once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create_database()
    yield server.socket_url(name)
    server.drop_database(name)


@pytest.fixture
async def database(database_url: str, anyio_backend: str) -> AsyncIterator[Database]:
    """Give a fresh, migrated database, once on SQLite and once on PostgreSQL."""
    database = Database(database_url)
    yield database
    await database.close()
