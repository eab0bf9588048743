"""The operator's switch for uploads and list of blocked images. They hold for all processes that use the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from models.base import raw_cursor


class OperatorState(NamedTuple):
    """The operator's row, and PostgreSQL's clock when it was read; times are in seconds since 1970."""

    now: float
    uploads_off_since: float | None
    blocked_version: int


_HEARD = """
    SELECT extract(epoch FROM clock_timestamp())::float8, extract(epoch FROM uploads_off_since)::float8, blocked_version
    FROM operator
    """
# If uploads are off already, the time since when they are off stays.
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
    """Read the database's clock and the operator's row in one query."""
    with raw_cursor(connection) as cursor:
        cursor.execute(_HEARD)
        return OperatorState(*cursor.fetchone())


def switch_uploads(connection: Connection, *, off: bool) -> bool:
    """Turn uploads off or on, for every process; False if that was already so."""
    return connection.execute(_SWITCH, {"off": off}).rowcount == 1


def block(connection: Connection, tags: Sequence[bytes]) -> int:
    """Add tags to the list of blocked images; return how many are new. The caller calls ``blocked_changed`` before."""
    return connection.execute(_BLOCK, {"tags": list(tags)}).rowcount


def unblock(connection: Connection, tags: Sequence[bytes]) -> int:
    """Remove tags from the list; return how many were on it. The caller calls ``blocked_changed`` before."""
    return connection.execute(_UNBLOCK, {"tags": list(tags)}).rowcount


def blocked_changed(connection: Connection) -> None:
    """Increase the version of the list, so that every process reads the list again after the caller's commit.

    Call it before the list is changed: it locks the row of the version, so transactions that change the list run one
    after the other, and each version stands for one state of the list.
    """
    connection.execute(_CHANGED)


def blocked_count(connection: Connection) -> int:
    """Count the tags on the list."""
    return int(connection.execute(_COUNT).scalar_one())


def blocked_tags(connection: Connection) -> Iterable[bytes]:
    """Read the whole list."""
    return map(bytes, connection.scalars(_TAGS))
