"""What every session of Mayfly is set to, kept in the database for its role.

A connection can't bring them along: a pooler such as PgBouncer refuses that, and lends one session of PostgreSQL's to
several clients in turn.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

SESSION = {
    "TimeZone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "1min",
    # A slot is never analyzed, so its rows are thought to be many and a sort of them cheap; they stand in the order of
    # their index.
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
_DATABASE = text("SELECT quote_ident(current_database())")


def keep_session_settings(connection: Connection) -> None:
    """Have this session go on, and every later one of this role in this database begin, with Mayfly's settings."""
    if {f"{name}={value}" for name, value in SESSION.items()} <= set(connection.scalars(_KEPT)):
        return
    database = connection.execute(_DATABASE).scalar_one()
    for name, value in SESSION.items():
        connection.execute(text(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{value}'"))
        connection.execute(text(f"SET {name} = '{value}'"))
