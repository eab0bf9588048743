"""When a password may be tried again, and how many bytes each slot holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SLOTS = 128


def upgrade() -> None:
    op.add_column("images", sa.Column("guesses_until", sa.DateTime(timezone=True)))
    op.create_table(
        "stored",
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_stored")),
    )
    op.execute(f"INSERT INTO stored SELECT slot, 0, now() FROM generate_series(0, {SLOTS - 1}) AS slot")  # noqa: S608


def downgrade() -> None:
    op.drop_table("stored")
    op.drop_column("images", "guesses_until")
