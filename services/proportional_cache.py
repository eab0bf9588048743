from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
QUICK_SECONDS = 0.1
TIMES_AS_LONG = 50


class ProportionalCache(Generic[T]):
    """Caches the result of a slow call for fifty times as long as the call took, so it is busy 2 % of the time at most.

    A call of at most a tenth of a second is not cached. It is not thread-safe.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._due = 0.0

    def __call__(self) -> T:
        """Return the cached result, or call the function; raises what the function raises."""
        began = time.monotonic()
        if began >= self._due:
            self._answer = self._ask()
            took = time.monotonic() - began
            self._due = began + took * TIMES_AS_LONG if took > QUICK_SECONDS else 0.0
        return self._answer
