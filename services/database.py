"""The wall to SQLAlchemy: its names and errors stop here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from services.errors import DatabaseAway


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction; raises DatabaseAway where PostgreSQL can't be reached or gave up."""
    with _translated(), engine.begin() as connection:
        yield connection


@contextmanager
def statements(engine: Engine) -> Iterator[Connection]:
    """Run a block in which every statement stands for itself and sees the clock of its own moment."""
    with _translated(), engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError):
        raise DatabaseAway from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseAway from None
        raise
