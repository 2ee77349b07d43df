"""Which schema the database has, and bringing it up to this program's; forward only.

Looking needs SQL alone. Alembic is loaded only when there is something to change: it costs 0.15 s and 9.5 MB, which a
hub that starts on a database of its own release, and every copy worker, do without.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from studiolo.core.errors import SchemaUnsupported
from studiolo.storage.dialects import check_references, lock_schema

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Bring the schema up within the caller's transaction; raise SchemaUnsupported for one from a newer program.

    Several processes may do this at once: they wait for each other, and the later ones find nothing to do.
    """
    lock_schema(connection)
    if check(connection) == newest_revision():
        return
    from studiolo.storage import migrating  # 0.15 s and 9.5 MB, see above

    migrating.run(connection, SCRIPTS)
    check_references(connection)


def check(connection: Connection) -> str | None:
    """Return the schema's revision, None for an empty database; raise SchemaUnsupported if it is too new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    present = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if present is not None and present not in revisions():
        raise SchemaUnsupported(
            f"The database has schema {present}; this program knows schemas up to {newest_revision()}. "
            "Install the release that wrote this database, or a later one."
        )
    return present


def revisions() -> list[str]:
    """Return every revision that this program knows, the oldest first; a revision's file is `rNNNN_what.py`."""
    return sorted(path.name[1:5] for path in (SCRIPTS / "versions").glob("r[0-9][0-9][0-9][0-9]_*.py"))


def newest_revision() -> str:
    """Return the revision that this program works with."""
    return revisions()[-1]
