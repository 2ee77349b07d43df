"""The how-to for PostgreSQL, command by command, on the server that the tests have started."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from studiolo.testing.databases import PostgresServer
from studiolo.testing.documentation import Terminal

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"
pytestmark = [pytest.mark.live, pytest.mark.postgres]


def test_server_runs_on_the_database_that_the_page_makes(postgres: PostgresServer, background: Any, directory: Path):
    place = urlsplit(postgres.url("studiolo"))
    role = {
        "createuser --pwprompt studiolo": "createuser --pwprompt hub",
        "--owner studiolo studiolo": "--owner hub hub",
    }
    url = {"studiolo:PASSWORD@localhost/studiolo": f"hub:PASSWORD@127.0.0.1:{place.port}/hub"}
    variables = {"PGHOST": postgres.socket_directory, "PGPORT": str(place.port), "PGUSER": "studiolo"}
    terminal = Terminal(directory, background.serve, {"sudo -u postgres ": "", **role, **url}, variables)
    terminal.typed = "PASSWORD\nPASSWORD\n"  # at the prompt
    terminal.run_page(PAGE)
    assert terminal.left_of(PAGE) == []

    server = background.servers[0]
    assert server.get("/healthz").status_code == 200
    assert server.create_account("operator@example.edu", "--admin").returncode == 0
    server.terminate()
    assert server.wait() == 0
    postgres.drop_database("hub")
