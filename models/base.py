from __future__ import annotations

from typing import Any, NoReturn

import psycopg2
from sqlalchemy import Connection, TextClause, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError


def now(connection: Connection) -> float:
    """Read the database's clock, in seconds since 1970."""
    with raw_cursor(connection) as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(cursor.fetchone()[0])


class raw_cursor:  # noqa: N801 - it is used as a function is
    """Lends psycopg2's own cursor, for COPY and for the statements that every upload and open runs.

    Through SQLAlchemy, one statement would cost as much processor time as the rest of an open. Errors of psycopg2 are
    raised as SQLAlchemy's. If the server has ended the connection, that is OperationalError, and the connection leaves
    the pool.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Any:
        self._raw = self._connection.connection
        try:
            self._cursor = self._raw.cursor()
        except psycopg2.Error as error:
            self._raise(error)
        return self._cursor

    def __exit__(self, kind: object, error: BaseException | None, places: object) -> None:
        try:
            self._cursor.close()
        except psycopg2.Error as late:
            self._raise(late)
        if isinstance(error, psycopg2.Error):
            self._raise(error)

    def _raise(self, error: psycopg2.Error) -> NoReturn:
        driver = self._raw.driver_connection
        gone = driver is None or driver.closed or type(error) in _ENDS
        if gone:
            self._connection.invalidate()
        kind = OperationalError if gone or isinstance(error, psycopg2.OperationalError) else DBAPIError
        raise kind(None, None, error) from error


_ENDS = (psycopg2.InterfaceError, psycopg2.DatabaseError)
"""What psycopg2 raises when the connection breaks in the middle of an answer. An error that the server reports is an
instance of a subclass."""


def time_left(connection: Connection, end: float) -> float:
    """Return how many seconds are left until ``end`` (seconds since 1970), by the database's clock."""
    with raw_cursor(connection) as cursor:
        cursor.execute("SELECT %s - extract(epoch FROM clock_timestamp())::float8", (end,))
        return float(cursor.fetchone()[0])


def expired_deletion(table: str) -> TextClause:
    """Write the statement that deletes at most ``:rows`` rows of a table whose time ``until`` has passed.

    Rows that another transaction has locked are skipped. Two details let PostgreSQL use the index on ``until`` and read
    no other row: the tags are an array, and statement_timestamp() does not change while the statement runs.
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
    """Take the lock that only one purge at a time may hold, until the transaction ends; False if another holds it."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(PURGE_LOCK))).scalar_one())


def try_sweep_lock(connection: Connection) -> bool:
    """Take the lock that only one sweep of the object store at a time may hold, as ``try_purge_lock`` does."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(SWEEP_LOCK))).scalar_one())


def wait_for_purge_lock(connection: Connection) -> None:
    """Wait for the purge's lock and hold it until the transaction ends.

    Every caller that deletes many rows takes it: two transactions that delete the same rows in different orders would
    deadlock.
    """
    connection.execute(select(func.pg_advisory_xact_lock(PURGE_LOCK)))
