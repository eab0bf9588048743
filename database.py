"""The database that the settings name: how it is started, reached and judged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

import embedded
from config import Config
from environment import ConfigError
from models import db

log = logging.getLogger("mayfly")
OTHER_SCHEMA = {"42P01", "42703", "42883"}
"""SQLSTATE undefined_table, undefined_column and undefined_function."""
PATIENCE = 30
"""Seconds for which a start waits for a cluster that is switching over."""
PASSING = (
    "it takes no writes",
    "session is read-only",
    "the database system is",
    "server closed the connection unexpectedly",
)
"""What a standby, a server that becomes the primary, and a proxy without a primary say. libpq tells no SQLSTATE."""
LIBPQ = {
    "application_name": "mayfly",  # what else a session needs, the database keeps: models/session.py
    "connect_timeout": 3,
    # A dead machine says nothing: who waits for its answer, or for it to acknowledge, gives up after 14 s.
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 14_000,
}
"""https://www.postgresql.org/docs/current/libpq-connect.html; over a Unix socket only the first two mean anything."""
_COLUMNS = text(
    "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped"
)


@contextmanager
def database(config: Config) -> Iterator[None]:
    """See to it that the database runs while the block does: the embedded one is started where none is named."""
    if config.database_url:
        yield
    else:
        with embedded.running(config.data_dir):
            yield


@contextmanager
def usable_database(config: Config) -> Iterator[None]:
    """See to it that the database runs, and raise ConfigError where it can't be reached or refuses.

    A cluster that is switching over is waited for. Call it in the application's context.
    """
    with database(config), explained(config):
        _reach()
        yield


@contextmanager
def explained(config: Config) -> Iterator[None]:
    """Raise ConfigError with one sentence where the database can't be used in the block."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) in OTHER_SCHEMA:
            advice = "bring its schema up to date with `flask db upgrade`"
        else:
            advice = f"start it, or mend {config.database_settings}"
        raise ConfigError(f"the database can't be used ({_why(error)}); {advice}") from None


def _reach() -> None:
    """Connect once, or as often as it takes while what hinders is likely to pass."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with db.engine.connect():
                return
        except DBAPIError as error:
            passing = any(words in str(error.orig) for words in PASSING)
            if not passing or time.monotonic() > end:
                raise
            log.warning("the database can't be used yet (%s); waiting up to %d s", _why(error), PATIENCE)
        time.sleep(1)


def _why(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0].strip()


def refuse_other_tables(engine: Engine) -> None:
    """Raise ConfigError where the database, brought up to date, lacks a column that this program uses."""
    with engine.connect() as connection:
        found = {(table, column) for table, column in connection.execute(_COLUMNS)}
    used = {(table.name, column.name) for table in db.metadata.tables.values() for column in table.columns}
    for table, column in sorted(used - found):
        raise ConfigError(
            f"the database has every migration of this Mayfly, but its table {table} has no column {column}: one"
            " of them was changed after it ran here; give this Mayfly a database of its own"
        )


def disk_room(config: Config) -> Callable[[], bool] | None:
    """Return what tells whether the embedded database's disk has room; None for an outside one, which tells itself."""
    if config.database_url:
        return None
    under_way = config.workers * config.bytes_in_flight
    return partial(embedded.has_room, config.data_dir, under_way)


def engine_options(config: Config) -> dict[str, Any]:
    """Return what SQLAlchemy is told about connections and their pool; raises ValueError and ArgumentError."""
    return {
        "pool_size": config.connections,
        "max_overflow": 0,
        "pool_timeout": 10,
        "pool_use_lifo": True,
        # Changing it for each use costs a round trip each way; services/database.py begins what needs a transaction.
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,  # in autocommit nothing is left to roll back
        "hide_parameters": True,
        "connect_args": _connect_args(config.database_url),
    }


def _connect_args(url: str | None) -> dict[str, Any]:
    """Return what libpq is told about a connection, but for what the URL says itself."""
    given = make_url(url).query if url else {}
    several = isinstance(given.get("host"), tuple) or "," in given.get("host", "")
    wanted = LIBPQ | {"target_session_attrs": "read-write" if several else "any"}
    return {name: value for name, value in wanted.items() if name not in given}
