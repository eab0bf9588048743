"""Connections and transactions; errors of SQLAlchemy are turned into those of the domain here."""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models import NotThePrimary, PlaceInCluster, check_schema, forget_lost, place_in_cluster, raw_cursor
from services.account_errors import TokenRefused
from services.breaker import DatabaseBreaker, breaker_of
from services.errors import DatabaseAway, StorageFull
from services.hosts import ask_hosts
from services.lent import give_back, lend, lent

log = logging.getLogger("mayfly.database")
OUT_OF_ROOM = {"53100", "53200"}
"""SQLSTATE disk_full and out_of_memory, https://www.postgresql.org/docs/current/errcodes-appendix.html"""

ENDS = {"25006", "57P01", "57P02", "57P03"}
"""SQLSTATE read_only_sql_transaction, admin_shutdown, crash_shutdown and cannot_connect_now: after these, and after any
error of class 08 (connection exceptions, which poolers send, too), a connection can't be used any more."""

OWNER_GONE = "23503"
"""SQLSTATE foreign_key_violation. The only foreign keys refer to an account, deleted since its token was checked."""


MADE = "made"
"""Where the pool's record of a connection has the time at which it was made, and what tells whether it can be read."""
_lost_at = -float("inf")
"""When this process last lost a connection that was in use, by time.monotonic()."""
_timelines: dict[int, int] = {}
"""The newest timeline of each cluster that this process has seen, by the cluster's system identifier."""


def watch_connections(engine: Engine, schema: str | None = None) -> None:
    """Have the pool check connections, so that it hands out only connections to a server that takes writes.

    A new connection is checked once. With ``schema``, a database whose last migration is older counts as away. An idle
    connection is replaced if its socket is readable, which means that the server has closed it, or if it is older than
    the last lost connection; neither check costs a round trip. A crash of PostgreSQL ends all connections, so the first
    new one deletes the rows of lost images before anybody asks for an image.
    """
    ask_hosts(engine)

    @event.listens_for(engine, "connect")
    def ask(connection: Any, record: Any) -> None:
        try:
            with lent(connection, breaker_of(engine)):
                _check_newest(place_in_cluster(connection))
                if schema is not None:
                    check_schema(connection, schema)
        except NotThePrimary as error:
            connection.close()
            raise OperationalError(None, None, error) from None
        with connection.cursor() as cursor:
            forget_crashed(cursor)
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        record.info[MADE] = time.monotonic(), waiting.poll

    @event.listens_for(engine, "checkout")
    def look(_connection: Any, record: Any, _proxy: object) -> None:
        made_at, waiting = record.info[MADE]
        if made_at < _lost_at or waiting(0):
            raise InvalidatePoolError


def forget_crashed(cursor: Any) -> None:
    """Delete the rows of images whose sealed bytes a crash has removed; ``cursor`` must not be in a transaction."""
    if lost := forget_lost(cursor):
        log.warning("PostgreSQL crashed, and %d images ended with it, since SURVIVE_CRASH was false", lost)


def _check_newest(place: PlaceInCluster) -> None:
    """Raise NotThePrimary if the server is a former primary; the first connection to a new primary ends all older ones.

    A standby that is promoted begins a new timeline with a higher number. A former primary that hung meanwhile still
    has the old timeline, and takes writes until it is stopped.
    """
    known = _timelines.get(place.cluster, 0)
    if place.timeline < known:
        raise NotThePrimary("its cluster has a newer primary, so its writes would be lost")
    if place.timeline > known:
        _timelines[place.cluster] = place.timeline
        _forget_older()


def _forget_older() -> None:
    """Have the pool replace all connections that this process has made before this moment."""
    global _lost_at
    _lost_at = time.monotonic()


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction; the engine is otherwise in autocommit.

    Raises DatabaseAway if PostgreSQL can't be reached or ends the connection, StorageFull if its disk is full, and
    TokenRefused if an image's owner was deleted.
    """
    with autocommit(engine) as connection:
        _execute(connection, "BEGIN")
        try:
            yield connection
            _execute(connection, "COMMIT")
        except BaseException:
            # In autocommit SQLAlchemy does not roll back when the connection returns to the pool.
            if not connection.invalidated:
                _execute(connection, "ROLLBACK")
            raise
    for do in _after_commit.pop(connection, ()):
        do()


_after_commit: WeakKeyDictionary[Connection, list[Callable[[], None]]] = WeakKeyDictionary()


def after_commit(connection: Connection, do: Callable[[], None]) -> None:
    """Have ``do`` called after the commit of the current ``transaction``, when it holds no connection any more."""
    _after_commit.setdefault(connection, []).append(do)


class autocommit:  # noqa: N801 - it is used as a function is
    """Runs a block in which each statement is a transaction of its own; raises the same errors as ``transaction``.

    If one of several databases is known to be away, DatabaseAway is raised at once. A generator would do the same, and
    each request would pay for three of them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        breaker = breaker_of(self._engine)
        try:
            self._connection = connection = _lent_by(self._engine, breaker)
        except (PoolTimeout, DBAPIError) as error:
            raise _translated(error) from None
        self._key = lend(connection.connection.driver_connection, breaker)
        return connection

    def __exit__(self, kind: object, error: BaseException | None, places: object) -> None:
        connection = self._connection
        try:
            if isinstance(error, DBAPIError) and (connection.invalidated or _ends(error)):
                _lose(connection)
        finally:
            give_back(self._key)
            self._close()
        if isinstance(error, PoolTimeout | DBAPIError):
            other = _translated(error)
            if other is not error:
                raise other from None

    def _close(self) -> None:
        try:
            self._connection.close()
        except DBAPIError as error:
            raise _translated(error) from None


def _ends(error: DBAPIError) -> bool:
    """Tell whether the connection can't be used any more after this error."""
    code = _sqlstate(error) or ""
    return error.connection_invalidated or code in ENDS or code.startswith("08")


def _lose(connection: Connection) -> None:
    """Have neither this connection nor any older one of this process used again, and open the breaker."""
    _forget_older()
    _trip(connection.engine)
    if not connection.invalidated:
        connection.invalidate()


def _trip(engine: Engine) -> None:
    breaker = breaker_of(engine)
    if breaker is not None:
        breaker.trip()


_waiting: set[int] = set()


def waiting_for_connections() -> int:
    """Return how many threads of this process wait until they get a connection."""
    return len(_waiting)


def _lent_by(engine: Engine, breaker: DatabaseBreaker | None) -> Connection:
    if breaker is not None and breaker.asked_meanwhile():
        raise DatabaseAway
    thread = threading.get_ident()
    _waiting.add(thread)
    try:
        return engine.connect()
    except DBAPIError:
        _trip(engine)
        raise
    finally:
        _waiting.discard(thread)


def _execute(connection: Connection, command: str) -> None:
    with raw_cursor(connection) as cursor:
        cursor.execute(command)


def _translated(error: PoolTimeout | DBAPIError) -> Exception:
    """Return what the domain calls an error; one that is none of its own is returned as it is."""
    if isinstance(error, PoolTimeout):
        return DatabaseAway()
    code = _sqlstate(error)
    if code in OUT_OF_ROOM:
        return StorageFull()
    if code == OWNER_GONE:
        return TokenRefused()
    if isinstance(error, OperationalError | InterfaceError) or _ends(error):
        return DatabaseAway()
    return error


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)
