"""Connections that are in use, and the end of one whose server has gone silent."""

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
"""How long one use of a connection may take. It is under PostgreSQL's own limit of a statement (models/session.py), at
which a commit that waits for a standby would be reported as done without it."""
AWAY_SECONDS = 5.0
"""How long one use may take of a database that is one of several, and known to be away."""
DOUBT_SECONDS = 1.0
"""How long one use may take before one of several databases is asked whether it answers anything."""
LOOK_SECONDS = 1.0


class _Lent(NamedTuple):
    at: float
    """By time.monotonic()."""
    driver: Any
    """The driver's connection."""
    breaker: DatabaseBreaker | None


_lent: dict[int, _Lent] = {}
"""The connections in use."""


@contextmanager
def lent(driver: Any, breaker: DatabaseBreaker | None) -> Iterator[None]:
    """Let a driver's connection be ended when the block uses it for longer than it may.

    The breaker is that of its database, where that is one of several.
    """
    key = id(driver)
    _lent[key] = _Lent(time.monotonic(), driver, breaker)
    try:
        yield
    finally:
        del _lent[key]


def end_silent_connections() -> None:
    """Start a thread that ends what takes too long, for as long as this process lives; call it after any fork.

    A machine that is dead is noticed by TCP. A server that is stopped, or whose disk hangs, isn't: its kernel still
    acknowledges. Whoever waits for such a server gets the error of a connection that was closed.
    """
    threading.Thread(target=_look_on, name="silent-connections", daemon=True).start()


def _look_on() -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        look(MOST_SECONDS)


def look(most: float) -> None:
    """Have the databases asked that let somebody wait, and end connections that were in use for longer than they may.

    Their sockets are shut down, so threads that read from them hear their end. ``most`` is in seconds.
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
