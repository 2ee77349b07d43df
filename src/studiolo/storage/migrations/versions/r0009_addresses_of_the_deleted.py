"""Find banned addresses of deleted accounts without reading all accounts."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Find banned addresses of deleted accounts without reading all accounts."""
    op.create_index("ix_accounts_email_address_before_delete", "accounts", ["email_address_before_delete"])
