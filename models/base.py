from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, TextClause, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError


def now(connection: Connection) -> float:
    """Read the database's clock: seconds since 1970."""
    with raw_cursor(connection) as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(cursor.fetchone()[0])


@contextmanager
def raw_cursor(connection: Connection) -> Iterator[Any]:
    """Lend psycopg2's own cursor, for COPY and for the statements of every upload and open.

    A statement by SQLAlchemy would cost as much processor time as all the rest of an open. Errors are raised as
    SQLAlchemy raises them: where the server is gone, OperationalError, and the connection leaves the pool.
    """
    raw = connection.connection
    try:
        with closing(raw.cursor()) as cursor:
            yield cursor
    except psycopg2.Error as error:
        gone = raw.driver_connection is None or raw.driver_connection.closed or type(error) in _ENDS
        if gone:
            connection.invalidate()
        kind = OperationalError if gone or isinstance(error, psycopg2.OperationalError) else DBAPIError
        raise kind(None, None, error) from error


_ENDS = (psycopg2.InterfaceError, psycopg2.DatabaseError)
"""What psycopg2 itself raises when the server ended in the middle of an answer; for an error that the server sends it
raises a subclass."""


def time_left(connection: Connection, end: float) -> float:
    """Tell by the database's clock how many seconds there are until ``end``, in seconds since 1970."""
    with raw_cursor(connection) as cursor:
        cursor.execute("SELECT %s - extract(epoch FROM clock_timestamp())::float8", (end,))
        return float(cursor.fetchone()[0])


def expired_deletion(table: str) -> TextClause:
    """Write what deletes up to ``:rows`` of a table's rows, found by their ``tag``, that are over since ``until``.

    Those that somebody is changing are skipped, not waited for. The index on ``until`` finds them, so no other is read:
    their tags as an array, and a time that stands still while the statement runs.
    """
    return text(
        f"""
        DELETE FROM {table} WHERE tag = ANY(ARRAY(
            SELECT tag FROM {table} WHERE until < statement_timestamp()
            ORDER BY until LIMIT :rows FOR UPDATE SKIP LOCKED
        ))
        """  # noqa: S608 - the name of a table
    )


PURGE_LOCK = 0x4D617966_6C79  # "Mayfly"; advisory locks are numbers shared by a whole database
SWEEP_LOCK = 0x53776565_70  # "Sweep"


def try_purge_lock(connection: Connection) -> bool:
    """Take the lock that lets one purge at a time work, until the transaction ends; False where another has it."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(PURGE_LOCK))).scalar_one())


def try_sweep_lock(connection: Connection) -> bool:
    """Take the lock that lets one sweep of the object store at a time work; as ``try_purge_lock``."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(SWEEP_LOCK))).scalar_one())


def wait_for_purge_lock(connection: Connection) -> None:
    """Keep purges out until the transaction ends.

    A caller that deletes many rows needs this: two transactions that delete the same rows in different orders would
    wait for each other (deadlock).
    """
    connection.execute(select(func.pg_advisory_xact_lock(PURGE_LOCK)))
