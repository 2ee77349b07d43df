"""Add groups of copies, what they handed out last, progress and cancelling."""

import sqlalchemy as sa
from alembic import op

from studiolo.storage.tables import Document, Moment

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add groups of copies, what they handed out last, progress and cancelling."""
    op.create_table(
        "copy_groups",
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("group_key", sa.String(length=128), nullable=True),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.String(length=16), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("scheduled_at", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_copy_groups")),
        sa.UniqueConstraint("owner", "group_key", name=op.f("uq_copy_groups_owner_group_key")),
    )
    op.create_index(op.f("ix_copy_groups_expires_at"), "copy_groups", ["expires_at"])
    op.create_table(
        "copy_snapshots",
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_copy_snapshots")),
    )
    op.create_table(
        "copy_bases",
        sa.Column("target_project_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("copied_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("target_project_id", "place", name=op.f("pk_copy_bases")),
    )
    op.create_index(op.f("ix_copy_bases_snapshot_id"), "copy_bases", ["snapshot_id"])
    op.add_column("copy_paths", sa.Column("group_id", sa.String(length=36), nullable=True))
    op.add_column("copy_paths", sa.Column("position", sa.Integer(), nullable=True))
    op.add_column("copy_paths", sa.Column("mode", sa.String(length=16), server_default="copy", nullable=False))
    op.add_column("copy_paths", sa.Column("is_cancelled", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("files_done", "files_total", "bytes_done", "bytes_total"):
        op.add_column("copy_paths", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("copy_paths", sa.Column("report", Document, nullable=True))
    op.create_index("ix_copy_paths_group", "copy_paths", ["group_id", "position"])
