from __future__ import annotations

from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, Connection, MetaData, cast, func, select
from sqlalchemy.orm import DeclarativeBase

# Named constraints, so that a migration can drop what an earlier one made.
NAMES = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """The base of all models."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)
Model: Any = db.Model

_NOW = select(cast(func.floor(func.extract("epoch", func.clock_timestamp())), BigInteger))


def now(connection: Connection) -> int:
    """Read the database's clock: whole seconds since 1970, rounded down."""
    return connection.execute(_NOW).scalar_one()


PURGE_LOCK = 0x4D617966_6C79  # "Mayfly"; advisory locks are numbers shared by a whole database


def try_purge_lock(connection: Connection) -> bool:
    """Take the lock that lets one purge at a time work, until the transaction ends; False where another has it."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(PURGE_LOCK))).scalar_one())


def wait_for_purge_lock(connection: Connection) -> None:
    """Hold purges off until the transaction ends, for who deletes many rows: two orders could meet half-way."""
    connection.execute(select(func.pg_advisory_xact_lock(PURGE_LOCK)))
