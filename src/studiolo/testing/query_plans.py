"""Watch what a database is asked, and find what reads whole tables: that takes longer the more people there are."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, event

from studiolo.storage.tables import metadata

_WATCHED = ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")
_SEARCHING = re.compile(r"lower\(accounts\.first_name\)|LIKE '%'")  # for a part of a name; there is no index for that
_SMALL = {"registration_tokens"}  # what administrators make by hand


class Statements:
    """Every statement that ran, with its parameters."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        """Keep a statement; of many rows that are written at once, the first."""
        if statement.lstrip().upper().startswith(_WATCHED):
            first: Any = cast("list[Any]", parameters)[0] if isinstance(parameters, list) else parameters
            self.seen.append((statement, first))

    def scans(self, database: Path) -> set[str]:
        """Return the steps in which SQLite would read a whole table, each with its statement."""
        found: set[str] = set()
        with closing(sqlite3.connect(database)) as connection:
            for statement, parameters in self.seen:
                plan: list[Any] = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
                found |= {f"{step[3]}: {' '.join(statement.split())}" for step in plan if _is_scan(step[3])}
        return {one for one in found if not _SEARCHING.search(one)}


@contextmanager
def watched_statements() -> Generator[Statements]:
    """Watch all databases of this process."""
    noted = Statements()
    event.listen(Engine, "before_cursor_execute", noted.note)
    try:
        yield noted
    finally:
        event.remove(Engine, "before_cursor_execute", noted.note)


def _is_scan(step: str) -> bool:
    scanned = re.match(r"SCAN (\w+?)(_\d+)?( |$)", step)  # with a number if it is read a second time
    return scanned is not None and scanned[1] in metadata.tables and scanned[1] not in _SMALL
