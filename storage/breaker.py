"""Stops asking a service that doesn't answer, so that requests fail at once rather than after a timeout each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PAUSE_SECONDS = 5.0
STUCK_SECONDS = 1.0
"""For how long requests wait for a place while none begins or ends."""


class StoreAway(Exception):
    """The object store can't be reached, or refuses; nothing was confirmed."""

    retry_after = 5

    def __init__(self) -> None:
        super().__init__(
            "The store that keeps larger images can't be reached at the moment; try again in a few seconds."
        )


class ObjectStoreBreaker:
    """Lets requests pass until one fails; then none for a pause, and then one at a time until one succeeds.

    There are so many ``places``: a service that hangs holds no more threads. Others wait while requests end.
    """

    def __init__(self, places: int, pause: float = PAUSE_SECONDS) -> None:
        self._pause = pause
        self._changed = threading.Condition()
        self._free = places
        self._moved_at = 0.0
        """When a request last began or ended, by time.monotonic()."""
        self._closed_until = 0.0
        self.failing = False
        """Whether the last request that was let pass has failed."""

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Run a block that asks the service; raises StoreAway, and counts a block that raises it as a failure."""
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
            )  # others wait for what becomes of one that tries

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
