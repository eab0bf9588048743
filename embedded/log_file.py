"""The log of the embedded PostgreSQL, bounded in size."""

import contextlib
import os
import threading
from io import FileIO
from pathlib import Path

LIMIT = 5_000_000
"""Bytes of the log, and as many of the one before it."""
LOOK_SECONDS = 60.0
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


def opened(path: Path) -> FileIO:
    """Open the log, readable by this user alone, for PostgreSQL to append to."""
    return FileIO(os.open(path, FLAGS, 0o600), "r+")


def shorten(path: Path) -> None:
    """Move what the log has into ``NAME.1`` where it is over LIMIT, and of that the last LIMIT bytes.

    PostgreSQL keeps its file and goes on at its new end. What it writes in that very moment is lost.
    """
    with opened(path) as log:
        size = os.fstat(log.fileno()).st_size
        if size <= LIMIT:
            return
        kept = path.with_suffix(".log.1")
        with contextlib.suppress(FileNotFoundError):
            kept.unlink()
        with FileIO(os.open(kept, FLAGS | os.O_EXCL, 0o600), "r+") as before:
            before.write(os.pread(log.fileno(), LIMIT, size - LIMIT))
        os.ftruncate(log.fileno(), 0)


class Shortening:
    """A thread that looks after the log while its server runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()

    def start(self) -> None:
        """Look every minute from now on, until ``stop``."""
        threading.Thread(target=self._go_on, name="postgres-log", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def _go_on(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with contextlib.suppress(OSError):  # a full disk, say: it looks again in a minute
                shorten(self._path)
