"""A database that is away is refused at once, not after a timeout each time, until it answers again."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

ASK_AGAIN_SECONDS = 1.0
ANSWER_SECONDS = 2.0
"""How long a database that lets somebody wait may take to answer a question that costs it next to nothing."""
OPTION = "breaker"
"""The execution option of an engine that holds its breaker."""
log = logging.getLogger("mayfly")


class DatabaseBreaker:
    """Knows in this process whether one of several databases is away; made for an engine, it is that engine's.

    While it is away nobody waits for it but a thread that asks, once a second, and only as long as requests come.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.away = False
        self._name = name
        self._engine = engine
        self._question = threading.Thread()
        self._asked_at = -float("inf")
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
        if self.away:
            self._ask()
        return self.away

    def doubt(self) -> None:
        """Have a thread ask a database that lets somebody wait; call it again and again for as long as it does so.

        One that is slow answers meanwhile. Where the answer is late, too, the database is noted as away.
        """
        if self._question.is_alive() and time.monotonic() - self._asked_at >= ANSWER_SECONDS:
            self.trip()
        self._ask()

    def _ask(self) -> None:
        """Have one thread at a time ask, and none sooner than a second after the last one began."""
        # A thread that a fork has left behind isn't alive in the child, which then asks itself.
        if not self._question.is_alive() and time.monotonic() >= self._asked_at + ASK_AGAIN_SECONDS:
            self._asked_at = time.monotonic()
            self._question = threading.Thread(target=self.answers, name="breaker", daemon=True)
            self._question.start()

    def answers(self) -> bool:
        """Ask the database, and tell whether it answered: that takes as long as a connection may.

        The connection is a new one, since those of the pool may all be in use; services/database.py asks each new one
        what its server is.
        """
        try:
            self._engine.pool.recreate().connect().invalidate()
        except (DBAPIError, self._engine.dialect.loaded_dbapi.Error):
            self.trip()
            return False
        if self.away:
            log.warning("the database of shard %s answers again", self._name)
        self.away = False
        return True


def breaker_of(engine: Engine) -> DatabaseBreaker | None:
    """Return the breaker of an engine; None where there is one database alone, which is asked each time."""
    breaker: DatabaseBreaker | None = engine.get_execution_options().get(OPTION)
    return breaker
