from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from models import forget_empty, recount, release, reserve
from services.database import statements
from services.errors import StorageFull

log = logging.getLogger("mayfly.room")


class Room:
    """Keeps what is stored under a limit in bytes; without one it counts nothing and costs nothing.

    ``disk`` tells whether the disk under the database has room, where that is a disk of this machine: one that runs
    full stops PostgreSQL, which must write its WAL, while a purge still finds the room it needs.
    """

    def __init__(self, engine: Engine, most: int | None, disk: Callable[[], bool] | None = None) -> None:
        self._engine = engine
        self._most = most
        self._disk_has_room = disk

    def count(self) -> None:
        """Count what is stored already; a start calls it, since the last run may have had no limit."""
        if self._most is not None:
            with statements(self._engine) as connection:
                recount(connection)

    @contextmanager
    def reserved(self, slot: int, size: int, expires_at: int) -> Iterator[None]:
        """Hold room for an image while it is stored; raises StorageFull, and gives it back where storing fails."""
        if self._disk_has_room and not self._disk_has_room():
            log.warning("refused an upload: the disk under the database is nearly full")
            raise StorageFull
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
