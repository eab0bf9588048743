"""What every session of Mayfly is set to, kept in the database for its role, and how many there may be.

They can't be given with each connection: a pooler such as PgBouncer refuses that, and lends one session of PostgreSQL
to several clients in turn.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

SESSION = {
    "TimeZone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "1min",
    # PostgreSQL has no statistics of a slot, since it is never analyzed, and would sort an image's rows rather than
    # read them in the order of their index.
    "enable_bitmapscan": "off",
    "jit": "off",
}
_KEPT = text(
    """
    SELECT unnest(setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    """
)
_ALLOWED = text(
    """
    SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
        (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
    ), pg_backend_pid()
    """
)
_DATABASE = text("SELECT quote_ident(current_database())")


def keep_session_settings(connection: Connection) -> None:
    """Give Mayfly's settings to this session, and to every later one of this role in this database."""
    if {f"{name}={value}" for name, value in SESSION.items()} <= set(connection.scalars(_KEPT)):
        return
    database = connection.execute(_DATABASE).scalar_one()
    for name, value in SESSION.items():
        connection.execute(text(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{value}'"))
        connection.execute(text(f"SET {name} = '{value}'"))


def connections_allowed(connection: Connection) -> int | None:
    """Tell how many connections PostgreSQL allows this role; None behind a pooler, which lends a few to many."""
    allowed, process = connection.execute(_ALLOWED).one()
    driver: Any = connection.connection.driver_connection
    return int(allowed) if driver.info.backend_pid == process else None


class TakesNoWrites(Exception):
    """A server that was reached, and on which every transaction is read-only."""

    def __init__(self) -> None:
        super().__init__("it takes no writes: it is a standby, or was made read-only")


def refuse_read_only(driver: Any) -> None:
    """Close a new connection of psycopg2 to a server that takes no writes, and raise OperationalError.

    libpq's target_session_attrs doesn't ask: it believes what was reported as the session began, and PgBouncer reports
    what it heard long ago. https://github.com/pgbouncer/pgbouncer/issues/859
    """
    with driver.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        if cursor.fetchone() == ("off",):
            return
    driver.close()
    raise OperationalError(None, None, TakesNoWrites())
