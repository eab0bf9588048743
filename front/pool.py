"""A few threads that run Flask, each one request at a time."""

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
"""How late the event loop may learn of a result of None. Nothing waits for it, and waking the loop for each one would
cost more than 5 % of a small answer."""


class ThreadPool:
    """Threads that make calls for coroutines; ``run`` returns a future of the event loop it is called in."""

    def __init__(self, threads: int) -> None:
        self._jobs: deque[Job] = deque()
        self._idle: list[SimpleQueue[Job]] = []
        self._lock = threading.Lock()
        self._over: deque[asyncio.Future[None]] = deque()
        self._under_way = 0
        self._ticking = False
        self.threads = threads
        for number in range(threads):
            threading.Thread(target=self._work, name=f"flask-{number}", daemon=True).start()

    @property
    def waiting(self) -> int:
        """How many calls no thread has begun yet."""
        return len(self._jobs)

    @property
    def busy(self) -> int:
        """How many threads make a call now."""
        return self.threads - len(self._idle)

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Have a call made by the next thread that is free; a result of None is told up to LATE_SECONDS later."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._under_way += 1
        self._give((call, future, loop))
        self._settle_over()
        if not self._ticking:
            self._ticking = True
            loop.call_later(LATE_SECONDS, self._tick, loop)
        return future

    def _give(self, job: Job) -> None:
        """Give a job to the thread that was busy last, whose memory and connection are still at hand."""
        with self._lock:
            if not self._idle:
                self._jobs.append(job)
                return
            idle = self._idle.pop()
        idle.put(job)

    def _next(self, own: SimpleQueue[Job]) -> Job:
        """Return the next job for the thread whose queue this is."""
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
            except BaseException as raised:  # it is raised where the future is awaited; Later is no Exception
                error = raised.with_traceback(None)  # whose frames would keep the image
                error.__context__ = None
            if result is None and error is None:
                self._over.append(future)
            else:
                loop.call_soon_threadsafe(self._settle, future, result, error)
            del call, future, loop, result, error  # nothing of it is kept until the next

    def _settle(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._under_way -= 1
        if future.done():  # it was cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
