"""The database that the settings name: how it is started, reached and judged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

import embedded
from config import Config
from environment import ConfigError
from models import connections_allowed
from services import Shard, Shards, watch_connections

MIGRATIONS = Path(__file__).parent / "migrations"
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
    if config.home_url:
        yield
    else:
        with embedded.running(config.data_dir):
            yield


@contextmanager
def usable_database(config: Config, engines: Iterable[Engine]) -> Iterator[None]:
    """See to it that the database runs, and raise ConfigError where it can't be reached or refuses.

    A cluster that is switching over is waited for. Of several databases one is enough.
    """
    with database(config), explained(config):
        _reach(tuple(engines))
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


def _reach(engines: Sequence[Engine]) -> None:
    """Connect once to one of them, or as often as it takes while what hinders is likely to pass."""
    end = time.monotonic() + PATIENCE
    while True:
        for last, engine in enumerate(engines, 1 - len(engines)):
            try:
                with engine.connect():
                    return
            except DBAPIError as error:
                passing = any(words in str(error.orig) for words in PASSING)
                if last == 0 and (not passing or time.monotonic() > end):
                    raise
                log.warning("the database can't be used yet (%s); waiting up to %d s", _why(error), PATIENCE)
        time.sleep(1)


def _why(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0].strip()


def refuse_other_tables(used: set[tuple[str, str]], shard: Shard) -> None:
    """Raise ConfigError where a database, brought up to date, lacks one of these columns, each with its table.

    Raises DatabaseAway.
    """
    with shard.connection() as connection:
        found = {(table, column) for table, column in connection.execute(_COLUMNS)}
    for table, column in sorted(used - found):
        raise ConfigError(
            f"the database has every migration of this Mayfly, but its table {table} has no column {column}: one"
            " of them was changed after it ran here; give this Mayfly a database of its own"
        )


def disk_room(config: Config) -> Callable[[], bool] | None:
    """Return what tells whether the embedded database's disk has room; None for an outside one, which tells itself."""
    if config.home_url:
        return None
    under_way = config.workers * config.bytes_in_flight
    return partial(embedded.has_room, config.data_dir, under_way)


def newest_schema() -> str:
    """Return the number of the newest migration that this program knows."""
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*.py"))


def shards_of(config: Config, url: str, home: Engine) -> Shards:
    """Make the databases of the settings; ``home``, with its URL, has the accounts. Raises ValueError, ArgumentError.

    Of several, one with an older schema counts as away.
    """
    if not config.shards:
        watch_connections(home)
        return Shards.one(home)
    connect = partial(new_engine, config)
    shards = Shards.several((url, home), config.shards, config.shards_before, connect)
    for shard in shards.all:
        watch_connections(shard.engine, newest_schema())
    return shards


def check_connections(config: Config, shards: Shards) -> None:
    """Raise ConfigError where all processes together would ask a PostgreSQL for more connections than it allows.

    Raises DatabaseAway.
    """
    each = config.connections + bool(config.shards)  # and one that asks a database whether it is away
    needed = config.workers * each + (config.metrics_bind is not None)
    allowed = shards.each(_connections_allowed)
    shards.dispose()
    for shard, most in allowed.items():
        if most is not None and needed > most:
            whose = f"the PostgreSQL of shard {shard.name}" if config.shards else "PostgreSQL"
            raise ConfigError(
                f"{config.workers} WORKERS with {config.threads} THREADS each may ask for {needed} connections, and"
                f" {whose} allows {most}: set WORKERS or THREADS lower"
            )


def _connections_allowed(shard: Shard) -> int | None:
    with shard.connection() as connection:
        return connections_allowed(connection)


def new_engine(config: Config, url: str | URL) -> Engine:
    """Make the engine of a database; it connects when it is used."""
    return create_engine(url, **engine_options(config, url))


def engine_options(config: Config, url: str | URL) -> dict[str, Any]:
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
        "connect_args": _connect_args(url),
    }


def _connect_args(url: str | URL) -> dict[str, Any]:
    """Return what libpq is told about a connection, but for what the URL says itself."""
    given = make_url(url).query
    several = isinstance(given.get("host"), tuple) or "," in given.get("host", "")
    wanted = LIBPQ | {"target_session_attrs": "read-write" if several else "any"}
    return {name: value for name, value in wanted.items() if name not in given}
