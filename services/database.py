"""Connections and transactions; errors of SQLAlchemy are turned into those of the domain here."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models import raw_cursor
from services.errors import DatabaseAway, StorageFull, TokenRefused

OUT_OF_ROOM = {"53100", "53200"}
"""SQLSTATE disk_full and out_of_memory, https://www.postgresql.org/docs/current/errcodes-appendix.html"""

READ_ONLY = "25006"
"""SQLSTATE read_only_sql_transaction: the server has become a standby, or somebody made its database read-only."""

OWNER_GONE = "23503"
"""SQLSTATE foreign_key_violation: the only foreign key is an image's owner, deleted since the token was checked."""


def notice_restarts(engine: Engine) -> None:
    """Have the pool replace connections that PostgreSQL has closed, before one is used again.

    It costs no round trip: on an idle connection there is something to read only when PostgreSQL has ended it.
    """

    @event.listens_for(engine, "checkout")
    def look(connection: Any, _record: object, _proxy: object) -> None:
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            raise InvalidatePoolError


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction of an engine that is otherwise in autocommit.

    Raises DatabaseAway where PostgreSQL can't be reached or ended, StorageFull where its disk is full, and
    TokenRefused where an image's owner is gone.
    """
    with autocommit(engine) as connection:
        _execute(connection, "BEGIN")
        try:
            yield connection
            _execute(connection, "COMMIT")
        except BaseException:
            # In autocommit nothing else would end the transaction before the connection goes back to the pool.
            if not connection.invalidated:
                _execute(connection, "ROLLBACK")
            raise


@contextmanager
def autocommit(engine: Engine) -> Iterator[Connection]:
    """Run a block in which every statement is a transaction of its own; raises what ``transaction`` raises."""
    with _translated(), _lent_by(engine) as connection:
        try:
            yield connection
        except DBAPIError as error:
            if _sqlstate(error) == READ_ONLY and not connection.invalidated:
                connection.invalidate()  # the next connection may find the server that takes writes
            raise


_waiting: set[int] = set()


def waiting_for_connections() -> int:
    """Return how many threads of this process wait until they get a connection."""
    return len(_waiting)


def _lent_by(engine: Engine) -> Connection:
    thread = threading.get_ident()
    _waiting.add(thread)
    try:
        return engine.connect()
    finally:
        _waiting.discard(thread)


def _execute(connection: Connection, command: str) -> None:
    with raw_cursor(connection) as cursor:
        cursor.execute(command)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout:
        raise DatabaseAway from None
    except DBAPIError as error:
        code = _sqlstate(error)
        if code in OUT_OF_ROOM:
            raise StorageFull from None
        if code == OWNER_GONE:
            raise TokenRefused from None
        away = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        if away or code == READ_ONLY:
            raise DatabaseAway from None
        raise


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)
