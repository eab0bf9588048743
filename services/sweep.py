from __future__ import annotations

import logging
import time

from sqlalchemy import Engine

from models import now, try_sweep_lock
from services.counts import SWEPT
from services.database import transaction
from storage import ObjectStore, StoreAway

BUDGET_SECONDS = 5.0
"""So much time, and one request to a store that hangs, are less than one use of a connection may take
(services/lent.py)."""
SPARE_SECONDS = 2
"""A margin for the clocks of several databases, which may differ by a second."""
log = logging.getLogger("mayfly.store")


class Sweep:
    """Deletes expired objects from the object store, also those without a row, which a failed upload may leave behind.

    The names of objects begin with their expiry, so the first name of a listing shows whether any object has expired.
    """

    def __init__(self, engine: Engine, store: ObjectStore, max_lifetime: int) -> None:
        self._engine = engine
        self._store = store
        self._later = SPARE_SECONDS + store.forgets_after(max_lifetime)

    def __call__(self) -> int:
        """Delete expired objects for a bounded time; return how many were deleted.

        Only one sweep at a time works; a second one returns at once. If the store is away, a later sweep catches up.
        Raises DatabaseAway.
        """
        with transaction(self._engine) as connection:
            if not try_sweep_lock(connection):
                return 0
            over = int(now(connection)) - self._later
            try:
                return self._remove(over)
            except StoreAway:
                log.warning("the object store is away; the next sweep will catch up")
                return 0

    def _remove(self, over: int) -> int:
        removed = 0
        deadline = time.monotonic() + BUDGET_SECONDS
        while time.monotonic() < deadline:
            slot = self._store.oldest()
            if slot is None or slot > over:
                break
            some = self._store.empty(slot)
            if not some:
                break  # the listing is eventually consistent, and still has names of deleted objects
            SWEPT.add(amount=some)
            removed += some
        return removed
