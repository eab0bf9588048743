"""What every session of Mayfly is set to, kept in the database for its role, and how many there may be.

They can't be given with each connection: a pooler such as PgBouncer refuses that, and lends one session of PostgreSQL
to several clients in turn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

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
_STANDING = """
    SELECT current_setting('transaction_read_only'), system_identifier, CASE WHEN pg_is_in_recovery() THEN 0
        ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END
    FROM pg_control_system()
    """
"""The name of a WAL file begins with its timeline: https://www.postgresql.org/docs/current/continuous-archiving.html"""
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


class NotThePrimary(Exception):
    """A server that was reached, and that is none to work with; the message says why, for a start's one sentence."""


class PlaceInCluster(NamedTuple):
    """What a server is in its cluster: the cluster's identifier, and the timeline that it writes; 0 where unknown."""

    cluster: int
    timeline: int


def place_in_cluster(driver: Any) -> PlaceInCluster:
    """Ask a new connection of psycopg2 what its server is; raises NotThePrimary where it takes no writes.

    libpq's target_session_attrs doesn't ask: it believes what was reported as the session began, and PgBouncer reports
    what it heard long ago. https://github.com/pgbouncer/pgbouncer/issues/859
    """
    with driver.cursor() as cursor:
        try:
            cursor.execute(_STANDING)
        except driver.Error:  # some who offer PostgreSQL as a service keep such functions for themselves
            cursor.execute("SELECT current_setting('transaction_read_only'), 0, 0")
        read_only, cluster, timeline = cursor.fetchone()
    if read_only == "on":
        raise NotThePrimary("it takes no writes: it is a standby, or was made read-only")
    return PlaceInCluster(cluster, timeline)


def check_schema(driver: Any, needed: str) -> None:
    """Raise NotThePrimary where the database of a new connection of psycopg2 has an older schema, or none."""
    with driver.cursor() as cursor:
        try:
            cursor.execute("SELECT max(version_num) FROM alembic_version")
            found = cursor.fetchone()[0] or "none"
        except driver.Error:
            found = "none"
    if found == "none" or found < needed:
        raise NotThePrimary(f"its schema is {found}, and {needed} is needed: run `flask db upgrade`")
