"""What an address or an account has is counted anew every five minutes, and what comes in between is added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

QUOTAS = (("client_tag", "bytea", "share"), ("owner_id", "uuid", "uuid_send(share)"))
BYTES = (
    "(size + octet_length(details)) * 17 / 16 + 1024"
    " + 78 * (coalesce(views_left, 0) + octet_length(opened) / 73)"
)
BEGIN = """
    CREATE OR REPLACE FUNCTION check_{column}(
        share {kind}, lock integer, more_images bigint, more_bytes bigint, most_images bigint, most_bytes bigint
    ) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
"""
LIVING = "{column} = share AND expires_at > moment AND (views_left IS NULL OR views_left > 0)"
# The function of migration 0007.
COUNTED = """
    DECLARE
        moment timestamptz;
        too_much boolean;
    BEGIN
        IF lock IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(lock, hashtext(share::text));
        END IF;
        moment := clock_timestamp();
        SELECT count(*) + more_images > most_images
            OR coalesce(sum({bytes}), 0) + more_bytes > most_bytes
            INTO too_much FROM images
            WHERE {living};
        IF too_much THEN
            RAISE EXCEPTION 'over quota' USING ERRCODE = '23Q01', DETAIL = '{column}';
        END IF;
    END
    $$
"""
# What is kept is never less than what lives: images end, and none grows. So what fits beside it fits, and nothing is
# refused before it was counted. With a lock, what is asked for is among the images already; an older program asks for
# nothing then, and is counted.
KEPT = """
    DECLARE
        moment timestamptz := clock_timestamp();
        living_images bigint;
        living_bytes bigint;
    BEGIN
        IF lock IS NULL THEN
            PERFORM 1 FROM counted
            WHERE tag = {tag} AND until > moment
                AND counted.images + more_images <= most_images AND counted.bytes + more_bytes <= most_bytes;
            IF FOUND THEN
                RETURN;
            END IF;
        ELSE
            PERFORM pg_advisory_xact_lock(lock, hashtext(share::text));
            moment := clock_timestamp();
            UPDATE counted SET images = counted.images + more_images, bytes = counted.bytes + more_bytes
            WHERE tag = {tag} AND until > moment AND more_images > 0
                AND counted.images + more_images <= most_images AND counted.bytes + more_bytes <= most_bytes;
            IF FOUND THEN
                RETURN;
            END IF;
        END IF;
        SELECT count(*), coalesce(sum({bytes}), 0) INTO living_images, living_bytes FROM images
            WHERE {living};
        IF lock IS NULL THEN
            living_images := living_images + more_images;
            living_bytes := living_bytes + more_bytes;
        END IF;
        IF living_images > most_images OR living_bytes > most_bytes THEN
            RAISE EXCEPTION 'over quota' USING ERRCODE = '23Q01', DETAIL = '{column}';
        END IF;
        IF lock IS NOT NULL THEN
            INSERT INTO counted VALUES ({tag}, living_images, living_bytes, moment + interval '5 minutes')
                ON CONFLICT (tag) DO UPDATE
                SET images = EXCLUDED.images, bytes = EXCLUDED.bytes, until = EXCLUDED.until;
        END IF;
    END
    $$
"""


def upgrade() -> None:
    # After a crash it is empty: then all is counted anew.
    op.create_table(
        "counted",
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_counted")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_counted_until"), "counted", ["until"])
    _define(KEPT)


def downgrade() -> None:
    _define(COUNTED)
    op.drop_table("counted")


def _define(body: str) -> None:
    for column, kind, tag in QUOTAS:
        living = LIVING.format(column=column)
        function = body.format(column=column, tag=tag, bytes=BYTES, living=living)
        op.execute(BEGIN.format(column=column, kind=kind) + function)
