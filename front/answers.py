"""Answers on their way out: handed to granian at once, and watched until their readers have taken them.

granian takes whatever it is given and keeps it until the client reads; it says of a stream only whether it is through.
How far a reader is, and its end, is a matter of the connection's socket.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import chain
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from front.rates import Pace
from front.sockets import Sockets
from front.wsgi import Started
from services import Allowance, Budget

AT_ONCE_BYTES = 16 * 1024
"""An answer of one piece up to this size is not watched: the kernel takes it on."""
LAST_BYTES = 64 * 1024
"""granian has let go of an answer when its last piece is in granian's own buffer, so that piece is a small one."""


class Answer:
    """An answer that has been handed to granian, and what it holds until it is out."""

    waiting = False

    def __init__(
        self, transport: Any, peer: str, size: int, ends_at: float | None, allowance: Allowance
    ) -> None:
        self.ends_at = ends_at
        self._allowance = allowance
        self.pace = Pace(time.monotonic())
        self._transport = transport
        self._peer = peer
        self._size = size
        self._first: int | None = None
        self._last: int | None = None

    def is_out(self) -> bool:
        """Whether granian has let go of the answer: the kernel has it, or the client is gone."""
        if self._transport is not None and _is_closed(self._transport):
            self._let_go()
        return self._transport is None

    def is_read(self, sockets: Sockets) -> bool:
        """Whether the client's system has all of an answer that is out, or can't get it any more."""
        state = sockets.state(self._peer)
        if state is None:
            return True
        if self._last is None:
            self._last = state.taken + state.waiting
        return state.taken >= self._last

    def check(self, now: float, sockets: Sockets) -> None:
        """End it where its reader is too slow."""
        state = sockets.state(self._peer)
        if state is None:  # nobody sees what is read, so there is the time for all of it
            self.pace.pause(0, now)
            read = self._size
        else:
            self._first = state.taken if self._first is None else self._first
            read = state.taken - self._first
            self.pace.note(now, read)
        if self.pace.too_slow(now, read):
            self.end(sockets)

    def holds(self, budget: Budget) -> int:
        """How much of a budget it holds."""
        return self._allowance.held(budget)

    def end(self, sockets: Sockets) -> None:
        """Cut it off: the connection is reset, so that no client takes a part for the whole."""
        sockets.abort(self._peer)
        self._let_go()

    def _let_go(self) -> None:
        self._transport = None
        self._allowance.close()


def send(
    proto: Any,
    started: Started,
    pieces: Iterable[bytes],
    peer: str,
    ends_at: float | None,
    allowance: Allowance,
) -> Answer | None:
    """Hand an answer over; return it where it has to be watched, which needs a Content-Length.

    One of many pieces ends with one of up to ``LAST_BYTES``.
    """
    parts = iter(pieces)
    first, second = next(parts, b""), next(parts, None)
    if second is None and (not first or (len(first) <= AT_ONCE_BYTES and ends_at is None)):
        proto.response_bytes(started.status, started.headers, first)
        return None
    transport = proto.response_stream(started.status, started.headers)
    size = 0
    for part in _split(first) if second is None else chain((first, second), parts):
        transport.send_bytes(part)
        size += len(part)
    return None if started.length is None else Answer(transport, peer, size, ends_at, allowance)


def _split(part: bytes) -> tuple[bytes, ...]:
    return (part,) if len(part) <= LAST_BYTES else (part[:-LAST_BYTES], part[-LAST_BYTES:])


def _is_closed(transport: Any) -> bool:
    try:
        next(transport.send_bytes(b"").__await__())
    except StopIteration:
        return False
    except ProtocolClosed:
        return True
    return False
