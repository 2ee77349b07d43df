"""Find the newest snapshots of a project without reading all of them."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Find the newest snapshots of a project without reading all of them."""
    op.create_index("ix_copy_snapshots_newest", "copy_snapshots", ["project_id", "created_at"])
