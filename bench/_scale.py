"""The same calls with few and with many accounts and projects in the database, in turns."""

import contextlib
import itertools
import shutil
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _filled import fill
from _results import Row
from _servers import Client, Studiolo

FEW, MANY = 10, 10_000
MOST = 1.3
MOST_ACCOUNTS = 60  # hashing a password is slow on purpose, and an address may make only so many
Calls = dict[str, Callable[[], object]]


def rows(work: Path, n: int, *, has_sqlite: bool = True, has_postgres: bool) -> list[Row]:
    """Measure on SQLite, and on PostgreSQL if it is wanted and installed."""
    found = _measure(work, n, "SQLite", []) if has_sqlite else []
    if has_postgres and (shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))):
        from studiolo.testing.databases import PostgresServer

        server = PostgresServer()
        try:
            server.start()
            urls = [server.url(server.create_database()) for _ in range(2)]
            found += _measure(work, n, "PostgreSQL", urls)
        finally:
            server.stop()
    return found


def _measure(work: Path, n: int, database: str, urls: list[str]) -> list[Row]:
    with contextlib.ExitStack() as stack:
        few, many = (
            stack.enter_context(_filled(work / f"{database}-{count}", count, urls[place] if urls else ""))
            for place, count in enumerate((FEW, MANY))
        )
        return [_row(name, database, few[name], many[name], n) for name in few]


@contextlib.contextmanager
def _filled(directory: Path, count: int, url: str) -> Iterator[Calls]:
    directory.mkdir()
    directory.chmod(0o755)
    with Studiolo(directory, *(["--database", url] if url else [])) as studiolo:
        admin = studiolo.client()
        details = {"email_address": "person-0@example.org", "password": "benchmark", "get_api_key": True}
        person = admin.post("/api/v1/create_account", details)
        database = url or f"sqlite:///{studiolo.data}/studiolo.sqlite3"
        project_ids = fill(database, count, person["account_id"])
        yield _calls(studiolo.client(person["api_key"]), admin, person["account_id"], project_ids)


def _calls(client: Client, admin: Client, account_id: str, project_ids: list[str]) -> Calls:
    numbers = itertools.count()
    fields: dict[str, Any] = {"project_id": None, "title": None, "users": None, "last_edited": None}
    one = project_ids[0]

    def v1(name: str, data: dict[str, Any], who: Client = client) -> Callable[[], object]:
        return lambda: who.post(f"/api/v1/{name}", data)

    def query(data: dict[str, Any], who: Client = client) -> Callable[[], object]:
        return v1("query", {"query": data}, who)

    def create_account() -> object:
        address = f"new-{next(numbers)}-{uuid.uuid4().hex[:8]}@example.org"
        return admin.post("/api/v1/create_account", {"email_address": address, "password": "benchmark"})

    return {
        "ping": v1("ping", {}),
        "query: own account": query({"accounts": {"account_id": None, "first_name": None, "created": None}}),
        "query: list of own projects": query({"projects": [fields]}),
        "query: one project": query({"projects": {**fields, "project_id": one}}),
        "query: one project, by admin": query({"projects_admin": {**fields, "project_id": one}}, admin),
        "query: set a title": query({"projects": {"project_id": one, "title": "New"}}),
        "query: people of own projects": query({"collaborators": [{"account_id": None, "last_name": None}]}),
        "list_projects": v1("list_projects", {}),
        "list_accounts, by admin, ten a page": v1("list_accounts", {"limit": 10}, admin),
        "list of own projects (v2)": lambda: client.post("/api/v2/projects/get", {}),
        "list of copies": v1("copy_path_status", {"src_project_id": one, "pending": False}),
        "get_usernames": v1("get_usernames", {"account_ids": [account_id]}),
        "user_search by address": v1("user_search", {"query": "person-7@example.org"}),
        "user_search by name": v1("user_search", {"query": "number7"}),
        "create_project": v1("create_project", {"title": "New"}),
        "create_account": create_account,
    }


def _row(name: str, database: str, few: Callable[[], object], many: Callable[[], object], n: int) -> Row:
    """Take turns call by call, so that whatever else the machine does hits both alike."""
    count = min(n, MOST_ACCOUNTS) if name == "create_account" else n
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(count + 3):
        for place, call in enumerate((few, many) if turn % 2 else (many, few)):
            start = time.perf_counter()
            call()
            if turn >= 3:
                times[place if turn % 2 else 1 - place].append((time.perf_counter() - start) * 1000)
    small, large = statistics.median(times[0]), statistics.median(times[1])
    is_promised = not name.startswith("user_search by name")
    target = f"at {MANY:,} <= {MOST:g} x at {FEW}" if is_promised else "-"
    holds = large <= MOST * small if is_promised else None
    return Row(f"{name}, {database}, p50", "ms", large, small, f"the same at {FEW}", small / large, target, holds)
