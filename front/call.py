"""A call of the WSGI application in a thread of a pool, and how the event loop learns of its end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from front.answers import AT_ONCE_BYTES, Answer, send
from front.pool import Pool
from front.wsgi import Started
from services import FREE_BYTES, Allowance, Budget, Later

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

log = logging.getLogger("mayfly")


@dataclass(frozen=True)
class Unsent:
    """An answer for which no memory was free."""

    started: Started
    pieces: Any
    ends_at: float | None
    size: int
    """What it has to hold of the budget for small ones."""


Outcome = Answer | Later | Unsent | None


class Call:
    """A request on its way through the application: its environ, and what it holds."""

    urgent = False
    """Whether somebody waits for its end, and not only for its answer."""

    def __init__(
        self,
        app: WSGIApplication,
        environ: WSGIEnvironment,
        proto: Any,
        peer: str,
        allowance: Allowance,
        small: Budget,
    ) -> None:
        self.allowance = allowance
        self._app = app
        self._environ = environ
        self._proto = proto
        self._peer = peer
        self._small = small
        self._unsent: Unsent | None = None
        environ["mayfly.kept"] = {}

    @property
    def refused(self) -> bool:
        """Whether the application is only to say why it is refused."""
        return "mayfly.refusal" in self._environ

    def refuse(self, why: Exception) -> None:
        """Let go of everything; the application is to answer with an error."""
        if self._unsent is not None:
            self._unsent.pieces.close()
            self._unsent = None
        self.allowance.close()
        self._environ["mayfly.refusal"] = why

    def run(self) -> Outcome:
        """Call the application and hand its answer over; None where nothing is left to see to."""
        outcome: Outcome = None
        try:
            outcome = self._run()
        except Exception as error:
            log.error("unexpected %s outside of the application", type(error).__name__)
        if outcome is None:
            self.allowance.close()
        if outcome is None or isinstance(outcome, Answer):
            self._environ.clear()  # the body with it: the coroutine may hear of the end somewhat later
        return outcome

    def _run(self) -> Outcome:
        unsent = self._unsent
        if unsent is None:
            try:
                unsent = self._called()
            except Later as later:
                return later
            if not self._has_room(unsent.size):
                self._unsent = unsent
                return unsent
        with closing(unsent.pieces) as pieces:
            return send(self._proto, unsent.started, pieces, self._peer, unsent.ends_at, self.allowance)

    def _called(self) -> Unsent:
        started, environ = Started(), self._environ.copy()
        with self.allowance.current():
            pieces = self._app(environ, started)
        return Unsent(started, pieces, environ.get("mayfly.ends_at"), min(started.length or 0, FREE_BYTES))

    def _has_room(self, size: int) -> bool:
        if size <= AT_ONCE_BYTES or self.allowance.holds_anything:
            return True
        if not self._small.take(size):
            return False
        self.allowance.add(self._small, size)
        return True


class Answered:
    """The calls that threads have ended, until the event loop hears of them.

    An answer goes out from the thread. Nothing waits for the end of most calls, and waking the loop for each costs more
    than what is then to be done: the loop takes note when it is awake for something else.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ended: deque[tuple[asyncio.Future[Outcome], Outcome]] = deque()

    def by(self, pool: Pool, call: Call) -> asyncio.Future[Outcome]:
        """Let a thread of a pool make a call; the future is done when the loop has taken note of its end."""
        future: asyncio.Future[Outcome] = self._loop.create_future()

        def job() -> None:
            outcome = call.run()
            self._ended.append((future, outcome))
            if call.urgent or isinstance(outcome, Later | Unsent):
                self._loop.call_soon_threadsafe(self.note)

        pool.run(job)
        return future

    def note(self) -> None:
        """Take note of the calls that have ended."""
        while self._ended:
            future, outcome = self._ended.popleft()
            future.set_result(outcome)
