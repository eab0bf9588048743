"""The PostgreSQL that comes with pip, for the run without a server.

One cluster under DATA_DIR, reached through a Unix socket by the OS user who started it and by nobody else.
Why it is run this way stands in docs/decisions/0002-embedded-postgres.md.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from embedded.disk import has_room
from embedded.programs import EmbeddedError, die_with, hear_signals, signals_later
from embedded.server import Server

__all__ = ["EmbeddedError", "die_with", "has_room", "hear_signals", "running", "signals_later", "url"]


def url(data_dir: Path) -> str:
    """Return the URL at which this user reaches the server of the data folder, whether or not it runs."""
    return Server(data_dir).url


@contextlib.contextmanager
def running(data_dir: Path, *, durable: bool = True, own: bool = False) -> Iterator[str]:
    """Have the server of the data folder running, and yield its URL.

    The first process to ask starts the server, owns it, and stops it at exit. Others use it meanwhile, and
    lose it if its owner ends first; so a process that serves asks to `own` it, waits or is refused.
    Call from the main thread: the server ends with the thread that started it, be it by `kill -9`.
    `durable=False` is for tests: a power cut may lose everything.
    """
    server = Server(data_dir)
    try:
        server.join(durable, own)
        yield server.url
    finally:
        server.leave()
