"""Add the audit log: who did what that matters for security, and from where."""

import sqlalchemy as sa
from alembic import op

from studiolo.storage.tables import Document, Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the audit log: who did what that matters for security, and from where."""
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("happened_at", Moment(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("result", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("key_project_id", sa.String(length=36), nullable=True),
        sa.Column("address", sa.String(length=64), server_default="", nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("target_account_id", sa.String(length=36), nullable=True),
        sa.Column("target_project_id", sa.String(length=36), nullable=True),
        sa.Column("details", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_log_happened_at"), "audit_log", ["happened_at"])
    op.create_index("ix_audit_log_caller", "audit_log", ["account_id", "audit_id"])
    op.create_index("ix_audit_log_target", "audit_log", ["target_account_id", "audit_id"])
    op.create_index("ix_audit_log_project", "audit_log", ["target_project_id", "audit_id"])
    op.create_index("ix_audit_log_action", "audit_log", ["action", "audit_id"])
