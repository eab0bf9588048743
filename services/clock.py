"""PostgreSQL's clock, as an upload needs it."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from models import now
from services.database import autocommit

AGE_SECONDS = 1.0


class DatabaseClock:
    """PostgreSQL's clock, asked anew once an answer is ``age`` seconds old.

    In between, time is counted on by CLOCK_BOOTTIME, which nobody sets and which a machine that sleeps doesn't stop.
    """

    def __init__(self, engine: Engine, age: float = AGE_SECONDS) -> None:
        self._engine = engine
        self.age = age
        self._heard = -float("inf"), 0.0

    def now(self) -> int:
        """Return whole seconds since 1970, rounded down; raises DatabaseAway.

        It is late by the time an answer took at most, and never early, so that no image lives longer than it may.
        """
        heard, told = self._heard
        since = _elapsed() - heard
        if since >= self.age:
            with autocommit(self._engine) as connection:
                told, since = now(connection), 0.0
            self._heard = _elapsed(), told
        return int(told + since)


def _elapsed() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
