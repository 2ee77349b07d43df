import pytest
from sqlalchemy import func, select

from studiolo.storage import tables
from studiolo.storage.database import Database

pytestmark = pytest.mark.anyio


async def test_a_fresh_database_has_the_tables(database: Database) -> None:
    assert await database.read(lambda tx: tx.execute(select(func.count()).select_from(tables.accounts)).scalar()) == 0
