"""Running migrations; apart from `storage/schema.py` because Alembic is rarely needed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def run(connection: Connection, scripts: Path) -> None:
    """Run the migrations that the database lacks, in the caller's transaction."""
    config = _config(scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def revisions(scripts: Path) -> list[str]:
    """Return the revisions as their files call themselves, the oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config(scripts)).walk_revisions()][::-1]


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
