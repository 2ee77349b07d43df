"""No query reads a whole table that grows with the number of people; `test_client.py` holds every call to the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from studiolo.testing.query_plans import watched_statements

QUERIES = (
    {"accounts": {"account_id": None, "first_name": None}},
    {"projects": [{"project_id": None, "title": None}]},
    {"projects_all": [{"project_id": None, "title": None}]},
    {"projects": {"project_id": "PROJECT", "title": None}},
    {"projects": {"project_id": "PROJECT", "title": "New"}},
    {"projects_admin": {"project_id": "PROJECT", "title": None}},
    {"collaborators": [{"account_id": None}]},
    {"collaborators_one_project": [{"project_id": "PROJECT", "account_id": None}]},
    {"public_paths": [{"project_id": "PROJECT", "path": None}]},
    {"file_use": [{"project_id": None, "path": None}]},
    {"listings": [{"project_id": "PROJECT", "path": None}]},
    {"project_log": [{"project_id": None, "time": None}]},
    {"project_invite_tokens": [{"project_id": "PROJECT", "token": None}]},
)


@pytest.mark.anyio
@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_query_reads_no_whole_table(query: dict[str, Any], as_admin: Any, tmp_path: Path):
    project_id = (await as_admin.call("create_project"))["project_id"]
    with watched_statements() as statements:
        await as_admin.call("query", query=json.loads(json.dumps(query).replace("PROJECT", project_id)))
    assert statements.seen
    assert statements.scans(tmp_path / "studiolo.sqlite3") == set()


@pytest.mark.anyio
async def test_reading_a_whole_table_is_noticed(as_admin: Any, tmp_path: Path):
    with watched_statements() as statements:
        statements.note(None, None, "SELECT count(*) FROM accounts WHERE first_name = ?", ("Ada",))
    assert len(statements.scans(tmp_path / "studiolo.sqlite3")) == 1
