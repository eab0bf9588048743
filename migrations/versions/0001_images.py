"""Images, and the ring of tables for their sealed bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SLOTS = 128


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("row_key", sa.LargeBinary(), nullable=False),
        sa.Column("manage_tag", sa.LargeBinary(), nullable=False),
        sa.Column("store", sa.String(8), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("views_left", sa.SmallInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "octet_length(row_key) = 32 AND octet_length(manage_tag) = 32", name=op.f("ck_images_key_lengths")
        ),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_images_lives")),
        sa.PrimaryKeyConstraint("row_key", name=op.f("pk_images")),
    )
    op.create_index(op.f("ix_images_slot_expires_at"), "images", ["slot", "expires_at"])
    for slot in range(SLOTS):
        _create_slot(f"ciphertexts_{slot:03}")


def _create_slot(table: str) -> None:
    op.create_table(
        table,
        sa.Column("row_key", sa.LargeBinary(), nullable=False),
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("row_key", "part", name=op.f(f"pk_{table}")),
    )
    # Sealed bytes don't compress, so PostgreSQL needn't try.
    op.execute(f"ALTER TABLE {table} ALTER COLUMN sealed SET STORAGE EXTERNAL")
    # A slot is truncated soon after it was filled, so vacuuming it is work for nothing. And not a little: after a few
    # deletes it would mark every page of the slot, and write each into the WAL once more, on a disk that may be full.
    op.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false, toast.autovacuum_enabled = false)")


def downgrade() -> None:
    for slot in range(SLOTS):
        op.drop_table(f"ciphertexts_{slot:03}")
    op.drop_table("images")
