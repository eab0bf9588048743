"""Rows that fit a page stay in it: PostgreSQL writes them for half the work of those that it cuts up itself."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SLOTS = 128
WHOLE_PAGE = 8160


def upgrade() -> None:
    for slot in range(SLOTS):
        op.execute(f"ALTER TABLE ciphertexts_{slot:03} SET (toast_tuple_target = {WHOLE_PAGE})")


def downgrade() -> None:
    for slot in range(SLOTS):
        op.execute(f"ALTER TABLE ciphertexts_{slot:03} RESET (toast_tuple_target)")
