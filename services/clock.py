"""PostgreSQL's clock and the operator's row, cached for a second."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from models import OperatorState, operator_state
from services.database import autocommit

AGE_SECONDS = 1.0


class DatabaseClock:
    """PostgreSQL's clock and the operator's row, read again when the last answer is ``age`` seconds old.

    Between two reads the time is extrapolated by CLOCK_BOOTTIME, which nobody can set and which goes on while the
    machine is suspended.
    """

    def __init__(self, engine: Engine, age: float = AGE_SECONDS) -> None:
        self._engine = engine
        self.age = age
        self._last_read = -float("inf"), OperatorState(0.0, None, 0)

    @property
    def last(self) -> OperatorState | None:
        """The last answer of PostgreSQL, however old; None before the first."""
        at, state = self._last_read
        return state if at > 0 else None

    def state(self) -> OperatorState:
        """Return PostgreSQL's time and the operator's row as they were at most ``age`` ago; raises DatabaseAway."""
        at, state = self._last_read
        if _elapsed() - at >= self.age:
            with autocommit(self._engine) as connection:
                state = operator_state(connection)
            self._last_read = _elapsed(), state
        return state

    def now(self) -> int:
        """Return PostgreSQL's time in whole seconds since 1970, rounded down, by ``state`` and the time since.

        It may be behind PostgreSQL's clock by as long as the answer took, and is never ahead of it. So no image lives
        longer than its lifetime. Raises DatabaseAway.
        """
        self.state()
        at, state = self._last_read
        return int(state.now + _elapsed() - at)


def _elapsed() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
