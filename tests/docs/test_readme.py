"""The README's code is the examples' code, which other tests run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]


def block(language: str) -> str:
    """Return the README's first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1].strip()


def test_the_python_in_the_readme_is_the_part_of_the_example_that_the_suite_runs() -> None:
    source = (ROOT / "examples" / "first_integration.py").read_text()
    part = source.split("# --8<-- [start:integration]\n")[1].split("# --8<-- [end:integration]")[0]
    assert block("python") == part.strip()


def test_the_html_in_the_readme_is_the_example_page() -> None:
    assert block("html") == (ROOT / "examples" / "first_integration.html").read_text().strip()


def test_every_file_that_the_readme_points_to_is_there() -> None:
    text = (ROOT / "README.md").read_text()
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if not target.startswith("http")]
    assert linked
    assert [target for target in linked if not (ROOT / target).is_file()] == []


def test_the_first_integration_gives_an_address_that_shows_the_notebook(
    server: Any, example: Callable[[str], Any]
) -> None:
    program = example("first_integration")
    account_id, project_id = program.enrol(server.url, server.key, "learner@example.org", '{"cells": []}')
    src = program.iframe_src(server.url, server.key, account_id, project_id)
    assert src.startswith(f"{server.url}/projects/{project_id}/files/a.ipynb?auth_token=")
    assert requests.get(src, timeout=10).status_code == 200
