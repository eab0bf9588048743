from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from models import forget_empty, recount, release, reserve
from services.database import statements
from services.errors import StorageFull


class Room:
    """Keeps what is stored under a limit in bytes; without one it counts nothing and costs nothing."""

    def __init__(self, engine: Engine, most: int | None) -> None:
        self._engine = engine
        self._most = most

    def count(self) -> None:
        """Count what is stored already; a start calls it, since the last run may have had no limit."""
        if self._most is not None:
            with statements(self._engine) as connection:
                recount(connection)

    @contextmanager
    def reserved(self, slot: int, size: int, expires_at: int) -> Iterator[None]:
        """Hold room for an image while it is stored; raises StorageFull, and gives it back where storing fails."""
        if self._most is None:
            yield
            return
        with statements(self._engine) as connection:
            if not reserve(connection, slot, size, expires_at, self._most):
                raise StorageFull
        try:
            yield
        except BaseException:
            with statements(self._engine) as connection:
                release(connection, slot, size)
            raise

    def give_back(self, connection: Connection, slot: int, size: int) -> None:
        """Give back the room of an image that ended before its time, within the caller's transaction."""
        if self._most is not None:
            release(connection, slot, size)

    def forget(self, connection: Connection, filled: list[int]) -> None:
        """Count nothing for slots that are over and not among the ``filled``: a purge calls it when it is done."""
        if self._most is not None:
            forget_empty(connection, filled)
