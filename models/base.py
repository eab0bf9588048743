from __future__ import annotations

from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, Connection, Double, MetaData, bindparam, cast, func, select
from sqlalchemy.orm import DeclarativeBase

# Named constraints, so that a migration can drop what an earlier one made.
NAMES = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """The base of all models."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)
Model: Any = db.Model

_MOMENT = func.extract("epoch", func.clock_timestamp())
_NOW = select(cast(func.floor(_MOMENT), BigInteger))
_TIME_LEFT = select(bindparam("end", type_=Double) - cast(_MOMENT, Double))


def now(connection: Connection) -> int:
    """Read the database's clock: whole seconds since 1970, rounded down."""
    return connection.execute(_NOW).scalar_one()


def time_left(connection: Connection, end: float) -> float:
    """Tell by the database's clock how many seconds there are until ``end``, in seconds since 1970."""
    return float(connection.execute(_TIME_LEFT, {"end": end}).scalar_one())


PURGE_LOCK = 0x4D617966_6C79  # "Mayfly"; advisory locks are numbers shared by a whole database


def try_purge_lock(connection: Connection) -> bool:
    """Take the lock that lets one purge at a time work, until the transaction ends; False where another has it."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(PURGE_LOCK))).scalar_one())
