"""Starts and connects to the databases of the settings, and checks their schema and connection limits."""

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
from models import connections_allowed, up_to_date
from services import Shard, Shards, watch_connections

MIGRATIONS = Path(__file__).parent / "migrations"
log = logging.getLogger("mayfly")
OTHER_SCHEMA = {"42P01", "42703", "42883"}
"""SQLSTATE undefined_table, undefined_column and undefined_function."""
PATIENCE = 30
"""How many seconds a start waits for a cluster during a switchover."""
PASSING = (
    "it takes no writes",
    "session is read-only",
    "the database system is",
    "server closed the connection unexpectedly",
)
"""Parts of the messages of a standby, of a server that is being promoted, and of a proxy without a primary. libpq
reports no SQLSTATE when a connection fails."""
LIBPQ = {
    "application_name": "mayfly",  # other settings of a session are stored in the database: models/session.py
    "connect_timeout": 3,
    # A dead machine is noticed after 14 s, whether this process waits for an answer or for an acknowledgement.
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 14_000,
}
"""https://www.postgresql.org/docs/current/libpq-connect.html; for a Unix socket only the first two have an effect."""
_COLUMNS = text(
    "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped"
)


@contextmanager
def database(config: Config) -> Iterator[None]:
    """Run the embedded database while the block runs, if the settings name no other database."""
    if config.home_url:
        yield
    else:
        with embedded.running(config.data_dir):
            yield


@contextmanager
def usable_database(config: Config, engines: Iterable[Engine]) -> Iterator[None]:
    """Have a database that can be used while the block runs; raises ConfigError if it can't be reached or refuses.

    This waits for a cluster during a switchover. Of several databases, one that answers is enough.
    """
    with database(config), explained(config):
        _reach(tuple(engines))
        yield


@contextmanager
def explained(config: Config) -> Iterator[None]:
    """Turn a database error in the block into ConfigError with one sentence."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) in OTHER_SCHEMA:
            advice = "bring its schema up to date with `flask db upgrade`"
        else:
            advice = f"start it, or correct {config.database_settings}"
        raise ConfigError(f"the database can't be used ({_why(error)}); {advice}") from None


def _reach(engines: Sequence[Engine]) -> None:
    """Connect to one of the databases; try again for PATIENCE seconds while the error is likely to pass."""
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
    """Raise ConfigError if a migrated database lacks one of the columns in ``used``, pairs of table and column.

    Raises DatabaseAway.
    """
    with shard.connection() as connection:
        found = {(table, column) for table, column in connection.execute(_COLUMNS)}
    for table, column in sorted(used - found):
        raise ConfigError(
            f"the database has every migration of this Mayfly, but its table {table} has no column {column}: a"
            " migration was changed after it ran here; give this Mayfly a database of its own"
        )


def disk_room(config: Config) -> Callable[[], bool] | None:
    """Return a function that tells whether the embedded database's disk has room; None for any other database."""
    if config.home_url:
        return None
    under_way = config.workers * config.bytes_in_flight
    return partial(embedded.has_room, config.data_dir, under_way)


def newest_schema() -> str:
    """Return the number of the newest migration that this program knows."""
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*.py"))


def needs_no_migration(config: Config, shards: Shards) -> bool:
    """Tell whether all databases answer and are up to date; False where only a migration can tell.

    It has connections of its own, and leaves none: a database with an older schema must not count as away from then
    on, and a process that is forked to migrate would close a connection for this one, too.
    """
    return all(_up_to_date(new_engine(config, shard.engine.url)) for shard in shards.all)


def _up_to_date(engine: Engine) -> bool:
    watch_connections(engine)  # else one that takes no writes would do
    try:
        with engine.connect() as connection:
            return up_to_date(connection, newest_schema())
    except DBAPIError:
        return False
    finally:
        engine.dispose()


def shards_of(config: Config, url: str, home: Engine) -> Shards:
    """Return the shards of the settings; ``home`` is the engine of the database of accounts, and ``url`` its URL.

    Of several databases, one with an older schema counts as away. Raises ValueError, ArgumentError.
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
    """Raise ConfigError if all processes together may need more connections than a PostgreSQL allows.

    Raises DatabaseAway.
    """
    each = config.connections + bool(config.shards)  # one more, by which the breaker asks the database
    needed = config.workers * each + (config.metrics_bind is not None)
    allowed = shards.each(_connections_allowed)
    shards.dispose()
    for shard, most in allowed.items():
        if most is not None and needed > most:
            whose = f"the PostgreSQL of shard {shard.name}" if config.shards else "PostgreSQL"
            raise ConfigError(
                f"{config.workers} WORKERS with {config.threads} THREADS each may need {needed} connections, and"
                f" {whose} allows {most}: set WORKERS or THREADS lower"
            )


def _connections_allowed(shard: Shard) -> int | None:
    with shard.connection() as connection:
        return connections_allowed(connection)


def new_engine(config: Config, url: str | URL) -> Engine:
    """Make the engine of a database; it connects with its first use."""
    return create_engine(url, **engine_options(config, url))


def engine_options(config: Config, url: str | URL) -> dict[str, Any]:
    """Return the options of SQLAlchemy's ``create_engine``; raises ValueError and ArgumentError."""
    return {
        "pool_size": config.connections,
        "max_overflow": 0,
        "pool_timeout": 10,
        "pool_use_lifo": True,
        # To change it for each use would cost two round trips; services/database.py begins transactions itself.
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,  # in autocommit nothing is left to roll back
        "hide_parameters": True,
        "connect_args": _connect_args(url),
    }


def _connect_args(url: str | URL) -> dict[str, Any]:
    """Return the parameters of libpq for a connection, except those in the URL."""
    given = make_url(url).query
    several = isinstance(given.get("host"), tuple) or "," in given.get("host", "")
    wanted = LIBPQ | {"target_session_attrs": "read-write" if several else "any"}
    return {name: value for name, value in wanted.items() if name not in given}
