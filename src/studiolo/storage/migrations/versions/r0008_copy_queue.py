"""Keep the queue of copies, and lists of those that are open or failed, fast among a million finished ones."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_INDEXES = (
    ("ix_copy_paths_queue", ("due_at",), "due_at IS NOT NULL"),
    ("ix_copy_paths_later", ("due_at",), "due_at IS NOT NULL AND scheduled_at IS NULL"),
    ("ix_copy_paths_scheduled", ("scheduled_at", "due_at"), "due_at IS NOT NULL AND scheduled_at IS NOT NULL"),
    ("ix_copy_paths_leased", ("lease_owner",), "lease_owner IS NOT NULL"),
    ("ix_copy_paths_source_open", ("source_project_id", "created_at"), "finished_at IS NULL"),
    ("ix_copy_paths_target_open", ("target_project_id", "created_at"), "finished_at IS NULL"),
    ("ix_copy_paths_source_failed", ("source_project_id", "created_at"), "error IS NOT NULL"),
    ("ix_copy_paths_target_failed", ("target_project_id", "created_at"), "error IS NOT NULL"),
)


def upgrade() -> None:
    """Keep the queue of copies, and lists of those that are open or failed, fast among a million finished ones."""
    op.drop_index("ix_copy_paths_queue", "copy_paths")
    for name, columns, where in _INDEXES:
        op.create_index(name, "copy_paths", list(columns), sqlite_where=sa.text(where), postgresql_where=sa.text(where))
