"""The circuit breaker of the object store: while the store doesn't answer, requests fail at once, without a timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PAUSE_SECONDS = 5.0
STUCK_SECONDS = 1.0
"""How long requests wait for a free place if no request begins or ends meanwhile."""


class StoreAway(Exception):
    """The object store can't be reached, or refuses a request; the request may or may not have taken effect."""

    retry_after = 5

    def __init__(self) -> None:
        super().__init__(
            "The store that keeps larger images can't be reached at the moment; try again in a few seconds."
        )


class ObjectStoreBreaker:
    """A circuit breaker: after a failure no request passes for ``pause`` seconds, then one at a time until one
    succeeds.

    At most ``places`` requests are under way at once, so a store that hangs blocks no more threads than that.
    """

    def __init__(self, places: int, pause: float = PAUSE_SECONDS) -> None:
        self._pause = pause
        self._changed = threading.Condition()
        self._free = places
        self._moved_at = 0.0
        """When a request last began or ended, by time.monotonic()."""
        self._closed_until = 0.0
        self.failing = False
        """Whether the last request that passed has failed."""

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Let the block send a request; raises StoreAway if it may not. A block that raises StoreAway is a failure."""
        self._enter()
        failed = False
        try:
            yield
        except StoreAway:
            failed = True
            raise
        finally:
            self._leave(failed)

    def _enter(self) -> None:
        with self._changed:
            self._refuse_in_pause()
            while not self._free:
                patience = self._moved_at + STUCK_SECONDS - time.monotonic()
                if patience <= 0:
                    raise StoreAway
                self._changed.wait(patience)
                self._refuse_in_pause()
            self._free -= 1
            self._moved_at = time.monotonic()
            self._closed_until = (
                self._moved_at + self._pause
            )  # while the store fails, the next request passes after the pause at the earliest

    def _refuse_in_pause(self) -> None:
        if self.failing and time.monotonic() < self._closed_until:
            raise StoreAway

    def _leave(self, failed: bool) -> None:
        with self._changed:
            self.failing = failed
            self._free += 1
            self._moved_at = time.monotonic()
            self._closed_until = self._moved_at + self._pause
            self._changed.notify_all()
