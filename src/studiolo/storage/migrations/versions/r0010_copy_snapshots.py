"""Tell which snapshots of what was handed out are complete."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Tell which snapshots of what was handed out are complete."""
    op.add_column("copy_snapshots", sa.Column("is_taken", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_column("copy_groups", "snapshot")
