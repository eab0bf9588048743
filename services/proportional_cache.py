from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
QUICK_SECONDS = 0.1
TIMES_AS_LONG = 50


class ProportionalCache(Generic[T]):
    """Asks again only after fifty times as long as the last asking took, and gives the last answer until then.

    What took a tenth of a second at most is always asked again. One thread at a time may call it.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._due = 0.0

    def __call__(self) -> T:
        """Return the answer, raising what asking raises."""
        began = time.monotonic()
        if began >= self._due:
            self._answer = self._ask()
            took = time.monotonic() - began
            self._due = began + took * TIMES_AS_LONG if took > QUICK_SECONDS else 0.0
        return self._answer
