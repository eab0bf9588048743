"""Counts that several machines share, in Valkey or Redis; while it is away, each machine counts in its own memory."""

from __future__ import annotations

import logging
import threading
import time

from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from units import Rate
from web.request.counters import Counters
from web.request.windows import Window, weighed

PATIENCE_SECONDS = 0.25
PAUSE_SECONDS = 5.0
"""For how long a process asks no more, once Valkey did not answer in time."""
log = logging.getLogger("mayfly")


class ValkeyCounters:
    """Counts by keys in Valkey, and in ``nearby`` while it doesn't answer; never are there two waits in one pause."""

    def __init__(self, url: str, nearby: Counters) -> None:
        self._nearby = nearby
        self._storage = RedisStorage(
            url,
            key_prefix="mayfly",
            wrap_exceptions=True,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._lock = threading.Lock()
        self._away = False
        self._ask_at = 0.0

    def take(self, key: int, rate: Rate, amount: int = 1) -> Window:
        """As ``Counters.take``."""
        if self._may_ask():
            try:
                window = self._ask(key, rate, amount)
            except StorageError:
                self._note(away=True)
            else:
                self._note(away=False)
                return window
        return self._nearby.take(key, rate, amount)

    def _ask(self, key: int, rate: Rate, amount: int) -> Window:
        item, name = RateLimitItemPerSecond(rate.amount, rate.seconds), f"{key:x}"
        admitted = self._limiter.hit(item, name, cost=amount)
        before, _, count, kept = self._storage.get_sliding_window(item.key_for(name), rate.seconds)
        # A count is kept for two windows: the one in which it is made, and the next, in which it is the one before.
        window = weighed(rate, before, count, max(0.0, kept - rate.seconds) if kept else rate.seconds, 0)
        return window._replace(admitted=admitted)

    def _may_ask(self) -> bool:
        """Tell whether to ask Valkey; after a pause one thread may, and the others count nearby until it knows."""
        if not self._away:
            return True
        with self._lock:
            if time.monotonic() < self._ask_at:
                return False
            self._ask_at = time.monotonic() + PAUSE_SECONDS
            return True

    def _note(self, *, away: bool) -> None:
        if away == self._away:
            return
        with self._lock:
            changed, self._away = away != self._away, away
            self._ask_at = time.monotonic() + PAUSE_SECONDS
        if changed and away:
            log.warning(
                "the storage of RATE_LIMIT_STORAGE_URL is away: this machine counts for itself meanwhile"
            )
        elif changed:
            log.warning("the storage of RATE_LIMIT_STORAGE_URL is back")
