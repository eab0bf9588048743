from __future__ import annotations

import logging
import time

from sqlalchemy import Engine

from models import now, try_sweep_lock
from services.counts import SWEPT
from services.database import transaction
from storage import ObjectStore, StoreAway

BUDGET_SECONDS = 5.0
"""With a request of a store that hangs this stays under what one use of a connection may take (services/lent.py)."""
SPARE_SECONDS = 2
"""The clocks of several databases may differ by a second."""
log = logging.getLogger("mayfly.store")


class Sweep:
    """Removes objects that are over, whether a row knew of them or not: bytes whose upload died have none.

    Their names begin with the second at which they are over, so a list of the first names shows whether there are any.
    """

    def __init__(self, engine: Engine, store: ObjectStore, max_lifetime: int) -> None:
        self._engine = engine
        self._store = store
        self._later = SPARE_SECONDS + store.forgets_after(max_lifetime)

    def __call__(self) -> int:
        """Remove what is over, bounded in time; return how many objects went.

        One sweep at a time works, and a second one returns at once. Where the store is away, a later one catches up.
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
                break  # a list that runs behind still names what is gone
            SWEPT.add(amount=some)
            removed += some
        return removed
