"""How far the purge is behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from models import age_of_oldest_dead_row, anything_lives_in, end_of_slot, now
from storage import SlotStore


class PurgeLag(NamedTuple):
    """For how many seconds the oldest row that has expired, and the oldest slot in which nothing lives, have been dead.

    0 where there is none.
    """

    rows: float
    slots: float


class PurgeClock:
    """Tells how far the purge is behind, by the database's clock; it takes no lock. One thread at a time may call it.

    A slot says only for a few minutes after its span that it is late: then its next turn begins, and bytes in it might
    be those of an image that was deleted before its time. So what was seen late stays late until it is seen empty.
    """

    def __init__(self, stores: Iterable[SlotStore], max_lifetime: int) -> None:
        self._stores = tuple(stores)
        self._max_lifetime = max_lifetime
        self._late: dict[Engine, dict[tuple[str, int], float]] = {}

    def __call__(self, connection: Connection) -> PurgeLag:
        """Ask for both; the cost doesn't depend on how many images there are."""
        at = now(connection)
        before = self._late.get(connection.engine, {})
        late = self._late[connection.engine] = dict(self._ends_of_late(connection, at, before))
        return PurgeLag(age_of_oldest_dead_row(connection), at - min(late.values(), default=at))

    def _ends_of_late(
        self, connection: Connection, at: float, before: dict[tuple[str, int], float]
    ) -> Iterator[tuple[tuple[str, int], float]]:
        for store in self._stores:
            for slot in store.filled(connection):
                end = before.get((store.name, slot), end_of_slot(slot, self._max_lifetime, at))
                if end <= at and not anything_lives_in(connection, slot):
                    yield (store.name, slot), end
