"""Add idempotency keys: what a request that may be repeated has made."""

import sqlalchemy as sa
from alembic import op

from studiolo.storage.tables import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add idempotency keys: what a request that may be repeated has made."""
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(length=36), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("made", sa.String(length=64), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key_hash", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"])
