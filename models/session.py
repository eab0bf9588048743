"""Sessions of PostgreSQL: the settings that each needs, how many are allowed, and what server a session is with.

The settings are stored in the database, for its role. They can't be sent with each connection: a pooler such as
PgBouncer refuses that, and gives one session of PostgreSQL to several clients in turn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

SESSION = {
    "TimeZone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "1min",
    # A slot is never analyzed, so PostgreSQL has no statistics of it. Without this setting it would sort the rows of an
    # image rather than read them in the order of the index.
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


def keeps_session_settings(connection: Connection) -> bool:
    """Tell whether Mayfly's settings are stored for all sessions of this role in this database."""
    return {f"{name}={value}" for name, value in SESSION.items()} <= set(connection.scalars(_KEPT))


def keep_session_settings(connection: Connection) -> None:
    """Apply Mayfly's settings to this session, and store them for all later sessions of this role in this database."""
    if keeps_session_settings(connection):
        return
    database = connection.execute(_DATABASE).scalar_one()
    for name, value in SESSION.items():
        connection.execute(text(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{value}'"))
        connection.execute(text(f"SET {name} = '{value}'"))


def connections_allowed(connection: Connection) -> int | None:
    """Return how many connections PostgreSQL allows this role; None behind a pooler, which shares a few among many."""
    allowed, process = connection.execute(_ALLOWED).one()
    driver: Any = connection.connection.driver_connection
    return int(allowed) if driver.info.backend_pid == process else None


class NotThePrimary(Exception):
    """A server can be reached, but takes no writes or has an old schema; the message says which."""


class PlaceInCluster(NamedTuple):
    """Which cluster a server belongs to, by its system identifier, and which timeline it writes; 0 if unknown."""

    cluster: int
    timeline: int


def place_in_cluster(driver: Any) -> PlaceInCluster:
    """Ask the server of a new psycopg2 connection for its place; raises NotThePrimary if it takes no writes.

    libpq's target_session_attrs does not ask the server. It uses what was reported when the session began, and
    PgBouncer reports a value that may be old: https://github.com/pgbouncer/pgbouncer/issues/859
    """
    with driver.cursor() as cursor:
        read_only, cluster, timeline = _standing(driver, cursor)
        if read_only == "on":
            # PgBouncer 1.26 sets this parameter in every session to what its first server reported.
            cursor.execute("RESET default_transaction_read_only")
            read_only, cluster, timeline = _standing(driver, cursor)
    if read_only == "on":
        raise NotThePrimary("it takes no writes: it is a standby, or was made read-only")
    return PlaceInCluster(cluster, timeline)


def _standing(driver: Any, cursor: Any) -> tuple[str, int, int]:
    try:
        cursor.execute(_STANDING)
    except driver.Error:  # some providers of hosted PostgreSQL don't allow these functions
        cursor.execute("SELECT current_setting('transaction_read_only'), 0, 0")
    found: tuple[str, int, int] = cursor.fetchone()
    return found


def check_schema(driver: Any, needed: str) -> None:
    """Raise NotThePrimary if the database of a new psycopg2 connection has an older schema than ``needed``, or none."""
    with driver.cursor() as cursor:
        try:
            cursor.execute("SELECT max(version_num) FROM alembic_version")
            found = cursor.fetchone()[0] or "none"
        except driver.Error:
            found = "none"
    if found == "none" or found < needed:
        raise NotThePrimary(f"its schema is {found}, and {needed} is needed: run `flask db upgrade`")
