"""Unlogged tables for sealed bytes that a crash of PostgreSQL may end, and a mark that tells of such a crash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SLOTS = 128
WHOLE_PAGE = 8160
# The function of migration 0005; a small image's bytes may lie in either ring of tables.
LIVING_IMAGE = """
    CREATE OR REPLACE FUNCTION living_image(key bytea, most bigint) RETURNS TABLE (
        slot smallint, size bigint, views_left smallint, created_at float8, expires_at float8,
        manage_tag bytea, store varchar, details bytea, sealed bytea
    ) LANGUAGE plpgsql STABLE AS $function$
    BEGIN
        SELECT i.slot, i.size, coalesce(i.views_left, -1::smallint),
            extract(epoch FROM i.created_at)::float8, extract(epoch FROM i.expires_at)::float8,
            i.manage_tag, i.store, i.details
        INTO slot, size, views_left, created_at, expires_at, manage_tag, store, details
        FROM images AS i
        WHERE i.row_key = key AND i.expires_at > statement_timestamp()
          AND (i.views_left IS NULL OR i.views_left > 0);
        IF NOT FOUND THEN
            RETURN;
        END IF;
        RETURN NEXT;
        IF {in_rows} AND views_left = -1 AND size <= most THEN
            RETURN QUERY EXECUTE format(
                'SELECT NULL::smallint, NULL::bigint, NULL::smallint, NULL::float8, NULL::float8, NULL::bytea,'
                ' NULL::varchar, NULL::bytea, sealed FROM %s_%s WHERE row_key = $1 ORDER BY part',
                {ring}, lpad(slot::text, 3, '0')
            ) USING key;
        END IF;
    END
    $function$
"""


def upgrade() -> None:
    for slot in range(SLOTS):
        _create_slot(slot)
    op.create_table(
        "crash_mark",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crash_mark")),
        prefixes=["UNLOGGED"],
    )
    op.execute(
        LIVING_IMAGE.format(
            in_rows="store IN ('rows', 'unlogged')",
            ring="CASE store WHEN 'rows' THEN 'ciphertexts' ELSE 'unlogged' END",
        )
    )


def _create_slot(slot: int) -> None:
    """Create a table as migrations 0001 and 0004 leave the one of the other ring."""
    op.execute(
        f"CREATE UNLOGGED TABLE unlogged_{slot:03} ("
        f" LIKE ciphertexts_{slot:03} INCLUDING STORAGE,"
        f" CONSTRAINT pk_unlogged_{slot:03} PRIMARY KEY (row_key, part)"
        f") WITH (toast_tuple_target = {WHOLE_PAGE}, autovacuum_enabled = false, toast.autovacuum_enabled = false)"
    )


def downgrade() -> None:
    op.execute(LIVING_IMAGE.format(in_rows="store = 'rows'", ring="'ciphertexts'"))
    # What lives goes on in the other ring, which is all that an older program knows.
    for slot in range(SLOTS):
        op.execute(f"INSERT INTO ciphertexts_{slot:03} SELECT * FROM unlogged_{slot:03}")  # noqa: S608
        op.drop_table(f"unlogged_{slot:03}")
    op.execute("UPDATE images SET store = 'rows' WHERE store = 'unlogged'")
    op.drop_table("crash_mark")
