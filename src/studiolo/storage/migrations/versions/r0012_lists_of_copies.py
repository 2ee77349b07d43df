"""Keep lists of a project's copies, its groups and the look for free accounts fast among a million records."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_OLD = ("source", "target", "source_open", "target_open", "source_failed", "target_failed", "turn")
_KINDS = (("open", "finished_at IS NULL"), ("ended", "finished_at IS NOT NULL"), ("failed", "error IS NOT NULL"))


def upgrade() -> None:
    """Keep lists of a project's copies, its groups and the look for free accounts fast among a million records."""
    for name in _OLD:
        op.drop_index(f"ix_copy_paths_{name}", "copy_paths")
    for side in ("source", "target"):
        project = f"{side}_project_id"
        for kind, where in _KINDS:
            _create(f"ix_copy_paths_{side}_{kind}", project, "created_at", "copy_id", where=where)
        path = sa.text("substr(source_path, 1, 64)")
        _create(f"ix_copy_paths_{side}_path", project, path, "created_at", "copy_id", where="finished_at IS NOT NULL")
    _create("ix_copy_paths_turn", "account_id", "scheduled_at", "due_at", where="due_at IS NOT NULL")
    op.create_index("ix_copy_groups_project", "copy_groups", ["project_id", "created_at"])


def _create(name: str, *columns: str | sa.TextClause, where: str) -> None:
    op.create_index(name, "copy_paths", list(columns), sqlite_where=sa.text(where), postgresql_where=sa.text(where))
