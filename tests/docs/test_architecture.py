"""What the pages say of the tree is so: every folder has its row, every file and test that is named is there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE, PACKAGES = ROOT / "src" / "studiolo", ROOT / "web" / "packages"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = PAGE.partition("## Folders")[2]
BASES = (ROOT, SOURCE, PACKAGES, SOURCE / "web" / "api_v1", ROOT / "tests")
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]+/?|[\w-]+\.(?:py|toml|ts))`")
MADE_HERE = {"studiolo.toml"}  # by whom reads the page
PAGES = [
    page
    for page in (ROOT / "docs").rglob("*.md")
    if page.parent.name in ("docs", "contributing", "explanation") and page.name != "index.md"
]


def packages(directory: Path) -> list[str]:
    return sorted(one.name for one in directory.iterdir() if one.is_dir() and list(one.glob("*.py")))


def test_every_package_has_a_row():
    assert [name for name in packages(SOURCE) if f"| `{name}/`" not in FOLDERS] == []
    modules = {path.name for path in SOURCE.glob("*.py") if not path.name.startswith("__")}
    assert [name for name in modules if f"`{name}`" not in FOLDERS] == []


def test_every_row_is_a_package():
    rows = re.findall(r"^\| `([\w/]+)/`", FOLDERS, re.MULTILINE)
    assert sorted(set(rows) - {"web/packages"}) == packages(SOURCE)


@pytest.mark.parametrize("name", packages(SOURCE))
def test_every_package_within_is_told_in_the_row(name: str):
    (row,) = [line for line in FOLDERS.splitlines() if line.startswith(f"| `{name}/`")]
    assert [inner for inner in packages(SOURCE / name) if f"`{inner}/`" not in row] == []


def test_every_part_of_the_front_end_is_told():
    for one in PACKAGES.iterdir():
        if (one / "package.json").is_file():
            assert f"`{one.name}`" in FOLDERS


def test_imports_go_as_the_page_says():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [one["layers"] for one in contracts if one["type"] == "layers"]
    *upper, lowest = layers
    assert lowest == "core | client"
    assert f"`{' -> '.join([*upper, 'core'])}`; `client` stands alone" in PAGE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    named = {one.partition(":")[0] for one in NAMED.findall(text)} - MADE_HERE
    named = {one for one in named if "NOUN" not in one}
    places = [*BASES, *(path for path in SOURCE.rglob("*") if path.is_dir())]
    assert [one for one in sorted(named) if not any((base / one).exists() for base in places)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_is_there(page: Path):
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    assert [one for one in named if not re.search(rf"def {one}\(", tests)] == []
