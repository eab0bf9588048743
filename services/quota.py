from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from models import forget_empty, recount, release, reserve
from services.database import autocommit
from services.errors import StorageFull
from services.shards import Shard, Shards

log = logging.getLogger("mayfly.quota")


class Quota:
    """Keeps what each database stores below a limit in bytes; without a limit it counts nothing and costs nothing.

    ``disk_has_room`` is given where the database is on a disk of this machine: uploads are refused before that disk
    is full, since PostgreSQL stops when it can't write its WAL, and a purge needs some room too.
    """

    def __init__(
        self, shards: Shards, most: int | None, disk_has_room: Callable[[], bool] | None = None
    ) -> None:
        self._shards = shards
        self._most = most
        self._disk_has_room = disk_has_room

    def count(self) -> None:
        """Count what is stored already; a start calls it, since the last run may have had no limit."""
        if self._most is not None:
            self._shards.each(self._recount)

    def _recount(self, shard: Shard) -> None:
        with autocommit(shard.engine) as connection:
            recount(connection)

    @contextmanager
    def reserved(self, shard: Shard, slot: int, size: int, expires_at: int) -> Iterator[None]:
        """Reserve room for an image that the block stores, and give it back if the block fails; raises StorageFull."""
        if self._disk_has_room and not self._disk_has_room():
            log.warning("refused an upload: the disk under the database is nearly full")
            raise StorageFull
        if self._most is None:
            yield
            return
        with autocommit(shard.engine) as connection:
            if not reserve(connection, slot, size, expires_at, self._most):
                raise StorageFull
        try:
            yield
        except BaseException:
            with autocommit(shard.engine) as connection:
                release(connection, slot, size)
            raise

    def give_back(self, connection: Connection, slot: int, size: int) -> None:
        """Give back the room of an image that was removed before its time, within the caller's transaction."""
        if self._most is not None:
            release(connection, slot, size)

    def forget(self, connection: Connection, filled: list[int]) -> None:
        """Count nothing for expired slots that are not among the ``filled``: a purge calls it when it is done."""
        if self._most is not None:
            forget_empty(connection, filled)
