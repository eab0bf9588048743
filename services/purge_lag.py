"""Measures how far the purge is behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from models import age_of_oldest_dead_row, dead_slots, end_of_slot, now
from storage import SlotStore


class PurgeLag(NamedTuple):
    """How many seconds ago the oldest expired row could have been deleted, and the oldest dead slot emptied; else 0."""

    rows: float
    slots: float


class PurgeClock:
    """Measures how far the purge is behind, by the database's clock and without a lock. It is not thread-safe.

    A few minutes after the span of a slot the ring comes to it again, and then its number doesn't tell any more to
    which turn its bytes belong. So a slot that was once seen to be late stays late until it is seen empty.
    """

    def __init__(self, stores: Iterable[SlotStore], max_lifetime: int) -> None:
        self._stores = tuple(stores)
        self._max_lifetime = max_lifetime
        self._late: dict[Engine, dict[tuple[str, int], float]] = {}

    def __call__(self, connection: Connection) -> PurgeLag:
        """Measure both lags; the cost doesn't depend on the number of images."""
        at = now(connection)
        before = self._late.get(connection.engine, {})
        late = self._late[connection.engine] = dict(self._ends_of_late(connection, at, before))
        return PurgeLag(age_of_oldest_dead_row(connection), at - min(late.values(), default=at))

    def _ends_of_late(
        self, connection: Connection, at: float, before: dict[tuple[str, int], float]
    ) -> Iterator[tuple[tuple[str, int], float]]:
        for store in self._stores:
            ends = {
                slot: before.get((store.name, slot), end_of_slot(slot, self._max_lifetime, at))
                for slot in store.filled(connection)
            }
            for slot in dead_slots(connection, (slot for slot, end in ends.items() if end <= at)):
                yield (store.name, slot), ends[slot]
