"""Every page of the documentation is run from top to bottom, as a reader would: shell and Python, block by block.

Pages that need more than a server and a directory have tests of their own; `test_blocks.py` knows them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from studiolo.testing.documentation import Terminal, blocks
from studiolo.testing.servers import Server

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"backups.md", "deploy.md", "postgresql.md", "from-nothing-to-a-notebook.md"}
ADDRESS = "http://localhost:8000"
PAGES = [
    pytest.param(page, id=page.name)
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if page.name not in ELSEWHERE and any(block.language in ("python", "sh") for block in blocks(page))
]
pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def real_server() -> Iterator[Server]:
    server = Server("--development").start()
    server.create_account("admin@example.edu")
    yield server
    server.close()


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page: Path, real_server: Server, background: Any, left_out: dict[str, Any], directory: Path):
    variables = {"STUDIOLO": real_server.address, "KEY": real_server.key}
    if any("$PROJECT" in block.text for block in blocks(page)):
        variables["PROJECT"] = real_server.project()
    terminal = Terminal(
        directory,
        background.serve,
        put={ADDRESS: real_server.address, ".venv/bin/": ""},
        variables=variables,
        names={"key": real_server.key},
        left_out=left_out["commands"],
    )
    for block in blocks(page):
        if page.name != "README.md" or block.language != "python":  # the README's is an example's: see `test_readme.py`
            terminal.run(block)
    terminal.close()
    assert [one for one in terminal.said if '"error"' in one] == []


def test_tutorial_ends_with_a_notebook_in_a_page(
    background: Any, left_out: dict[str, Any], free_port: int, directory: Path
):
    page = ROOT / "docs" / "tutorial" / "from-nothing-to-a-notebook.md"
    terminal = Terminal(directory, background.serve, {".venv/bin/": "", "8080": str(free_port)})
    terminal.left_out = left_out["commands"]
    terminal.serve = lambda command: (
        terminal.put.update({ADDRESS: server.address}) if (server := background.serve(command)) else None
    )
    terminal.run_page(page)
    terminal.close()

    host = httpx.get(f"http://localhost:{free_port}/course.html")
    found = re.search(r'<iframe src="([^"]+)"', host.text)
    assert found is not None
    shell = httpx.get(found[1], headers={"Sec-Fetch-Dest": "iframe"})
    assert shell.status_code == 200
    assert "http://localhost:*" in shell.headers["content-security-policy"]
