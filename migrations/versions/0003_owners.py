"""Owners, what an owned image is found by, and when a login may be tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPEN_CATALOG = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    op.create_table(
        "owners",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_tag", sa.LargeBinary(), nullable=False),
        sa.Column("email_tag", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owners")),
    )
    op.create_index(op.f("ix_owners_login_tag"), "owners", ["login_tag"], unique=True)
    op.create_index(op.f("ix_owners_email_tag"), "owners", ["email_tag"], unique=True)
    # Whoever has no account shares this owner's catalog where the catalog is open. Nobody can log in as it.
    op.execute(f"INSERT INTO owners VALUES ('{OPEN_CATALOG}', '', '', '', 0, now())")  # noqa: S608
    op.create_table(
        "login_attempts",
        sa.Column("login_tag", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login_tag", name=op.f("pk_login_attempts")),
    )
    op.create_index(op.f("ix_login_attempts_until"), "login_attempts", ["until"])
    op.add_column("images", sa.Column("owner_id", sa.Uuid()))
    op.add_column("images", sa.Column("owned_at", sa.DateTime(timezone=True)))
    op.add_column("images", sa.Column("owner_key", sa.LargeBinary()))
    op.add_column("images", sa.Column("model_tag", sa.LargeBinary()))
    op.create_foreign_key(
        op.f("fk_images_owner_id_owners"), "images", "owners", ["owner_id"], ["id"], ondelete="CASCADE"
    )
    owned, of_model = sa.text("owner_id IS NOT NULL"), sa.text("model_tag IS NOT NULL")
    op.create_index(
        op.f("ix_images_owner_id_owned_at_row_key"),
        "images",
        ["owner_id", "owned_at", "row_key"],
        postgresql_where=owned,
    )
    op.create_index(
        op.f("ix_images_owner_id_model_tag_owned_at"),
        "images",
        ["owner_id", "model_tag", "owned_at"],
        postgresql_where=of_model,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_images_owner_id_model_tag_owned_at"), "images")
    op.drop_index(op.f("ix_images_owner_id_owned_at_row_key"), "images")
    op.drop_constraint(op.f("fk_images_owner_id_owners"), "images")
    for column in ("model_tag", "owner_key", "owned_at", "owner_id"):
        op.drop_column("images", column)
    op.drop_table("login_attempts")
    op.drop_table("owners")
