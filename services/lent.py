"""Keeps track of connections in use, and closes those whose server has stopped answering."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from services.breaker import DatabaseBreaker

MOST_SECONDS = 18.0
"""How long one use of a connection may take. It is less than PostgreSQL's statement_timeout (models/session.py): that
one would end a commit that waits for a standby, and report it as done although the standby doesn't have it."""
AWAY_SECONDS = 5.0
"""How long one use of a connection may take if the database is one of several and its breaker is open."""
DOUBT_SECONDS = 1.0
"""How long one use may take before one of several databases is asked whether it still answers."""
LOOK_SECONDS = 1.0


class _Lent(NamedTuple):
    at: float
    """By time.monotonic()."""
    driver: Any
    """The driver's connection."""
    breaker: DatabaseBreaker | None


_lent: dict[int, _Lent] = {}
"""The connections in use."""
_uses = 0


@contextmanager
def lent(driver: Any, breaker: DatabaseBreaker | None) -> Iterator[None]:
    """Register a driver's connection as in use while the block runs; as ``lend``."""
    key = lend(driver, breaker)
    try:
        yield
    finally:
        give_back(key)


def lend(driver: Any, breaker: DatabaseBreaker | None) -> int:
    """Register a driver's connection as in use until what is returned is given back; ``look`` closes it if that takes
    too long.

    ``breaker`` is the database's, None if there is only one database.
    """
    global _uses
    _uses += 1
    key = id(driver)
    _lent[key] = _Lent(time.monotonic(), driver, breaker)
    return key


def give_back(key: int) -> None:
    """Note that a connection is no longer used."""
    del _lent[key]


def uses() -> int:
    """Return how often this process has used a connection so far."""
    return _uses


def end_silent_connections() -> None:
    """Start a thread that closes connections whose use takes too long; call it in each process, after the fork.

    TCP notices a dead machine, but not a server process that is stopped or whose disk hangs, because its kernel still
    acknowledges packets. A thread that waits for such a server then gets the error of a closed connection.
    """
    threading.Thread(target=_watch, name="silent-connections", daemon=True).start()


def _watch() -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        look(MOST_SECONDS)


def look(most: float) -> None:
    """Have slow databases asked whether they answer, and close connections that are in use for more than ``most``
    seconds.

    Closing is a shutdown of the socket, so a thread that reads from it gets an end of file.
    """
    moment = time.monotonic()
    uses = [(use, moment - use.at) for use in list(_lent.values())]
    for breaker in {use.breaker for use, seconds in uses if seconds > DOUBT_SECONDS}:
        if breaker is not None:
            breaker.doubt()
    for use, seconds in uses:
        if seconds > (AWAY_SECONDS if use.breaker is not None and use.breaker.away else most):
            _end(use.driver)


def _end(driver: Any) -> None:
    with suppress(OSError, driver.Error), socket.socket(fileno=os.dup(driver.fileno())) as door:
        door.shutdown(socket.SHUT_RDWR)
