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
    """Limits the bytes that each database stores to ``most``; None is no limit, and then nothing is counted.

    ``disk_has_room`` is given if the database is on a disk of this machine. It refuses uploads before the disk is full,
    since PostgreSQL stops when it can't write its WAL, and a purge needs some space, too.
    """

    def __init__(
        self, shards: Shards, most: int | None, disk_has_room: Callable[[], bool] | None = None
    ) -> None:
        self._shards = shards
        self._most = most
        self._disk_has_room = disk_has_room

    def count(self) -> None:
        """Count what is stored already. A start calls this, because the last run may have had no limit."""
        if self._most is not None:
            self._shards.each(self._recount)

    def _recount(self, shard: Shard) -> None:
        with autocommit(shard.engine) as connection:
            recount(connection)

    @contextmanager
    def reserved(self, shard: Shard, slot: int, size: int, expires_at: int) -> Iterator[None]:
        """Reserve ``size`` bytes in a slot for images that the block stores; give them back if the block fails.

        ``expires_at`` is in seconds since 1970. Raises StorageFull, DatabaseAway.
        """
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
        """Give back the bytes of images that were removed before their expiry, in the caller's transaction."""
        if self._most is not None:
            release(connection, slot, size)

    def forget(self, connection: Connection, filled: list[int]) -> None:
        """Set the counters of expired slots to 0, except those in ``filled``; a purge calls this at its end."""
        if self._most is not None:
            forget_empty(connection, filled)
