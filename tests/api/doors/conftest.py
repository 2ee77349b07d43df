"""A hub in the test's own event loop."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from studiolo.storage.database import Database
from studiolo.testing.doors import Doors


@pytest.fixture
async def doors(
    anyio_backend: str, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Doors]:
    """Give pages, frame and socket on a fresh SQLite database."""
    directory = tmp_path_factory.mktemp("d")  # a short name: Unix sockets live in it
    shutil.copy(sqlite_template, directory / "studiolo.sqlite3")
    database = Database(f"sqlite:///{directory / 'studiolo.sqlite3'}")
    hub = Doors(directory, database)
    yield hub
    await hub.close()
    await database.close()
