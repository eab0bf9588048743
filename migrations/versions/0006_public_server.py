"""What a public server counts by client, blocks and switches; API keys; when an account was last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

QUOTAS = (("client_tag", "bytea"), ("owner_id", "uuid"))
# A function, since its plans are kept for the session: planning the query costs more than running it. Its bytes are
# those of STORED_BYTES in models/image.py. Each of its statements sees what was committed before that statement, so
# what is counted after the lock is exact. The plan may have been made while the table was empty: never a scan.
QUOTA = """
    CREATE FUNCTION check_{column}(
        share {kind}, lock integer, more_images bigint, more_bytes bigint, most_images bigint, most_bytes bigint
    ) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
    DECLARE
        moment timestamptz;
        too_much boolean;
    BEGIN
        IF lock IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(lock, hashtext(share::text));
        END IF;
        moment := clock_timestamp();
        SELECT count(*) + more_images > most_images
            OR coalesce(sum((size + octet_length(details)) * 17 / 16 + 1024), 0) + more_bytes > most_bytes
            INTO too_much FROM images
            WHERE {column} = share AND expires_at > moment AND (views_left IS NULL OR views_left > 0);
        IF too_much THEN
            RAISE EXCEPTION 'over quota' USING ERRCODE = '23Q01', DETAIL = '{column}';
        END IF;
    END
    $$
"""


def upgrade() -> None:
    _count_by_client()
    _obey_the_operator()
    _keep_api_keys()


def _count_by_client() -> None:
    op.create_table(
        "guesses",
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_guesses")),
    )
    op.create_index(op.f("ix_guesses_until"), "guesses", ["until"])

    op.add_column("images", sa.Column("client_tag", sa.LargeBinary()))
    op.create_index(
        op.f("ix_images_client_tag_expires_at"),
        "images",
        ["client_tag", "expires_at"],
        postgresql_where=sa.text("client_tag IS NOT NULL"),
    )

    for column, kind in QUOTAS:
        op.execute(QUOTA.format(column=column, kind=kind))


def _obey_the_operator() -> None:
    op.create_table(
        "blocked",
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_blocked")),
    )
    op.create_table(
        "operator",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("uploads_off_since", sa.DateTime(timezone=True)),
        sa.Column("blocked_version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_operator_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
    )
    op.execute("INSERT INTO operator VALUES (1, NULL, 0)")


def _keep_api_keys() -> None:
    # Every account that is there counts as used, and so does one that an older program adds: the default is for both.
    op.add_column("owners", sa.Column("used_on", sa.Date(), server_default=sa.text("CURRENT_DATE")))
    op.create_index(
        op.f("ix_owners_created_at"), "owners", ["created_at"], postgresql_where=sa.text("used_on IS NULL")
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key_tag", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_on", sa.Date()),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_api_keys_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_owner_id_created_at"), "api_keys", ["owner_id", "created_at"])
    op.create_index(op.f("ix_api_keys_key_tag"), "api_keys", ["key_tag"], unique=True)


def downgrade() -> None:
    op.drop_table("api_keys")
    op.drop_index(op.f("ix_owners_created_at"), "owners")
    op.drop_column("owners", "used_on")
    op.drop_table("operator")
    op.drop_table("blocked")
    for column, kind in QUOTAS:
        op.execute(f"DROP FUNCTION check_{column}({kind}, integer, bigint, bigint, bigint, bigint)")
    op.drop_index(op.f("ix_images_client_tag_expires_at"), "images")
    op.drop_column("images", "client_tag")
    op.drop_table("guesses")
