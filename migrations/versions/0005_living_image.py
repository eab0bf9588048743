"""An image's row and, where it is small, its sealed bytes, in one answer to one question."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The first row is the image's; each further one holds a part of its sealed bytes. Those of limited views are only
    # for who claims one. A name of a table can't be a parameter, and a slot has no name until its row is read.
    op.execute(
        """
        CREATE FUNCTION living_image(key bytea, most bigint) RETURNS TABLE (
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
            IF store = 'rows' AND views_left = -1 AND size <= most THEN
                RETURN QUERY EXECUTE format(
                    'SELECT NULL::smallint, NULL::bigint, NULL::smallint, NULL::float8, NULL::float8, NULL::bytea,'
                    ' NULL::varchar, NULL::bytea, sealed FROM ciphertexts_%s WHERE row_key = $1 ORDER BY part',
                    lpad(slot::text, 3, '0')
                ) USING key;
            END IF;
        END
        $function$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION living_image(bytea, bigint)")
