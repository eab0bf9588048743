"""The wall to SQLAlchemy: its names and errors stop here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.errors import DatabaseAway, StorageFull

OUT_OF_ROOM = {"53100", "53200"}
"""SQLSTATE disk_full and out_of_memory, https://www.postgresql.org/docs/current/errcodes-appendix.html"""


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction.

    Raises DatabaseAway where PostgreSQL can't be reached or gave up, StorageFull where its disk is full.
    """
    with _translated(), engine.begin() as connection:
        yield connection


@contextmanager
def statements(engine: Engine) -> Iterator[Connection]:
    """Run a block in which every statement stands for itself and sees the clock of its own moment."""
    with _translated(), engine.connect() as connection, _autocommit(connection):
        yield connection


@contextmanager
def _autocommit(connection: Connection) -> Iterator[None]:
    """Set the driver's own switch, which asks the server nothing.

    SQLAlchemy's option for it sends a SET when a connection is given back; where that fails, as it does when
    PostgreSQL has just gone, the connection's place in the pool is lost for good.
    """
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True
    try:
        yield
    finally:
        connection.rollback()
        if not driver.closed:
            driver.autocommit = False


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout:
        raise DatabaseAway from None
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) in OUT_OF_ROOM:
            raise StorageFull from None
        if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
            raise DatabaseAway from None
        raise
