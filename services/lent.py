"""Connections that are in use, and the end of one whose server has gone silent."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection

MOST_SECONDS = 18.0
"""How long one use of a connection may take. It is under PostgreSQL's own limit of a statement (models/session.py), at
which a commit that waits for a standby would be reported as done without it."""
LOOK_SECONDS = 1.0

_lent: dict[int, tuple[float, Any]] = {}
"""When each connection in use was lent, by time.monotonic(), and the driver's connection."""


@contextmanager
def lent(connection: Connection) -> Iterator[None]:
    """Let a connection be ended while the block uses it, when it takes longer than MOST_SECONDS."""
    driver: Any = connection.connection.driver_connection
    key = id(driver)
    _lent[key] = time.monotonic(), driver
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
        end_older_than(MOST_SECONDS)


def end_older_than(seconds: float) -> None:
    """Shut down the sockets of connections that were lent so long ago: threads that read from them hear their end."""
    for at, driver in list(_lent.values()):
        if time.monotonic() - at > seconds:
            with suppress(OSError, driver.Error), socket.socket(fileno=os.dup(driver.fileno())) as door:
                door.shutdown(socket.SHUT_RDWR)
