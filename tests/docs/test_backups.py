"""The how-to for backups, command by command: what it copies is a server again, on either database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studiolo.testing.databases import PostgresServer
from studiolo.testing.documentation import Block, Terminal, blocks
from studiolo.testing.servers import Server

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "backups.md"
pytestmark = pytest.mark.live


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        server.close()


@pytest.mark.postgres
def test_backup_of_a_running_server_becomes_a_server(
    servers: list[Server], postgres: PostgresServer, background: Any, directory: Path
):
    """With SQLite and with PostgreSQL in turn; between them every block of the page runs."""
    terminal = Terminal(directory, background.serve)
    take_sqlite, take_postgres, restore_sqlite, restore_postgres = [
        block for block in blocks(PAGE) if block.language == "sh"
    ]
    _back_up_and_restore(terminal, servers, directory / "sqlite", ["", ""], [take_sqlite], [restore_sqlite])
    databases = [postgres.create_database(), postgres.create_database()]
    homes = [Block(PAGE, 0, "sh", block.commands[-1]) for block in (take_sqlite, restore_sqlite)]
    _back_up_and_restore(
        terminal,
        servers,
        directory / "postgresql",
        [postgres.url(name) for name in databases],
        [take_postgres, homes[0]],
        [restore_postgres, Block(PAGE, 0, "sh", 'mkdir -p "$DATA"'), homes[1]],
    )
    assert terminal.left_of(PAGE) == []


def _back_up_and_restore(
    terminal: Terminal,
    servers: list[Server],
    backup: Path,
    databases: list[str],
    take: list[Block],
    restore: list[Block],
) -> None:
    options = [["--database", url] if url else [] for url in databases]
    old, new = (Server(*one) for one in options)
    servers += [old, new]
    backup.mkdir()
    old.start()
    project_id = old.project(start=True)
    file = {"project_id": project_id, "path": "notes/a.md"}
    old.done("write_text_file_to_project", **file, content="# kept")

    terminal.variables = {"DATA": str(old.data), "BACKUP": str(backup), "DATABASE": databases[0]}
    for block in take:
        terminal.run(block)
    old.terminate()
    assert old.wait() == 0
    terminal.variables |= {"DATA": str(new.data), "DATABASE": databases[1]}
    for block in restore:
        terminal.run(block)
    new.key = old.key
    new.start()

    assert new.done("read_text_file_from_project", **file)["content"] == "# kept"
    assert new.shell(project_id, "cat notes/a.md; touch notes/b.md; ls -l notes | wc -l") == "# kept3\n"
