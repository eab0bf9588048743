"""The threads in which the application runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Pool:
    """A fixed number of threads that run jobs in the order of arrival."""

    def __init__(self, threads: int) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"pool-{number + 1}", daemon=True).start()

    @property
    def queued(self) -> int:
        """How many jobs wait for a thread."""
        return self._jobs.qsize()

    def run(self, job: Callable[[], None]) -> None:
        """Let the next free thread run a job, which must not raise."""
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            self._jobs.get()()
