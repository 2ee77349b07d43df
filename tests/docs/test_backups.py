"""The how-to for backups, command by command: what it copies is a server again."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from studiolo.testing.servers import Server

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "backups.md"
pytestmark = pytest.mark.live


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        server.close()


def test_backup_of_a_running_server_becomes_a_server(servers: list[Server], tmp_path: Path):
    servers.append(Server().start())
    old = servers[0]
    project_id = old.project(start=True)
    file = {"project_id": project_id, "path": "notes/a.md"}
    old.done("write_text_file_to_project", **file, content="# kept")

    run("tar --create", old.data, tmp_path)
    old.terminate()
    assert old.wait() == 0
    servers.append(Server())
    new = servers[1]
    run("tar --extract", new.data, tmp_path)
    new.key = old.key
    new.start()

    assert new.done("read_text_file_from_project", **file)["content"] == "# kept"
    assert new.shell(project_id, "cat notes/a.md; touch notes/b.md; ls -l notes | wc -l") == "# kept3\n"


def run(has: str, data: Path, backup: Path) -> None:
    """Run the page's block with this command in it, as the page says."""
    (block,) = [one.split("```")[0] for one in PAGE.read_text().split("```sh\n")[1:] if has in one.split("```")[0]]
    variables = {"PATH": os.environ["PATH"], "DATA": str(data), "BACKUP": str(backup)}
    subprocess.run(["bash", "-euo", "pipefail", "-c", block], check=True, env=variables, capture_output=True)
