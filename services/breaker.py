"""A database that is away is refused at once, not after a timeout each time, until it answers again."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

ASK_AGAIN_SECONDS = 1.0
OPTION = "breaker"
"""The execution option of an engine that holds its breaker."""
log = logging.getLogger("mayfly")


class Breaker:
    """Knows in this process whether one of several databases is away; made for an engine, it is that engine's.

    While it is away nobody waits for it but a thread that asks, once a second, and only as long as requests come.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.away = False
        self._name = name
        self._engine = engine
        self._ask_at = 0.0
        engine.update_execution_options(**{OPTION: self})

    def trip(self) -> None:
        """Note that the database is away."""
        if not self.away:
            log.warning(
                "the database of shard %s is away; until it answers, requests for it get 503", self._name
            )
        self.away = True

    def asked_meanwhile(self) -> bool:
        """Tell whether the database is away; now and then that has a thread ask it."""
        if self.away and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + ASK_AGAIN_SECONDS
            threading.Thread(target=self.answers, name="breaker", daemon=True).start()
        return self.away

    def answers(self) -> bool:
        """Ask the database, and tell whether it answered: that takes as long as a connection may."""
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except (DBAPIError, PoolTimeout):
            return False
        if self.away:
            log.warning("the database of shard %s answers again", self._name)
        self.away = False
        return True


def breaker_of(engine: Engine) -> Breaker | None:
    """Return the breaker of an engine; None where there is one database alone, which is asked each time."""
    breaker: Breaker | None = engine.get_execution_options().get(OPTION)
    return breaker
