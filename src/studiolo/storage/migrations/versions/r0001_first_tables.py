"""Create every table of the first release."""

import sqlalchemy as sa
from alembic import op

from studiolo.storage.tables import Document, Moment

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table of the first release."""
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("email_address", sa.String(length=254), nullable=True),
        sa.Column("email_address_before_delete", sa.String(length=254), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("first_name", sa.String(length=254), server_default="", nullable=False),
        sa.Column("last_name", sa.String(length=254), server_default="", nullable=False),
        sa.Column("is_admin", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_banned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("agreed_to_terms_at", Moment(), nullable=True),
        sa.Column("created_by", sa.String(length=36), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_active_at", Moment(), nullable=True),
        sa.Column("settings", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email_address", name=op.f("uq_accounts_email_address")),
    )
    op.create_table(
        "client_error_log",
        sa.Column("error_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("error_id", name=op.f("pk_client_error_log")),
    )
    op.create_index(op.f("ix_client_error_log_expires_at"), "client_error_log", ["expires_at"])
    op.create_table(
        "copy_paths",
        sa.Column("copy_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("source_project_id", sa.String(length=36), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("target_project_id", sa.String(length=36), nullable=False),
        sa.Column("target_path", sa.Text(), nullable=False),
        sa.Column("overwrite_newer", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("delete_missing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("backup", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("exclude", Document, server_default=sa.text("'[]'"), nullable=False),
        sa.Column("timeout_seconds", sa.Float(), nullable=True),
        sa.Column("scheduled_at", Moment(), nullable=True),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_copy_paths")),
    )
    op.create_index(op.f("ix_copy_paths_expires_at"), "copy_paths", ["expires_at"])
    op.create_index("ix_copy_paths_queue", "copy_paths", ["due_at"])
    op.create_index("ix_copy_paths_source", "copy_paths", ["source_project_id", "created_at"])
    op.create_index("ix_copy_paths_target", "copy_paths", ["target_project_id", "created_at"])
    op.create_index("ix_copy_paths_turn", "copy_paths", ["account_id", "scheduled_at", "due_at"])
    op.create_table(
        "projects",
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("uid", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("is_deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="opened", nullable=False),
        sa.Column("state_changed_at", Moment(), nullable=True),
        sa.Column("state_error", sa.Text(), nullable=True),
        sa.Column("runner", sa.String(length=32), nullable=True),
        sa.Column("runner_state", Document, nullable=True),
        sa.Column("has_network", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("limits", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_edited_at", Moment(), nullable=True),
        sa.Column("last_active_at", Moment(), nullable=True),
        sa.Column("settings", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_projects")),
        sa.UniqueConstraint("uid", name=op.f("uq_projects_uid")),
    )
    op.create_table(
        "throttles",
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("window_started_at", Moment(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("action", "subject", name=op.f("pk_throttles")),
    )
    op.create_table(
        "api_keys",
        sa.Column("api_key_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=128), server_default="", nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("trunc", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("last_active_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_api_keys_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_api_keys_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("api_key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_api_keys_account_id"), "api_keys", ["account_id"])
    op.create_table(
        "auth_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("is_single_use", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("project_id", sa.String(length=36), nullable=True),
        sa.Column("path_prefix", sa.Text(), nullable=True),
        sa.Column("is_read_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("may_start", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_auth_tokens_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_auth_tokens")),
    )
    op.create_index(op.f("ix_auth_tokens_account_id"), "auth_tokens", ["account_id"])
    op.create_index(op.f("ix_auth_tokens_expires_at"), "auth_tokens", ["expires_at"])
    op.create_table(
        "collaborators",
        sa.Column("project_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("details", Document, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_collaborators_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.project_id"], name=op.f("fk_collaborators_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "account_id", name=op.f("pk_collaborators")),
    )
    op.create_index(op.f("ix_collaborators_account_id"), "collaborators", ["account_id"])
    op.create_table(
        "sign_ins",
        sa.Column("sign_in_id", sa.String(length=36), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("frame_key", sa.String(length=32), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("last_active_at", Moment(), nullable=True),
        sa.Column("project_id", sa.String(length=36), nullable=True),
        sa.Column("path_prefix", sa.Text(), nullable=True),
        sa.Column("is_read_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("may_start", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_sign_ins_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sign_in_id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_sign_ins_secret_hash")),
    )
    op.create_index(op.f("ix_sign_ins_account_id"), "sign_ins", ["account_id"])
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"])
    op.create_index(op.f("ix_sign_ins_token_hash"), "sign_ins", ["token_hash"])
    op.create_table(
        "bearers",
        sa.Column("bearer_hash", sa.String(length=64), nullable=False),
        sa.Column("sign_in_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sign_in_id"], ["sign_ins.sign_in_id"], name=op.f("fk_bearers_sign_in_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bearer_hash", name=op.f("pk_bearers")),
    )
    op.create_index(op.f("ix_bearers_expires_at"), "bearers", ["expires_at"])
    op.create_index(op.f("ix_bearers_sign_in_id"), "bearers", ["sign_in_id"])
