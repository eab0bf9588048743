from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from sqlalchemy import Connection

from models import (
    dead_slots,
    delete_dead,
    delete_unused,
    forget_counted,
    forget_guesses,
    nothing_expires,
    raw_cursor,
    try_purge_lock,
)
from services.counts import PURGED
from services.database import autocommit, forget_crashed, transaction
from services.errors import DatabaseAway
from services.quota import Quota
from services.shards import Shard, Shards
from storage import SlotStore

BATCH_ROWS = 1000
BUDGET_SECONDS = 2.0
UNUSED_SECONDS = 86400
"""How long an account without a login and without images is kept, in seconds."""


class Purge:
    """Deletes expired images to free their space, unused accounts, and token buckets that are full again.

    Nothing else depends on it: an expired image can't be opened, purged or not.
    """

    def __init__(
        self,
        shards: Shards,
        stores: Iterable[SlotStore],
        quota: Quota,
        sweep: Callable[[], int] | None = None,
    ) -> None:
        self._shards = shards
        self._sweep = sweep
        self._quota = quota
        self._stores = tuple(stores)

    def __call__(self) -> int:
        """Delete expired images and return how many rows were deleted; each call is bounded in time for each database.

        An advisory lock lets only one purge at a time work in a database; a second one returns at once. A database that
        is away is skipped. Raises DatabaseAway if none answers.
        """
        removed = sum(self._shards.each(self._purge).values())
        if self._sweep:
            with suppress(DatabaseAway):  # if the home database is away, a later sweep catches up
                self._sweep()
        return removed

    def done(self) -> bool:
        """Tell whether later calls have nothing to delete unless something is stored again; raises DatabaseAway."""
        done = self._shards.each(self._done)
        return not self._sweep and len(done) == len(self._shards.all) and all(done.values())

    def _done(self, shard: Shard) -> bool:
        with autocommit(shard.engine) as connection:
            return nothing_expires(connection) and not any(self._filled(connection))

    def _purge(self, shard: Shard) -> int:
        with autocommit(shard.engine) as connection, raw_cursor(connection) as cursor:
            # A connection to a pooler survives a crash, so no new connection has checked for it.
            forget_crashed(cursor)
        removed = 0
        deadline = time.monotonic() + BUDGET_SECONDS
        while time.monotonic() < deadline:
            batch = self._delete_rows(shard)
            removed += batch
            if batch < BATCH_ROWS:
                break
        PURGED.add(amount=removed)
        self._empty_slots(shard, time.monotonic() + BUDGET_SECONDS)
        with autocommit(shard.engine) as connection:
            forget_guesses(connection, BATCH_ROWS)
            forget_counted(connection, BATCH_ROWS)
        return removed

    def _delete_rows(self, shard: Shard) -> int:
        with transaction(shard.engine) as connection:
            if not try_purge_lock(connection):
                return 0
            delete_unused(connection, UNUSED_SECONDS, BATCH_ROWS)
            return delete_dead(connection, BATCH_ROWS)

    def _empty_slots(self, shard: Shard, deadline: float) -> None:
        with transaction(shard.engine) as connection:
            filled = list(self._filled(connection)) if try_purge_lock(connection) else []
            dead = dead_slots(connection, (slot for _, slot in filled))
        for store, slot in filled:
            if slot in dead and time.monotonic() < deadline:
                self._empty(shard, store, slot)
        with transaction(shard.engine) as connection:
            self._quota.forget(connection, [slot for _, slot in self._filled(connection)])

    def _filled(self, connection: Connection) -> Iterator[tuple[SlotStore, int]]:
        for store in self._stores:
            for slot in store.filled(connection):
                yield store, slot

    def _empty(self, shard: Shard, store: SlotStore, slot: int) -> None:
        with transaction(shard.engine) as connection:
            if try_purge_lock(connection):
                store.empty(connection, slot, lambda: bool(dead_slots(connection, [slot])))
