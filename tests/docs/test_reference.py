"""The reference pages that are made from the code name everything, and the site builds without a warning."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from studiolo.cli import main
from studiolo.client import Client
from studiolo.core.errors import all_errors
from studiolo.core.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "scripts" / "docs" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.all_pages()


def test_every_setting_is_there(pages: dict[str, str]):
    missing = [name for name in Settings.model_fields if f"| `{name}` |" not in pages["reference/settings.md"]]
    assert missing == []


def test_every_command_is_there(pages: dict[str, str]):
    for name, command in main.commands.items():
        assert command.hidden or f"## studiolo {name}" in pages["reference/command-line.md"]


def test_every_error_is_there(pages: dict[str, str]):
    assert [one for one in all_errors() if f"| `{one.code}` | {one.status} |" not in pages["reference/errors.md"]] == []


def test_every_method_of_the_client_is_there(pages: dict[str, str]):
    with Client("http://localhost", "") as client:
        nouns = {name: noun for name, noun in vars(client).items() if not name.startswith("_")}
    for name, noun in nouns.items():
        methods = [one for one in dir(noun) if not one.startswith("_")]
        assert [one for one in methods if f"## {one}\n" not in pages[f"reference/client/{name}.md"]] == []


def test_nothing_of_this_machine_is_shown(pages: dict[str, str]):
    for text in pages.values():
        assert " at 0x" not in text
        assert "= _empty" not in text
        assert str(ROOT) not in text


def test_site_builds_without_a_warning(tmp_path: Path):
    mkdocs = str(Path(sys.executable).with_name("mkdocs"))
    command = [mkdocs, "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in ("index", "reference/settings/index", "reference/client/copies/index"):
        assert (tmp_path / "site" / f"{page}.html").is_file()
