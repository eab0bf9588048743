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
from services.breaker import Breaker, breaker_of
from services.errors import DatabaseAway, StorageFull
from services.hosts import ask_hosts
from services.lent import give_back, lend, lent

log = logging.getLogger("mayfly.database")
OUT_OF_ROOM = {"53100", "53200"}
"""SQLSTATE disk_full and out_of_memory, https://www.postgresql.org/docs/current/errcodes-appendix.html"""

ENDS = {"25006", "57P01", "57P02", "57P03"}
"""SQLSTATE read_only_sql_transaction, admin_shutdown, crash_shutdown and cannot_connect_now: none to go on with. So are
those of class 08, connection exceptions, which a pooler sends, too."""

OWNER_GONE = "23503"
"""SQLSTATE foreign_key_violation: the only foreign key is an image's owner, deleted since the token was checked."""


MADE = "made"
"""Where the pool's record of a connection has the time at which it was made, and what tells whether it can be read."""
_lost_at = -float("inf")
"""When this process last lost a connection in the middle of its work, by time.monotonic()."""
_timelines: dict[int, int] = {}
"""The newest timeline that this process has met of each cluster, by the cluster's identifier."""


def watch_connections(engine: Engine, schema: str | None = None) -> None:
    """Have the pool lend only connections to the server that takes writes, as far as that is known before one is used.

    A new connection is asked once; with ``schema``, a database whose last migration is an older one counts as away.
    One that was idle is replaced if there is something to read on it, which is so only when its server has ended it, or
    if it is older than the last loss: neither look costs a round trip. A crash of PostgreSQL ends every connection, so
    the next ones see to what it ended before anybody asks for an image.
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
    """Forget images whose bytes a crash has ended, by a cursor of psycopg2 that is in no transaction."""
    if lost := forget_lost(cursor):
        log.warning("PostgreSQL crashed, and %d images ended with it, since SURVIVE_CRASH was false", lost)


def _check_newest(place: PlaceInCluster) -> None:
    """Raise NotThePrimary for a server that its cluster has replaced; one on a newer timeline ends older connections.

    A promoted standby begins a new timeline, one higher. A primary that hung meanwhile goes on with the old one until
    somebody tells it.
    """
    known = _timelines.get(place.cluster, 0)
    if place.timeline < known:
        raise NotThePrimary("it takes no writes that count: its cluster has a newer primary")
    if place.timeline > known:
        _timelines[place.cluster] = place.timeline
        _forget_older()


def _forget_older() -> None:
    """Have no connection of this process that was made before this moment lent again."""
    global _lost_at
    _lost_at = time.monotonic()


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
    for do in _after_commit.pop(connection, ()):
        do()


_after_commit: WeakKeyDictionary[Connection, list[Callable[[], None]]] = WeakKeyDictionary()


def after_commit(connection: Connection, do: Callable[[], None]) -> None:
    """Have something done once the transaction of ``transaction`` is committed, with no connection held."""
    _after_commit.setdefault(connection, []).append(do)


class autocommit:  # noqa: N801 - it is used as a function is
    """Runs a block in which every statement is a transaction of its own; raises what ``transaction`` raises.

    One of several databases that is known to be away is not tried: DatabaseAway is raised at once. A generator would
    do the same, and each request would pay for three of them.
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
    """Tell whether the server is none to go on with."""
    code = _sqlstate(error) or ""
    return error.connection_invalidated or code in ENDS or code.startswith("08")


def _lose(connection: Connection) -> None:
    """Have neither this connection nor an older one of this process used again."""
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


def _lent_by(engine: Engine, breaker: Breaker | None) -> Connection:
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
