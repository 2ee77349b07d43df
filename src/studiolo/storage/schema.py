"""Which schema the database has, and bringing it up to this program's; forward only."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from studiolo.core.errors import SchemaUnsupported
from studiolo.storage.dialects import check_references, lock_schema

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Bring the schema up within the caller's transaction; raise SchemaUnsupported for one from a newer program.

    Several processes may do this at once: they wait for each other, and the later ones find nothing to do.
    """
    lock_schema(connection)
    present = check(connection)
    if present == newest_revision():
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    check_references(connection)


def check(connection: Connection) -> str | None:
    """Return the schema's revision, None for an empty database; raise SchemaUnsupported if it is too new."""
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in revisions():
        raise SchemaUnsupported(
            f"The database has schema {present}; this program knows schemas up to {newest_revision()}. "
            "Install the release that wrote this database, or a later one."
        )
    return present


def revisions() -> list[str]:
    """Return every revision that this program knows, the oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def newest_revision() -> str:
    """Return the revision that this program works with."""
    return revisions()[-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
