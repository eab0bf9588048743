"""Runs the PostgreSQL that is installed with pip, if the settings name no database.

Its cluster is under DATA_DIR. Only the OS user who started it can connect, through a Unix socket. The reasons are in
docs/decisions/0002-embedded-postgres.md.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from embedded.disk import has_room
from embedded.programs import EmbeddedError, die_with, hear_signals, signals_later
from embedded.server import Server

__all__ = ["EmbeddedError", "die_with", "has_room", "hear_signals", "running", "signals_later", "url"]


def url(data_dir: Path) -> str:
    """Return the URL by which this user connects to the server of a data folder, whether or not it runs."""
    return Server(data_dir).url


@contextlib.contextmanager
def running(data_dir: Path, *, durable: bool = True, own: bool = False) -> Iterator[str]:
    """Run the server of a data folder while the block runs; yield its URL.

    The first process that calls this starts the server, owns it, and stops it at the end of its block. Other processes
    share it, and lose it if the owner ends first. With ``own=True``, as the service does, the caller waits to become
    the owner. Call it from the main thread: the server ends with the thread that started it, even after ``kill -9``.
    ``durable=False`` is for tests: a power cut may lose everything. Raises EmbeddedError.
    """
    server = Server(data_dir)
    try:
        server.join(durable, own)
        yield server.url
    finally:
        server.leave()
