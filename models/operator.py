"""What the operator switches and blocks, for every process of every machine on one database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from models.base import raw_cursor


class OperatorState(NamedTuple):
    """What PostgreSQL's clock and the operator's row said at one moment; times are seconds since 1970."""

    now: float
    uploads_off_since: float | None
    blocked_version: int


_HEARD = """
    SELECT extract(epoch FROM clock_timestamp())::float8, extract(epoch FROM uploads_off_since)::float8, blocked_version
    FROM operator
    """
# Whoever turns uploads off twice keeps the first time.
_SWITCH = text(
    """
    UPDATE operator SET uploads_off_since = CASE WHEN :off THEN statement_timestamp() END
    WHERE (uploads_off_since IS NOT NULL) <> :off
    """
)
_BLOCK = text(
    """
    INSERT INTO blocked (tag, blocked_at) SELECT tag, statement_timestamp() FROM unnest(CAST(:tags AS bytea[])) AS tag
    ON CONFLICT DO NOTHING
    """
)
_UNBLOCK = text("DELETE FROM blocked WHERE tag = ANY(CAST(:tags AS bytea[]))")
_CHANGED = text("UPDATE operator SET blocked_version = blocked_version + 1")
_COUNT = text("SELECT count(*) FROM blocked")
_TAGS = text("SELECT tag FROM blocked")


def operator_state(connection: Connection) -> OperatorState:
    """Ask for the database's clock and the operator's row, in one question."""
    with raw_cursor(connection) as cursor:
        cursor.execute(_HEARD)
        return OperatorState(*cursor.fetchone())


def switch_uploads(connection: Connection, *, off: bool) -> bool:
    """Turn uploads off or on, for every process; False where they were so already."""
    return connection.execute(_SWITCH, {"off": off}).rowcount == 1


def block(connection: Connection, tags: Sequence[bytes]) -> int:
    """Put tags on the list; return how many were not on it. The caller says ``blocked_changed``."""
    return connection.execute(_BLOCK, {"tags": list(tags)}).rowcount


def unblock(connection: Connection, tags: Sequence[bytes]) -> int:
    """Take tags off the list; return how many were on it. The caller says ``blocked_changed``."""
    return connection.execute(_UNBLOCK, {"tags": list(tags)}).rowcount


def blocked_changed(connection: Connection) -> None:
    """Have every process read the list anew, once the caller's transaction is done.

    Transactions that change the list wait here for one another, so call it before the change: then a version that a
    process sees comes with the whole list of that version.
    """
    connection.execute(_CHANGED)


def blocked_count(connection: Connection) -> int:
    """Count what is on the list."""
    return int(connection.execute(_COUNT).scalar_one())


def blocked_tags(connection: Connection) -> Iterable[bytes]:
    """Read the whole list."""
    return map(bytes, connection.scalars(_TAGS))
