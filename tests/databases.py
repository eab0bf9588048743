"""Databases beside the session's own, on the same PostgreSQL, and what one of them answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, make_url, text

MIGRATED = "migrated"
"""A database with our schema and nothing in it, which others can be made of."""
OURS = "FROM pg_stat_activity WHERE usename = current_user"


@contextmanager
def empty_database(database_url: str, name: str, template: str = "template1") -> Iterator[str]:
    """Create a database on the server of another, without a table or as a copy; it is dropped when the block ends.

    Whoever is still connected to it then loses the connection.
    """
    run(database_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield make_url(database_url).set(database=name).render_as_string(hide_password=False)
    finally:
        # WITH (FORCE) refuses where a worker of autovacuum is connected, which a plain DROP sends away.
        run(database_url, f"SELECT pg_terminate_backend(pid) {OURS} AND datname = '{name}'")
        run(database_url, f"DROP DATABASE {name}")


def run(database_url: str, statement: str) -> None:
    """Run one statement outside of a transaction."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def value(database_url: str, query: str) -> Any:
    """Return the one value that a query has."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        found = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return found


def schema(database_url: str) -> str:
    """Return the number of the migration that a database has run last."""
    return str(value(database_url, "SELECT version_num FROM alembic_version"))


@contextmanager
def read_only(database_url: str) -> Iterator[None]:
    """Make new connections read-only while the block runs."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on"))
        try:
            yield
        finally:
            connection.execute(text("ALTER ROLE CURRENT_USER RESET default_transaction_read_only"))
    engine.dispose()
