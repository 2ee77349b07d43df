"""Databases with few and with many accounts and projects, the same for one person, whose calls are measured."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Engine, create_engine, event, func, insert, select

from studiolo.storage import tables

OWN_PROJECTS = 10
ROWS_AT_ONCE = 1000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("Ada", "Emmy", "Sofia", "Hypatia", "Maryam", "Alan", "Kurt", "Paul", "Leonhard", "Carl")


def fill(url: str, count: int, account_id: str, *, own_projects: int = OWN_PROJECTS) -> list[str]:
    """Bring a migrated database to `count` accounts and projects; return the ten projects that this account gets.

    They are the same in every database, with one more person in each.
    """
    engine = filling_engine(url)
    account_ids = [account_id, *(str(uuid.uuid4()) for _ in range(count - 1))]
    project_ids = [str(uuid.uuid4()) for _ in range(count)]
    with engine.begin() as tx:
        first_uid = (tx.execute(select(func.max(tables.projects.c.uid))).scalar_one() or 0) + 1
    insert_all(engine, tables.accounts, (account_row(one, n) for n, one in enumerate(account_ids[1:], 1)))
    insert_all(engine, tables.projects, (_project(one, first_uid + n) for n, one in enumerate(project_ids)))
    insert_all(engine, tables.collaborators, _places(account_ids, project_ids, own_projects))
    insert_all(engine, tables.api_keys, (_key(one) for one in account_ids[1:]))
    insert_all(engine, tables.copies, (_copy(account_ids[n], project_ids, n) for n in range(count)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    return project_ids[:own_projects]


def filling_engine(url: str) -> Engine:
    """Return an engine for writing a lot that may be lost."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        def configure(connection: Any, _record: object) -> None:
            for pragma in ("cache_size=-600000", "synchronous=OFF"):
                connection.execute(f"PRAGMA {pragma}").close()

        event.listen(engine, "connect", configure)
    return engine


def insert_all(engine: Engine, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows, in one transaction."""
    if engine.dialect.name == "postgresql" and table is tables.copies:
        _copy_in(engine, table, rows)
        return
    some: list[dict[str, Any]] = []
    with engine.begin() as tx:
        for row in rows:
            some.append(row)
            if len(some) == ROWS_AT_ONCE:
                tx.execute(insert(table), some)
                some = []
        if some:
            tx.execute(insert(table), some)


def _copy_in(engine: Engine, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, several times as fast."""
    first = next(rows, None)
    if first is None:
        return
    statement = f"COPY {table.name} ({', '.join(first)}) FROM STDIN"
    with engine.begin() as tx, tx.connection.cursor() as cursor, cursor.copy(statement) as into:
        for row in (first, *rows):
            into.write_row([Jsonb(row[name]) if isinstance(row[name], dict | list) else row[name] for name in first])


def account_row(account_id: str, n: int) -> dict[str, Any]:
    """Make an account."""
    moment = NOW + timedelta(seconds=n)
    return {
        "account_id": account_id,
        "email_address": f"person-{n}@example.org",
        "first_name": NAMES[n % len(NAMES)],
        "last_name": f"Number{n}",
        "created_at": moment,
        "last_active_at": moment,
        "settings": {},
    }


def _project(project_id: str, uid: int) -> dict[str, Any]:
    moment = NOW + timedelta(seconds=uid)
    moments = dict.fromkeys(("created_at", "last_edited_at", "last_active_at", "state_changed_at"), moment)
    return {"project_id": project_id, "uid": uid, "title": f"Project {uid}", "limits": {}, "settings": {}, **moments}


def _places(account_ids: list[str], project_ids: list[str], own_projects: int) -> Iterator[dict[str, Any]]:
    """Give the first account its projects and everybody else one; each has one more person in it."""
    for n, project_id in enumerate(project_ids):
        owner = account_ids[0] if n < own_projects else account_ids[n]
        for role, account_id in (("owner", owner), ("collaborator", account_ids[n - 1 if n > 1 else 1])):
            if role == "owner" or account_id != owner:
                place = {"project_id": project_id, "account_id": account_id, "role": role}
                yield {**place, "details": {}, "created_at": NOW}


def _key(account_id: str) -> dict[str, Any]:
    secret = uuid.uuid4().hex
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return {"account_id": account_id, "key_hash": digest, "trunc": secret[-6:], "name": "bench", "created_at": NOW}


def _copy(account_id: str, project_ids: list[str], n: int) -> dict[str, Any]:
    """Make a finished copy between two projects; ten of them leave the person's first one."""
    source = project_ids[0] if n < OWN_PROJECTS else project_ids[n]
    moment = NOW + timedelta(seconds=n)
    return {
        "copy_id": str(uuid.uuid4()),
        "account_id": account_id,
        "created_at": moment,
        "source_project_id": source,
        "source_path": "a.ipynb",
        "target_project_id": project_ids[(n + 1) % len(project_ids)],
        "target_path": "a.ipynb",
        "exclude": [],
        "started_at": moment,
        "finished_at": moment,
        "expires_at": NOW + timedelta(days=3650),
    }
