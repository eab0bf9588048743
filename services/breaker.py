"""The circuit breaker of a database: while the database is away, requests for it fail at once, without a timeout."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

ASK_AGAIN_SECONDS = 1.0
ANSWER_SECONDS = 2.0
"""How long a slow database may take to answer a trivial query before it counts as away."""
OPTION = "breaker"
"""The execution option of an engine that holds its breaker."""
log = logging.getLogger("mayfly")


class DatabaseBreaker:
    """A circuit breaker, in this process, for one of several databases; it registers itself with the engine.

    While it is open, no request waits for the database. A thread tries to connect once a second, as long as there are
    requests for the database, and closes the breaker when the database answers.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.away = False
        self._name = name
        self._engine = engine
        self._question = threading.Thread()
        self._asked_at = -float("inf")
        engine.update_execution_options(**{OPTION: self})

    def trip(self) -> None:
        """Open the breaker: note that the database is away."""
        if not self.away:
            log.warning(
                "the database of shard %s is away; until it answers, requests for it get 503", self._name
            )
        self.away = True

    def asked_meanwhile(self) -> bool:
        """Tell whether the database is away; if it is, have it asked by a thread, at most once a second."""
        if self.away:
            self._ask()
        return self.away

    def doubt(self) -> None:
        """Find out whether a database that lets a caller wait is slow or hangs; call it repeatedly while a caller
        waits.

        A thread asks the database. If it is merely slow, it answers; if it doesn't within ANSWER_SECONDS, the breaker
        opens.
        """
        if self._question.is_alive() and time.monotonic() - self._asked_at >= ANSWER_SECONDS:
            self.trip()
        self._ask()

    def _ask(self) -> None:
        """Ask in a thread: in one at a time, and at most once a second."""
        # After a fork the parent's thread counts as not alive in the child, so the child starts its own.
        if not self._question.is_alive() and time.monotonic() >= self._asked_at + ASK_AGAIN_SECONDS:
            self._asked_at = time.monotonic()
            self._question = threading.Thread(target=self.answers, name="breaker", daemon=True)
            self._question.start()

    def answers(self) -> bool:
        """Connect to the database, and return whether it answered; this may take as long as the connection timeout.

        It is a new connection, because those of the pool may all be in use. services/database.py checks each new
        connection (``watch_connections``).
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
    """Return the breaker of an engine; None if there is only one database, which has no breaker."""
    breaker: DatabaseBreaker | None = engine.get_execution_options().get(OPTION)
    return breaker
