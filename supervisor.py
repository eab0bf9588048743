"""The supervisor in the main process: starts workers, replaces one that ended, and ends all of them at a shutdown."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from http_server import LAST_CALL, NOTICE

LOOK_SECONDS = 0.05
LAST_CALL_SECONDS = 0.25
"""How long a worker still reads requests from connections that it has accepted, while it accepts no more."""
CRASH_LOOP_SECONDS = 5.5
"""If a worker that replaced another one ends within so many seconds, it is not replaced again: this is a crash loop."""
log = logging.getLogger("mayfly")


class Worker:
    """A worker process, which is a child of this process, even if the origin has forked it."""

    def __init__(self, pid: int, ended: Callable[[], None]) -> None:
        """Start a thread that waits for the end of the process, and then calls ``ended``."""
        self.pid = pid
        self._over = threading.Event()
        threading.Thread(target=self._wait, args=(ended,), daemon=True).start()

    def _wait(self, ended: Callable[[], None]) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._over.set()
        ended()

    def lives(self, seconds: float = 0) -> bool:
        """Wait up to ``seconds`` for its end; return whether it still runs."""
        return not self._over.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.lives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Supervisor:
    """Runs workers until SIGINT, SIGTERM or SIGHUP; raises SystemExit in a crash loop."""

    def __init__(self, replace: Callable[[int], int], *, drain: float, notice: float) -> None:
        """``replace`` forks a worker for a place and returns its process id.

        ``drain`` and ``notice`` are the settings DRAIN and DRAIN_NOTICE, in seconds.
        """
        self._replace = replace
        self._drain = drain
        self._notice = notice
        self._news: SimpleQueue[int | None] = SimpleQueue()
        self._heard: list[int] = []
        self._workers: dict[int, Worker] = {}
        self._last_replaced = -1, 0.0

    def serve(self, first: Callable[[int], int], count: int, started: Callable[[], None]) -> None:
        """Start ``count`` workers, each by ``first(place)``, call ``started``, and return when all have ended."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                signal.signal(number, self._hear)
        for place in range(count):
            self._start(place, first)
        started()
        try:
            while not self._heard:
                ended = self._news.get()
                if ended is not None and not self._heard:
                    self._take_place(ended)
        finally:
            self._end()

    def _hear(self, number: int, _frame: object) -> None:
        self._heard.append(number)
        self._news.put(None)

    def _start(self, place: int, fork: Callable[[int], int]) -> None:
        self._workers[place] = Worker(fork(place), lambda: self._news.put(place))
        log.info("worker %d is process %d", place + 1, self._workers[place].pid)

    def _take_place(self, place: int) -> None:
        log.error("worker %d ended unexpectedly; starting another one in its place", place + 1)
        last, at = self._last_replaced
        if place == last and time.monotonic() - at < CRASH_LOOP_SECONDS:
            log.error("the new worker ended at once, too; this server ends")
            raise SystemExit(1)
        self._last_replaced = place, time.monotonic()
        self._start(place, self._replace)

    def _end(self) -> None:
        if self._notice and self._heard == [signal.SIGTERM]:
            self._give_notice()
        self._tell(signal.SIGTERM)
        end = time.monotonic() + self._drain
        for place, worker in self._workers.items():
            if worker.lives(max(end - time.monotonic(), 0)):
                log.warning("Killing worker %d, which did not end within %d s", place + 1, self._drain)
                worker.send(signal.SIGKILL)
                worker.lives(self._drain)

    def _give_notice(self) -> None:
        """Have the workers announce the end to their clients, then accept no more connections.

        So at the end no connection is left whose request was not read.
        """
        log.info("ending in %d s: /readyz answers 503, and every answer closes its connection", self._notice)
        self._tell(NOTICE)
        ends = time.monotonic() + self._notice
        while time.monotonic() < ends and len(self._heard) == 1:
            time.sleep(LOOK_SECONDS)
        self._tell(LAST_CALL)
        time.sleep(LAST_CALL_SECONDS)

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            worker.send(number)


def fork(work: Callable[..., None], *arguments: Any) -> int:
    """Run ``work`` in a forked child of this process; return the child's process id."""
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    child.start()
    assert child.pid is not None  # noqa: S101 - it has been started
    return child.pid
