"""The supervisor in the main process: starts workers, replaces one that ended, and ends all of them at a shutdown.

A worker that nobody uses may rest: it ends, and another one starts with the next connection to its socket.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from http_server import LAST_CALL, MOST_CONNECTIONS, NOTICE, REPORT

LOOK_SECONDS = 0.05
LAST_CALL_SECONDS = 0.25
"""How long a worker still reads requests from connections that it has accepted, while it accepts no more."""
log = logging.getLogger("mayfly")


class Worker:
    """A worker process, which is a child of this process, even if the origin has forked it."""

    def __init__(
        self, place: int, pid: int, ended: Callable[[Worker], None], *, replaces: bool = False
    ) -> None:
        """Start a thread that waits for the end of the process, and then calls ``ended`` with this object.

        ``replaces`` tells whether it takes the place of a worker that ended unexpectedly.
        """
        self.place = place
        self.pid = pid
        self.replaces = replaces
        self.begun = False
        """Whether it has begun to serve."""
        self.status = 0
        self._over = threading.Event()
        threading.Thread(target=self._wait, args=(ended,), daemon=True).start()

    def _wait(self, ended: Callable[[Worker], None]) -> None:
        with contextlib.suppress(ChildProcessError):
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._over.set()
        ended(self)

    def lives(self, seconds: float = 0) -> bool:
        """Wait up to ``seconds`` for its end; return whether it still runs."""
        return not self._over.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.lives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Supervisor:
    """Runs workers until SIGINT, SIGTERM or SIGHUP; raises SystemExit in a crash loop.

    There is one worker for each listening socket. This process holds the sockets, too, so that the kernel keeps new
    connections for a worker that has ended until another one takes its place.
    """

    def __init__(
        self,
        fork: Callable[[int, bool], int],
        last_fork: Callable[[], None],
        sockets: Sequence[socket.socket],
        reports: int,
        *,
        drain: float,
        notice: float,
    ) -> None:
        """``fork`` forks a worker for a place, which is the index of its socket, and returns its process id; it also
        takes whether the end of this server was announced already.

        ``last_fork`` is called, once or more, when no more are forked; then no other process may hold the sockets.
        ``reports`` is the descriptor of the pipe to which workers write a ``REPORT``; ``drain`` and ``notice`` are the
        settings DRAIN and DRAIN_NOTICE, in seconds.
        """
        self._fork = fork
        self._last_fork = last_fork
        self._sockets = sockets
        self._reports = reports
        self._drain = drain
        self._notice = notice
        self._news: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._heard: list[int] = []
        self._workers: dict[int, Worker] = {}
        self._leaving: set[Worker] = set()

    def serve(self) -> None:
        """Start all workers, and return when all have ended."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                signal.signal(number, self._hear)
        for place, listener in enumerate(self._sockets):
            listener.listen(MOST_CONNECTIONS)
            self._start(place)
            log.info("worker %d is process %d", place + 1, self._workers[place].pid)
        threading.Thread(target=self._read_reports, daemon=True).start()
        try:
            while not self._heard:
                self._handle(None)
        finally:
            self._end()

    def _hear(self, number: int, _frame: object) -> None:
        self._heard.append(number)
        self._news.put(_nothing)

    def _read_reports(self) -> None:
        while report := os.read(self._reports, REPORT.size):
            self._news.put(partial(self._note_report, *REPORT.unpack(report)))

    def _note_report(self, pid: int, rests: bool) -> None:
        for worker in self._all():
            if worker.pid == pid:
                worker.begun = True
                if rests:
                    self._rest(worker)

    def _handle(self, seconds: float | None) -> None:
        """Wait for the next event, at most so long, and do what it asks for."""
        with contextlib.suppress(Empty):
            self._news.get(timeout=seconds)()

    def _start(self, place: int, *, replaces: bool = False) -> None:
        pid = self._fork(place, bool(self._heard))
        self._workers[place] = Worker(place, pid, self._note_end, replaces=replaces)

    def _note_end(self, worker: Worker) -> None:
        self._news.put(partial(self._ended, worker))

    def _ended(self, worker: Worker) -> None:
        if worker in self._leaving:
            self._leaving.remove(worker)
        elif not self._heard:
            self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        message = "worker %d ended unexpectedly (status %d); starting another one in its place"
        log.error(message, worker.place + 1, worker.status)
        if worker.replaces and not worker.begun:  # it is a crash loop
            log.error("the new worker ended before it served; this server ends")
            raise SystemExit(1)
        self._start(worker.place, replaces=True)
        log.info("worker %d is process %d", worker.place + 1, self._workers[worker.place].pid)

    def _rest(self, worker: Worker) -> None:
        """Let a worker end that accepts no connections any more; watch its socket instead."""
        log.debug("worker %d rests", worker.place + 1)
        self._leaving.add(self._workers.pop(worker.place))
        poll = select.poll()
        poll.register(self._sockets[worker.place], select.POLLIN)
        threading.Thread(target=self._watch, args=(poll, worker.place), daemon=True).start()

    def _watch(self, poll: select.poll, place: int) -> None:
        poll.poll()
        self._news.put(partial(self._wake, place))

    def _wake(self, place: int) -> None:
        log.debug("worker %d is needed", place + 1)
        self._start(place)

    def _end(self) -> None:
        if self._notice and self._heard == [signal.SIGTERM]:
            self._give_notice()
        self._let_go()
        self._tell(signal.SIGTERM)
        end = time.monotonic() + self._drain
        for worker in self._all():
            if worker.lives(max(end - time.monotonic(), 0)):
                log.warning("Killing worker %d, which did not end within %d s", worker.place + 1, self._drain)
                worker.send(signal.SIGKILL)
                worker.lives(self._drain)

    def _give_notice(self) -> None:
        """Have the workers announce the end to their clients, then accept no more connections.

        So at the end no connection is left whose request was not read. They are told again and again, since a worker
        that has just started ignores it.
        """
        log.info("ending in %d s: /readyz answers 503, and every answer closes its connection", self._notice)
        ends = time.monotonic() + self._notice
        while time.monotonic() < ends and len(self._heard) == 1:
            self._tell(NOTICE)
            self._handle(LOOK_SECONDS)
        self._tell(LAST_CALL)
        self._let_go()
        time.sleep(LAST_CALL_SECONDS)

    def _let_go(self) -> None:
        """Leave each socket to its worker alone, so that it ends with that one; end those of workers that rest."""
        for place, listener in enumerate(self._sockets):
            if place not in self._workers:
                # Closing it would not be enough, since a thread waits for it.
                with contextlib.suppress(OSError):  # it is closed already
                    listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._last_fork()

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._all():
            worker.send(number)

    def _all(self) -> list[Worker]:
        return [*self._workers.values(), *self._leaving]


def _nothing() -> None:
    """Only wakes who waits for events."""


def fork(work: Callable[..., None], *arguments: Any) -> int:
    """Run ``work`` in a forked child of this process; return the child's process id."""
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    child.start()
    assert child.pid is not None  # noqa: S101 - it has been started
    return child.pid
