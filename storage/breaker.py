"""Stops asking a service that doesn't answer, so that requests fail at once rather than after a timeout each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PAUSE_SECONDS = 5.0


class StoreAway(Exception):
    """The object store can't be reached, or refuses; nothing was confirmed."""

    retry_after = 5

    def __init__(self) -> None:
        super().__init__(
            "The store that keeps larger images can't be reached at the moment; try again in a few seconds."
        )


class Breaker:
    """Lets requests pass until one fails; then none for a pause, and then one at a time until one succeeds."""

    def __init__(self, pause: float = PAUSE_SECONDS) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._closed_until = 0.0
        self.failing = False
        """Whether the last request that was let pass has failed."""

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Run a block that asks the service; raises StoreAway, and counts a block that raises it as a failure."""
        self._enter()
        try:
            yield
        except StoreAway:
            self._leave(failed=True)
            raise
        except BaseException:
            self._leave(failed=False)
            raise
        self._leave(failed=False)

    def _enter(self) -> None:
        with self._lock:
            moment = time.monotonic()
            if not self.failing:
                return
            if moment < self._closed_until:
                raise StoreAway
            self._closed_until = moment + self._pause  # others wait for what becomes of this one

    def _leave(self, *, failed: bool) -> None:
        with self._lock:
            self.failing = failed
            self._closed_until = time.monotonic() + self._pause
