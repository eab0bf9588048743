"""A few threads that run Flask, each one request at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Pool:
    """So many threads; whoever asks for a call gets a future of the event loop it asks in."""

    def __init__(self, threads: int) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"flask-{number}", daemon=True).start()

    @property
    def waiting(self) -> int:
        """How many calls no thread has begun yet."""
        return self._jobs.qsize()

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Have a call made by the next thread that is free."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((call, future, loop))
        return future

    def _work(self) -> None:
        while True:
            call, future, loop = self._jobs.get()
            result: Any = None
            error: BaseException | None = None
            try:
                result = call()
            except BaseException as raised:  # it belongs to whoever waits, Later above all
                error = raised.with_traceback(None)  # whose frames would keep the image
                error.__context__ = None
            loop.call_soon_threadsafe(_settle, future, result, error)
            del call, future, loop, result, error  # nothing of it is kept until the next


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # nobody waits any more
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
