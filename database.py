"""The database that the settings name: how it is started, reached and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

import embedded
from config import Config, ConfigError
from models import db

OTHER_SCHEMA = {"42P01", "42703", "42883"}
"""SQLSTATE undefined_table, undefined_column and undefined_function."""
_COLUMNS = text(
    "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped"
)


@contextmanager
def database(config: Config, *, own: bool = False) -> Iterator[None]:
    """See to it that the database runs while the block does: the embedded one is started where none is named.

    Who serves asks to ``own`` it, so that it can't end before its last answer.
    """
    if config.database_url:
        yield
    else:
        with embedded.running(config.data_dir, own=own):
            yield


@contextmanager
def usable_database(config: Config) -> Iterator[None]:
    """See to it that the database runs, and raise ConfigError where it can't be reached or refuses.

    Call it in the application's context.
    """
    with database(config):
        try:
            with db.engine.connect():
                pass
            yield
        except DBAPIError as error:
            why = str(error.orig).partition("\n")[0].strip()
            if getattr(error.orig, "pgcode", None) in OTHER_SCHEMA:
                advice = "bring its schema up to date with `flask db upgrade`"
            else:
                advice = f"start it, or mend {config.database_settings}"
            raise ConfigError(f"the database can't be used ({why}); {advice}") from None


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
    """Return what SQLAlchemy is told about connections and their pool."""
    return {
        "pool_size": config.connections,
        "max_overflow": 0,
        "pool_timeout": 10,
        "pool_use_lifo": True,
        # Changing it for each use costs a round trip each way; services/database.py begins what needs a transaction.
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,  # in autocommit nothing is left to roll back
        "hide_parameters": True,
        "connect_args": {
            "connect_timeout": 5,
            "application_name": "mayfly",  # what else a session needs, the database keeps: models/session.py
        },
    }
