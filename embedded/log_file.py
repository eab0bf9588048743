"""The log of the embedded PostgreSQL, bounded in size."""

import contextlib
import os
import threading
from io import FileIO
from pathlib import Path

LIMIT = 5_000_000
"""The maximum size of the log, and of the older part beside it, in bytes."""
LOOK_SECONDS = 60.0
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


def opened(path: Path) -> FileIO:
    """Open the log for appending; only this user may read it."""
    return FileIO(os.open(path, FLAGS, 0o600), "r+")


def shorten(path: Path) -> None:
    """If the log is larger than LIMIT, move its last LIMIT bytes to ``NAME.1`` and truncate it.

    PostgreSQL keeps the file open, and continues at its new end. What it writes at the very moment of this is lost.
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
    """A thread that keeps the log short while the server runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()

    def start(self) -> None:
        """Check the log every minute, until ``stop``."""
        threading.Thread(target=self._go_on, name="postgres-log", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    def _go_on(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with contextlib.suppress(OSError):  # for example a full disk; it is tried again in a minute
                shorten(self._path)
