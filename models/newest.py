"""Whether a database is as the newest migration leaves it, told without Alembic and the tables' declarations."""

from __future__ import annotations

from sqlalchemy import Connection, text

from models.lag import schema_version
from models.session import keeps_session_settings

COLUMNS_MD5 = "35c68c090235a7b34faf8b621d008c51"
"""Of the names of all tables and columns after the newest migration; tests/test_newest.py knows the value."""
_COLUMNS_MD5 = text(
    """
    SELECT md5(string_agg(relname || '.' || attname, ' ' ORDER BY relname, attname))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    """
)


def columns_md5(connection: Connection) -> str:
    """Return the MD5 of the names of all tables and columns of a database."""
    return str(connection.execute(_COLUMNS_MD5).scalar_one())


def up_to_date(connection: Connection, newest: str) -> bool:
    """Tell whether the ``newest`` migration was the last, and no column or setting of sessions was changed since.

    It is False, too, if other programs have tables beside these; so this says when a migration isn't needed.
    """
    return (
        schema_version(connection) == newest
        and columns_md5(connection) == COLUMNS_MD5
        and keeps_session_settings(connection)
    )
