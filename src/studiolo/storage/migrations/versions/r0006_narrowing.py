"""Add scopes of API keys, what is known of auth tokens, registration tokens, and accounts that end."""

import sqlalchemy as sa
from alembic import op

from studiolo.storage.tables import Moment

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add scopes of API keys, what is known of auth tokens, registration tokens, and accounts that end."""
    op.add_column("api_keys", sa.Column("scopes", sa.Text(), nullable=True))
    op.add_column("auth_tokens", sa.Column("auth_token_id", sa.String(length=36), nullable=True))
    op.add_column("auth_tokens", sa.Column("api_key_id", sa.Integer(), nullable=True))
    op.add_column("auth_tokens", sa.Column("key_scopes", sa.Text(), nullable=True))
    op.add_column("auth_tokens", sa.Column("sign_in_seconds", sa.Integer(), nullable=True))
    op.add_column("auth_tokens", sa.Column("ends_at", Moment(), nullable=True))
    op.create_index(op.f("ix_auth_tokens_auth_token_id"), "auth_tokens", ["auth_token_id"], unique=True)
    op.create_index(op.f("ix_auth_tokens_api_key_id"), "auth_tokens", ["api_key_id"])
    op.create_index(op.f("ix_auth_tokens_created_by"), "auth_tokens", ["created_by"])
    op.execute("UPDATE auth_tokens SET auth_token_id = substr(token_hash, 1, 36)")
    op.add_column("sign_ins", sa.Column("key_scopes", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("registration_token_id", sa.String(length=36), nullable=True))
    op.add_column("accounts", sa.Column("expires_at", Moment(), nullable=True))
    op.create_index(op.f("ix_accounts_expires_at"), "accounts", ["expires_at"])
    op.create_table(
        "registration_tokens",
        sa.Column("registration_token_id", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("usage_limit", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("ephemeral_seconds", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("registration_token_id", name=op.f("pk_registration_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_registration_tokens_token_hash")),
    )
