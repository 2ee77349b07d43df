"""Every block of code in the documentation is run, or compared to what the program takes.

Shell and Python run page by page (`test_pages.py` and the tests named below). Settings are loaded, units and style
sheets held against the program. The rest stands in `left_out.toml` with the reason.
"""

import configparser
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import yaml

from studiolo.cli import main
from studiolo.core.settings import Settings
from studiolo.core.settings_sources import load_settings
from studiolo.testing.documentation import Block, blocks, unfenced_code
from studiolo.testing.loopback import LoopbackServer, loopback_server

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
OWN_TESTS = {
    "backups.md",
    "deploy.md",
    "postgresql.md",
}  # of test_backups.py and so on; the others run in test_pages.py
HERE = {"toml", "ini", "css", "yaml"}
EXAMPLES = {"python": "test_readme.py", "html": "test_first_integration.py", "nginx": "test_deploy.py"}
NAME = re.compile(r"`(?!studiolo_)([a-z]+(?:_[a-z]+)+)`")


def of(language: str) -> list[Any]:
    found = [block for page in PAGES for block in blocks(page) if block.language == language]
    return [pytest.param(block, id=f"{block.page.relative_to(ROOT)}-{n}") for n, block in enumerate(found)]


every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@every_page
def test_every_block_runs_or_is_left_out_for_a_reason(page: Path, left_out: dict[str, Any]):
    def has_a_test(block: Block) -> bool:
        if block.language in HERE or block.language in left_out["languages"]:
            return True
        if page.name == "README.md" and block.language in EXAMPLES:
            return True  # word for word an example, says test_readme.py
        if block.example is not None:
            return block.language in EXAMPLES
        return block.language in ("sh", "python")

    assert [str(block) for block in blocks(page) if not has_a_test(block)] == []


@every_page
def test_no_code_hides_from_the_tests_by_being_indented(page: Path):
    assert unfenced_code(page) == []


def test_pages_with_tests_of_their_own_run_whole():
    for page in OWN_TESTS:
        test = (ROOT / "tests" / "docs" / f"test_{page.removesuffix('.md')}.py").read_text()
        assert page in test
        assert "assert terminal.left_of(PAGE) == []" in test


def test_whatever_is_left_out_is_somewhere(left_out: dict[str, Any]):
    every = [block for page in PAGES for block in blocks(page)]
    commands = {command for block in every if block.language == "sh" for command in block.commands}
    assert set(left_out["commands"]) <= commands
    assert set(left_out["languages"]) <= {block.language for block in every}
    assert all(reason for kind in left_out.values() for reason in kind.values())


def test_targets_of_make_are_there():
    commands = {command for page in PAGES for block in blocks(page) for command in block.commands}
    targets = {word for command in commands if command.startswith("make ") for word in command.split()[1:]}
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert [one for one in targets if not re.search(rf"^{re.escape(one)}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("block", of("toml"))
def test_settings_load(block: Block, tmp_path: Path):
    text = _expanded(block)
    assert set(tomllib.loads(text)) <= set(Settings.model_fields)
    (tmp_path / "studiolo.toml").write_text(text)
    load_settings(tmp_path / "studiolo.toml")


@pytest.mark.parametrize("block", of("ini"))
def test_service_starts_the_program(block: Block):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - names of systemd have capitals
    unit.read_string(_expanded(block))
    assert unit["Service"]["KillMode"] == "process"
    _parse(shlex.split(unit["Service"]["ExecStart"])[1:])


@pytest.mark.parametrize("block", of("css"))
def test_custom_properties_are_there(block: Block):
    tokens = (ROOT / "web" / "packages" / "notebook" / "src" / "styles" / "tokens.css").read_text()
    for name in re.findall(r"(--[\w-]+):", block.text):
        assert f"{name}:" in tokens


@pytest.fixture(scope="module")
def server(sqlite_template: Path):
    with loopback_server(sqlite_template) as running:
        yield running


@pytest.mark.parametrize("block", of("yaml"))
def test_figures_are_where_the_page_looks_for_them(block: Block, server: LoopbackServer):
    for job in yaml.safe_load(block.text)["scrape_configs"]:
        assert job["static_configs"] == [{"targets": ["127.0.0.1:8000"]}]
        answer = httpx.get(f"{server.url}{job.get('metrics_path', '/metrics')}")
        assert answer.status_code == 200
        assert "studiolo_running_projects" in answer.text


def test_properties_named_in_the_text_are_there():
    tokens = (ROOT / "web" / "packages" / "notebook" / "src" / "styles" / "tokens.css").read_text()
    page = (DOCS / "how-to" / "brand.md").read_text()
    assert [name for name in re.findall(r"`(--[\w-]+)`", page) if f"{name}:" not in tokens] == []


def test_every_message_and_event_between_host_page_and_frame_is_told():
    definition = (ROOT / "web" / "packages" / "protocol" / "src" / "messages.ts").read_text()
    page = (DOCS / "how-to" / "embed-a-notebook.md").read_text()
    actions = set(re.findall(r'^  action: "(\w+)"', definition, re.MULTILINE))
    assert {"open", "subscribe"} <= actions
    assert [one for one in actions if f'action: "{one}"' not in page] == []
    events = set(re.findall(r'event: "(\w+)"', definition))
    assert {"ready", "saved"} <= events
    table = page.partition("| event |")[2]
    assert [one for one in events if f"`{one}`" not in table] == []


def test_names_in_how_tos_are_those_of_the_program():
    code = [*(ROOT / "src" / "studiolo" / "client").glob("*.py"), *(ROOT / "src" / "studiolo" / "core").glob("*.py")]
    known = " ".join(path.read_text() for path in [ROOT / "openapi" / "studiolo.json", *code])
    known += " connect_timeout"  # of libpq
    wrong: list[str] = []
    for page in [*(DOCS / "how-to").glob("*.md"), *(DOCS / "tutorial").glob("*.md")]:
        names = NAME.findall(page.read_text())
        wrong += [f"{page.name}: {name}" for name in names if not re.search(rf"\b{name}\b", known)]
    assert wrong == []


def _parse(words: list[str]) -> None:
    """Let the command line read these words, and run nothing."""
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[words[0]]
        words = words[1:]
    command.make_context("studiolo", [*words])


def _expanded(block: Block) -> str:
    return block.text if block.example is None else (ROOT / block.example).read_text(encoding="utf-8")
