"""A PostgreSQL without a standby: one of the shards."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import embedded
from tests.processes import children_of
from tests.shards import postmaster_of


class Alone:
    """A server of a folder of its own, reached by a Unix socket; the main thread starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: AbstractContextManager[str] | None = None

    @property
    def url(self) -> str:
        return embedded.url(self.folder)

    def start(self) -> None:
        """Run it, and wait until it answers."""
        self._running = embedded.running(self.folder)
        self._running.__enter__()

    def send(self, number: signal.Signals) -> None:
        """Signal the server and all its children."""
        first = postmaster_of(self.folder)
        for pid in (first, *children_of(first)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End it and remove its files."""
        if self._running:
            self._running.__exit__(None, None, None)
            self._running = None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[Alone]:
    """Run one while the block does."""
    server = Alone(folder)
    server.start()
    try:
        yield server
    finally:
        server.close()
