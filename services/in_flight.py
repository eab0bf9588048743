"""Admission by bytes: how much of images a process holds in memory at once, however many clients there are."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from services.errors import Overloaded

FREE_BYTES = 256 * 1024
"""What a request may hold without asking: small images never queue behind large ones; threads bound them."""
PATIENCE_SECONDS = 10.0


T = TypeVar("T")


class NotYet(Exception):
    """There are not so many bytes free just now."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size  # in all, not what is missing


class InFlight:
    """At most so many bytes of images at once; who comes when they are taken waits in turn, and not for long."""

    def __init__(self, most: int, patience: float = PATIENCE_SECONDS) -> None:
        self._most = most
        self._patience = patience
        self._free = most
        self._changed = threading.Condition()
        self._queue: deque[Share] = deque()

    @property
    def bytes(self) -> int:
        """How many bytes are admitted now."""
        return self._most - self._free

    @contextmanager
    def request(self) -> Iterator[Share]:
        """Begin a request: what ``take`` is asked for within the block counts to its share, until that is closed."""
        share = Share(self)
        before = _current.set(share)
        try:
            yield share
        finally:
            _current.reset(before)

    def admit(self, share: Share, size: int, *, wait: bool) -> None:
        """Give a share ``size`` bytes more, in the order of arrival; more than there are count as all.

        Raises Overloaded, or NotYet where it may not ``wait`` and would have to.
        """
        size = min(size, self._most - share.bytes)
        with self._changed:
            if self._queue or self._free < size:
                if not wait:
                    raise NotYet(share.bytes + size)
                self._wait(share, size)
            self._free -= size
            share.bytes += size

    def _wait(self, share: Share, size: int) -> None:
        self._queue.append(share)
        try:
            if not self._changed.wait_for(
                lambda: self._queue[0] is share and self._free >= size, self._patience
            ):
                raise Overloaded
        finally:
            self._queue.remove(share)
            self._changed.notify_all()

    def give_back(self, size: int) -> None:
        """Let others have what a request held."""
        with self._changed:
            self._free += size
            self._changed.notify_all()


class Share:
    """What one request holds, given back when it is closed, or at the latest when nobody knows it any more."""

    def __init__(self, in_flight: InFlight) -> None:
        self.bytes = 0
        self._in_flight = in_flight

    def grow_to(self, size: int, *, wait: bool = True) -> None:
        """Hold ``size`` bytes in all; raises Overloaded, or NotYet where it may not ``wait``."""
        if size > max(self.bytes, FREE_BYTES):
            self._in_flight.admit(self, size - self.bytes, wait=wait)

    def close(self) -> None:
        """Give everything back; more than once is no more than once."""
        size, self.bytes = self.bytes, 0
        if size:
            self._in_flight.give_back(size)

    __del__ = close


_current: ContextVar[Share | None] = ContextVar("share", default=None)


def hold(size: int) -> None:
    """Ask for memory before it is taken: ``size`` bytes in all for the request under way, if there is one.

    Raises Overloaded where they don't come free in time.
    """
    share = _current.get()
    if share is not None:
        share.grow_to(size)


def hold_now(size: int) -> None:
    """As ``hold``, but within an attempt of ``patiently``, which is made again once they are free."""
    share = _current.get()
    if share is not None:
        share.grow_to(size, wait=False)


def patiently(attempt: Callable[[], T]) -> T:
    """Make an attempt that holds a connection; where memory is short let that go, wait, and make it again.

    Raises Overloaded, and what the attempt does.
    """
    try:
        return attempt()
    except NotYet as short:
        hold(short.size)
    return attempt()
