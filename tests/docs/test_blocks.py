"""Every block of code in the documentation is run, or compared to what the program takes.

Python runs page by page against a real server. Of shell commands, ours are read by the command line's own parser,
targets of make are looked up, addresses are asked for, and the rest must be known programs and correct shell. Settings
are loaded. Blocks that are cut from `examples/` are run by the tests of those.
"""

import configparser
import contextlib
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from studiolo.cli import main
from studiolo.core.settings import Settings, load_settings
from studiolo.testing.servers import Server

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if "reference/api" not in page.as_posix())]
FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
ADDRESS = "http://localhost:8000"
PROGRAMS = {
    "cp", "curl", "git", "install", "journalctl", "make", "mkdir", "pg_dump", "pg_restore", "pip", "python3", "sudo",
    "systemctl", "studiolo", "tar", ".venv/bin/studiolo", ".venv/bin/python",
}  # fmt: skip
NAME = re.compile(r"`(?!studiolo_)([a-z]+(?:_[a-z]+)+)`")
FREE = {"text", "nginx", "yaml", "html", "css", "sql", "diff"}  # checked below, or free text
FOUND_ELSEWHERE = {"README.md"}  # its Python is the example's, see test_readme.py


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str

    @property
    def is_cut_from_an_example(self) -> bool:
        return self.text.strip().startswith('--8<-- "')


def blocks(page: Path) -> list[Block]:
    return [Block(page, language, text) for _, language, text in FENCE.findall(page.read_text(encoding="utf-8"))]


def of(language: str) -> list[Any]:
    found = [block for page in PAGES for block in blocks(page) if block.language == language]
    return [pytest.param(block, id=f"{block.page.relative_to(ROOT)}-{n}") for n, block in enumerate(found)]


PYTHON_PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)))
    for page in PAGES
    if page.name not in FOUND_ELSEWHERE
    and any(block.language == "python" and not block.is_cut_from_an_example for block in blocks(page))
]


@pytest.fixture(scope="module")
def real_server() -> Iterator[Server]:
    server = Server("--development").start()
    yield server
    server.close()


@pytest.mark.live
@pytest.mark.parametrize("page", PYTHON_PAGES)
def test_python_of_a_page_runs(page: Path, real_server: Server, tmp_path: Path):
    (tmp_path / "admin.json").write_text(json.dumps({"api_key": real_server.key}))
    if page.name != "from-nothing-to-a-notebook.md":
        real_server.create_account("admin@example.edu")
    names: dict[str, Any] = {"key": real_server.key}
    with contextlib.chdir(tmp_path):
        for block in blocks(page):
            if block.language == "python" and not block.is_cut_from_an_example:
                exec(compile(block.text.replace(ADDRESS, real_server.address), str(page), "exec"), names)
    names.clear()  # and so close every client
    if page.name == "from-nothing-to-a-notebook.md":
        _check_course(tmp_path / "course.html")


def _check_course(page: Path) -> None:
    """Ask for the frame's address as the page has it."""
    found = re.search(r'<iframe src="([^"]+)"', page.read_text())
    assert found is not None
    shell = httpx.get(found[1], headers={"Sec-Fetch-Dest": "iframe"})
    assert shell.status_code == 200
    assert "http://localhost:*" in shell.headers["content-security-policy"]


@pytest.mark.parametrize("block", of("sh"))
def test_shell_is_what_the_programs_take(block: Block):
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    for line in _commands(block.text):
        words = shlex.split(line.replace(">", " > "), comments=True)
        words = words[: words.index(">")] if ">" in words else words
        words = words[3:] if words[:2] == ["sudo", "-u"] else words
        program = words[0]
        assert program in PROGRAMS | {"createuser", "createdb"}, f"who knows {program}?"
        if program == "make":
            assert all(re.search(rf"^{re.escape(target)}:", _makefile(), re.MULTILINE) for target in words[1:])
        if program.endswith("studiolo"):
            _parse(words[1:])


@pytest.mark.live
def test_addresses_in_shell_blocks_answer(real_server: Server):
    for param in of("sh"):
        for address in re.findall(r"curl \S+ (http://\S+)", param.values[0].text):
            path = address.partition("//")[2].partition("/")[2]
            assert httpx.get(f"{real_server.address}/{path}").status_code == 200


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


def test_proxy_passes_on_what_the_server_needs():
    text = (ROOT / "examples" / "deploy" / "nginx.conf").read_text()
    needed = ("Host $host", "X-Forwarded-For", "X-Forwarded-Proto", "Upgrade", "Connection", "proxy_buffering off")
    assert [one for one in (*needed, "client_max_body_size 0", "proxy_http_version 1.1") if one not in text] == []
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is(page: Path):
    known = {"python", "sh", "toml", "ini", "css", *FREE}
    assert [block.text for block in blocks(page) if block.language not in known] == []


def test_properties_named_in_the_text_are_there():
    tokens = (ROOT / "web" / "packages" / "notebook" / "src" / "styles" / "tokens.css").read_text()
    page = (DOCS / "how-to" / "brand.md").read_text()
    assert [name for name in re.findall(r"`(--[\w-]+)`", page) if f"{name}:" not in tokens] == []


def test_names_in_how_tos_are_those_of_the_program():
    code = [*(ROOT / "src" / "studiolo" / "client").glob("*.py"), *(ROOT / "src" / "studiolo" / "core").glob("*.py")]
    known = " ".join(path.read_text() for path in [ROOT / "openapi" / "studiolo.json", *code])
    known += " connect_timeout"  # of libpq
    wrong: list[str] = []
    for page in [*(DOCS / "how-to").glob("*.md"), *(DOCS / "tutorial").glob("*.md")]:
        names = NAME.findall(page.read_text())
        wrong += [f"{page.name}: {name}" for name in names if not re.search(rf"\b{name}\b", known)]
    assert wrong == []


def _commands(text: str) -> Iterator[str]:
    """Give the commands without what is fed to them."""
    inside = ""
    for line in text.replace("\\\n", " ").splitlines():
        if inside:
            inside = "" if line.strip() == inside else inside
            continue
        if "<<" in line:
            inside = line.partition("<<")[2].strip().strip("'")
            line = line.partition("<<")[0]
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def _parse(words: list[str]) -> None:
    """Let the command line read these words, and run nothing."""
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[words[0]]
        words = words[1:]
    command.make_context("studiolo", [*words])


def _expanded(block: Block) -> str:
    if not block.is_cut_from_an_example:
        return block.text
    return (ROOT / block.text.strip().removeprefix('--8<-- "').rstrip('"')).read_text(encoding="utf-8")


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")
