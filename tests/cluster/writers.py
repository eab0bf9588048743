"""Who writes to each PostgreSQL of a cluster without Mayfly, and so tells when none of them took writes."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg2

PAUSE = 0.05
PATIENT = "connect_timeout=2 keepalives_idle=1 keepalives_interval=1 keepalives_count=2 tcp_user_timeout=2000"


@dataclass
class Writers:
    """One thread for each address, which writes to it and connects anew as soon as it fails."""

    addresses: list[tuple[str, int]]
    written: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to write; the database mayfly is there."""
        self._threads = [
            threading.Thread(target=self._go_on, args=address, daemon=True) for address in self.addresses
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Write no more. A thread that waits for a frozen server is not waited for."""
        self._over.set()
        for thread in self._threads:
            thread.join(5)

    def _go_on(self, host: str, port: int) -> None:
        connection: Any = None
        while not self._over.wait(PAUSE):
            try:
                connection = connection or self._connect(host, port)
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO written VALUES (1)")
                self.written.append(time.monotonic())
            except psycopg2.errors.ReadOnlySqlTransaction:
                continue  # a promotion ends no session
            except psycopg2.Error:
                if connection:
                    connection.close()
                connection = None

    @staticmethod
    def _connect(host: str, port: int) -> Any:
        connection = psycopg2.connect(PATIENT, host=host, port=port, user="mayfly", dbname="mayfly")
        connection.autocommit = True
        with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS written (n int)")
        return connection


def longest(moments: list[float], since: float) -> float:
    """The longest time between two moments that follow one another, in seconds."""
    later = sorted(moment for moment in moments if moment >= since)
    return max(after - before for before, after in itertools.pairwise(later))
