"""When the views of an image were used; what that takes is counted in the quotas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

QUOTAS = (("client_tag", "bytea"), ("owner_id", "uuid"))
BYTES = "(size + octet_length(details)) * 17 / 16 + 1024"
VIEWS = " + 78 * (coalesce(views_left, 0) + octet_length(opened) / 73)"
# The function of migration 0006 with more in the formula of its bytes, which are those of STORED_BYTES in
# models/image.py. An older program that is still running calls it as before.
QUOTA = """
    CREATE OR REPLACE FUNCTION check_{column}(
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
            OR coalesce(sum({bytes}), 0) + more_bytes > most_bytes
            INTO too_much FROM images
            WHERE {column} = share AND expires_at > moment AND (views_left IS NULL OR views_left > 0);
        IF too_much THEN
            RAISE EXCEPTION 'over quota' USING ERRCODE = '23Q01', DETAIL = '{column}';
        END IF;
    END
    $$
"""


def upgrade() -> None:
    # The default is also for the rows that an older program adds, which uses their views without noting when.
    op.add_column(
        "images", sa.Column("opened", sa.LargeBinary(), server_default=sa.text("''::bytea"), nullable=False)
    )
    for column, kind in QUOTAS:
        op.execute(QUOTA.format(column=column, kind=kind, bytes=BYTES + VIEWS))


def downgrade() -> None:
    for column, kind in QUOTAS:
        op.execute(QUOTA.format(column=column, kind=kind, bytes=BYTES))
    # What is left of images that are used up is nothing to an older program.
    op.execute("DELETE FROM images WHERE views_left = 0")
    op.drop_column("images", "opened")
