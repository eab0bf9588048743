"""A small thread pool that runs Flask."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]
LATE_SECONDS = 0.02
"""How late a result of None may be set. Nothing waits for such a result, and waking the event loop for each one would
add more than 5 % to the cost of a small answer."""


class Busy(Exception):
    """No thread can take a call soon."""


class ThreadPool:
    """Threads that run calls for coroutines, each started when a call finds no idle one."""

    def __init__(self, threads: int) -> None:
        self._jobs: deque[Job] = deque()
        self._idle: list[SimpleQueue[Job]] = []
        self._lock = threading.Lock()
        self._over: deque[asyncio.Future[None]] = deque()
        self._under_way = 0
        self._ticking = False
        self.threads = threads
        self._started = 0

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return len(self._jobs)

    @property
    def busy(self) -> int:
        """How many threads run a call now."""
        return self._started - len(self._idle)

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Have the next free thread run a call, and return a future; a result of None is set up to LATE_SECONDS late.

        Raises Busy if there is no thread, and the system refuses to start one.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._give((call, future, loop))
        self._under_way += 1
        self._settle_over()
        if not self._ticking:
            self._ticking = True
            loop.call_later(LATE_SECONDS, self._tick, loop)
        return future

    def _give(self, job: Job) -> None:
        """Give a job to the thread that became idle last, whose memory is still in the processor's caches."""
        with self._lock:
            if self._idle:
                self._idle.pop().put(job)
                return
            self._jobs.append(job)
            if self._started == self.threads:
                return
            self._started += 1
        try:
            threading.Thread(target=self._work, name=f"flask-{self._started}", daemon=True).start()
        except RuntimeError:
            self._do_without(job)

    def _do_without(self, job: Job) -> None:
        """Leave a job to the threads there are, since the system refuses another; raise Busy if there are none."""
        with self._lock:
            self._started -= 1
            if self._started:
                return
            self._jobs.remove(job)
        raise Busy

    def _next(self, own: SimpleQueue[Job]) -> Job:
        """Return the next job for the thread with the queue ``own``; this blocks until there is one."""
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._idle.append(own)
        return own.get()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._settle_over()
        self._ticking = self._under_way > 0
        if self._ticking:
            loop.call_later(LATE_SECONDS, self._tick, loop)

    def _settle_over(self) -> None:
        while self._over:
            self._settle(self._over.popleft(), None, None)

    def _work(self) -> None:
        own: SimpleQueue[Job] = SimpleQueue()
        while True:
            call, future, loop = self._next(own)
            result: Any = None
            error: BaseException | None = None
            try:
                result = call()
            except BaseException as raised:  # the future raises it again; Later is a BaseException
                error = raised.with_traceback(
                    None
                )  # the frames of the traceback would keep the image in memory
                error.__context__ = None
            if result is None and error is None:
                self._over.append(future)
            else:
                loop.call_soon_threadsafe(self._settle, future, result, error)
            del call, future, loop, result, error  # else they would stay in memory until the next job

    def _settle(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._under_way -= 1
        if future.done():  # it was cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
