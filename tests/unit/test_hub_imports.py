"""What an idle hub does without: loaded when first needed, since every server would carry it for months."""

import subprocess
import sys

import pytest

BUILD_A_HUB = """
import sys
from pathlib import Path
from unittest.mock import Mock
from studiolo.app import hub
from studiolo.core.settings import Settings
from studiolo.storage.database import Database

settings = Settings(data=Path(sys.argv[1]))
database = Database(settings.database_url)
clock, secrets = hub.SystemClock(), hub.SystemSecretSource()
hub.build_app(settings, database=database, runner=Mock(), connector=Mock(), clock=clock, secrets=secrets)
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    command = [sys.executable, "-c", BUILD_A_HUB, str(tmp_path_factory.mktemp("data"))]
    return frozenset(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split())


@pytest.mark.parametrize(
    "name",
    [
        "alembic",
        "sqlalchemy.dialects.postgresql",  # the database is SQLite
        "markdown_it",
        "nh3",
        "jinja2",
        "argon2",
        "smtplib",
        "email.headerregistry",
        "pydantic_settings",
    ],
)
def test_module_is_not_loaded_before_it_is_needed(loaded: frozenset[str], name: str):
    assert "studiolo.app.hub" in loaded
    assert name not in loaded
