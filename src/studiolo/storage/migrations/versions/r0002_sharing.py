"""Add what collaboration, sharing and the remaining calls of API v1 keep."""

import sqlalchemy as sa
from alembic import op

from studiolo.storage.tables import Document, Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what collaboration, sharing and the remaining calls of API v1 keep."""
    op.add_column("copy_paths", sa.Column("is_public", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "password_resets",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_password_resets_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_password_resets")),
    )
    op.create_index(op.f("ix_password_resets_account_id"), "password_resets", ["account_id"])
    op.create_index(op.f("ix_password_resets_expires_at"), "password_resets", ["expires_at"])
    op.create_table(
        "invitations",
        sa.Column("email_address", sa.String(length=254), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("invited_by", sa.String(length=36), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_invitations_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("email_address", "project_id", name=op.f("pk_invitations")),
    )
    op.create_index(op.f("ix_invitations_expires_at"), "invitations", ["expires_at"])
    op.create_index(op.f("ix_invitations_project_id"), "invitations", ["project_id"])
    op.create_table(
        "invitation_mails",
        sa.Column("email_address", sa.String(length=254), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("sent_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_invitation_mails_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("email_address", "project_id", name=op.f("pk_invitation_mails")),
    )
    op.create_index(op.f("ix_invitation_mails_project_id"), "invitation_mails", ["project_id"])
    op.create_index(op.f("ix_invitation_mails_sent_at"), "invitation_mails", ["sent_at"])
    op.create_table(
        "project_invite_tokens",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("usage_limit", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.project_id"],
            name=op.f("fk_project_invite_tokens_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_project_invite_tokens")),
    )
    op.create_index(op.f("ix_project_invite_tokens_project_id"), "project_invite_tokens", ["project_id"])
    op.create_table(
        "public_paths",
        sa.Column("public_path_id", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_edited_at", Moment(), nullable=True),
        sa.Column("last_saved_at", Moment(), nullable=True),
        sa.Column("counter", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("settings", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_public_paths_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("public_path_id", name=op.f("pk_public_paths")),
    )
    op.create_index(op.f("ix_public_paths_project_id"), "public_paths", ["project_id"])
    op.create_table(
        "project_log",
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("logged_at", Moment(), nullable=False),
        sa.Column("event", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_project_log_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_project_log")),
    )
    op.create_index("ix_project_log_newest", "project_log", ["project_id", "logged_at"])
    op.create_table(
        "file_use",
        sa.Column("file_use_id", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("users", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("last_edited_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_file_use_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_use_id", name=op.f("pk_file_use")),
    )
    op.create_index("ix_file_use_newest", "file_use", ["project_id", "last_edited_at"])
    op.create_table(
        "listings",
        sa.Column("listing_id", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("listed_at", Moment(), nullable=True),
        sa.Column("interest_at", Moment(), nullable=True),
        sa.Column("contents", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_listings_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("listing_id", name=op.f("pk_listings")),
    )
    op.create_index(op.f("ix_listings_project_id"), "listings", ["project_id"])
    op.create_table(
        "documents",
        sa.Column("string_id", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("first_opened_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_documents_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("string_id", name=op.f("pk_documents")),
    )
    op.create_index(op.f("ix_documents_project_id"), "documents", ["project_id"])
    op.create_table(
        "jupyter_results",
        sa.Column("result_hash", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("output", Document, nullable=False),
        sa.Column("total_seconds", sa.Float(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_jupyter_results_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("result_hash", name=op.f("pk_jupyter_results")),
    )
    op.create_index(op.f("ix_jupyter_results_expires_at"), "jupyter_results", ["expires_at"])
    op.create_index(op.f("ix_jupyter_results_project_id"), "jupyter_results", ["project_id"])
