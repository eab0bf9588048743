"""PostgreSQL's clock and the operator's switches, as an upload needs them."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from models import Heard, heard_of
from services.database import autocommit

AGE_SECONDS = 1.0


class DatabaseClock:
    """PostgreSQL's clock, and what its operator's row says, asked anew once an answer is ``age`` seconds old.

    In between, time is counted on by CLOCK_BOOTTIME, which nobody sets and which a machine that sleeps doesn't stop.
    """

    def __init__(self, engine: Engine, age: float = AGE_SECONDS) -> None:
        self._engine = engine
        self.age = age
        self._heard = -float("inf"), Heard(0.0, None, 0)

    @property
    def last(self) -> Heard | None:
        """What PostgreSQL said last, however long ago; None where it has said nothing yet."""
        at, told = self._heard
        return told if at > 0 else None

    def heard(self) -> Heard:
        """Return what PostgreSQL says, or said no longer than ``age`` ago; raises DatabaseAway."""
        at, told = self._heard
        if _elapsed() - at >= self.age:
            with autocommit(self._engine) as connection:
                told = heard_of(connection)
            self._heard = _elapsed(), told
        return told

    def now(self) -> int:
        """Return whole seconds since 1970, rounded down, by ``heard`` and the time since; raises DatabaseAway.

        It is late by the time an answer took at most, and never early, so that no image lives longer than it may.
        """
        self.heard()
        at, told = self._heard
        return int(told.now + _elapsed() - at)


def _elapsed() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
