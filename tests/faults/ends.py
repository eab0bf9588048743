"""A PostgreSQL with `fsync` on, and the ways in which tests end it."""

from __future__ import annotations

import os
import random
import signal
from dataclasses import dataclass
from pathlib import Path

import embedded
from tests.processes import alive, until


@dataclass
class Database:
    """An embedded PostgreSQL that is durable, and can be ended in several ways."""

    folder: Path
    url: str = ""
    _running: object = None

    def start(self) -> None:
        self._running = embedded.running(self.folder)
        self.url = self._running.__enter__()

    def stop(self) -> None:
        self._running.__exit__(None, None, None)  # type: ignore[attr-defined]

    @property
    def postmaster(self) -> int:
        return int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])

    def backends(self) -> list[int]:
        """The processes that work for the servers' connections."""
        tasks = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        return [int(pid) for pid in tasks if b"mayfly mayfly" in _title(int(pid))]


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def restart(database: Database) -> None:
    """An orderly end in the middle of everything, and a new start."""
    database.stop()
    database.start()


def crash_a_backend(database: Database) -> None:
    """One backend dies: the postmaster ends all of them and recovers from the WAL."""
    there = database.backends()
    os.kill(random.choice(there), signal.SIGKILL)
    assert until(lambda: not any(map(alive, there)))


def crash_the_postmaster(database: Database) -> None:
    """The postmaster dies: nothing goes on until somebody starts it anew."""
    victim = database.postmaster
    os.kill(victim, signal.SIGKILL)
    assert until(lambda: not alive(victim))
    database.stop()
    database.start()
