"""The age of the oldest row that a purge has yet to delete, whether there is any, and the version of the schema.

Health checks and metrics ask for both every few seconds.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from models.ciphertext import SLOTS
from models.owner import OPEN_CATALOG

# One look-up in the index on (slot, expires_at) for each slot, so the cost does not grow with the number of rows.
_OLDEST = text(
    """
    SELECT extract(epoch FROM statement_timestamp() - min(first.expires_at))::float8
    FROM generate_series(0, :slots - 1) AS ring(slot)
    CROSS JOIN LATERAL (
        SELECT expires_at FROM images WHERE images.slot = ring.slot ORDER BY expires_at LIMIT 1
    ) AS first
    """
)
_NOTHING = text(
    """
    SELECT NOT EXISTS (SELECT FROM images) AND NOT EXISTS (SELECT FROM guesses) AND NOT EXISTS (SELECT FROM counted)
        AND NOT EXISTS (SELECT FROM stored WHERE bytes <> 0)
        AND NOT EXISTS (SELECT FROM owners WHERE used_on IS NULL AND id <> :open)
    """
)
_HAS_SCHEMA = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_SCHEMA = text("SELECT max(version_num) FROM alembic_version")


def age_of_oldest_dead_row(connection: Connection) -> float:
    """Return how many seconds ago the oldest row that is still there has expired; 0 if none has expired."""
    age = connection.execute(_OLDEST, {"slots": SLOTS}).scalar_one()
    return max(0.0, float(age or 0.0))


def nothing_expires(connection: Connection) -> bool:
    """Tell whether no row is there that a purge would delete, now or later."""
    return bool(connection.execute(_NOTHING, {"open": OPEN_CATALOG}).scalar_one())


def schema_version(connection: Connection) -> str | None:
    """Return the number of the last migration that was applied to the database; None if none ever was."""
    if not connection.execute(_HAS_SCHEMA).scalar_one():
        return None
    version: str | None = connection.execute(_SCHEMA).scalar_one()
    return version
