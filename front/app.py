"""The RSGI application: a coroutine for each request, and a thread only while the WSGI application runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from front.answers import AT_ONCE_BYTES, Answer, send
from front.bodies import Body
from front.pool import Pool
from front.waits import Waits
from front.watch import Watch
from front.wsgi import Pieces, Started, alive_environ, bare_environ, environ_of
from services import FREE_BYTES, Allowance, Budget, HeadTooLarge, Later, Overloaded, TooSlow

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

MOST_AT_ONCE = 1024
"""Requests that a process has in hand at once, from their header fields to their answers."""
SMALL_BYTES = 32 * 1024 * 1024
"""What bodies and answers of up to ``FREE_BYTES`` hold together, those on their way in and out."""
LINGER_SECONDS = 5.0
LINGER_BYTES = 64 * 1024 * 1024
"""For how long and how far an upload is read on that has its refusal, so that its client sees it (RFC 9112, 9.6)."""
BUSY = (503, [("Retry-After", "5"), ("Connection", "close"), ("Cache-Control", "no-store")], b"")
log = logging.getLogger("mayfly")


@dataclass
class Unsent:
    """An answer for which no memory was free."""

    started: Started
    pieces: Any
    environ: WSGIEnvironment

    @property
    def size(self) -> int:
        """What it holds of the budget for small ones."""
        return min(self.started.length or 0, FREE_BYTES)


class Front:
    """Serves a WSGI application.

    ``largest`` tells by a request's method and path how many bytes its body may have; where Content-Length says more,
    the application is called without a body, and answers by itself. ``memory`` is the budget for images.
    """

    def __init__(
        self, app: WSGIApplication, threads: int, memory: Budget, largest: Callable[[str, str], int]
    ) -> None:
        self._app = app
        self._threads = threads
        self._largest = largest
        self._waits = Waits(memory, Budget(SMALL_BYTES, MOST_AT_ONCE))
        self._in_hand = 0

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the worker process, before the first request."""
        self._loop = loop
        self._pool = Pool(self._threads)
        self._refusing = Pool(1)
        self._watch = Watch(loop, self._waits)
        self._alive = self._rendered(alive_environ())

    def _rendered(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]], bytes]:
        started = Started()
        body = b"".join(self._app(environ, started))
        return started.status, started.headers, body

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        if scope.path == "/healthz" and scope.method in {"GET", "HEAD"} and "origin" not in scope.headers:
            status, headers, body = self._alive
            proto.response_bytes(status, headers, b"" if scope.method == "HEAD" else body)
            return
        if self._in_hand >= MOST_AT_ONCE and not self._watch.make_room():
            proto.response_bytes(*BUSY)
            return
        self._in_hand += 1
        try:
            await self._serve(scope, proto)
        finally:
            self._in_hand -= 1

    async def _serve(self, scope: Any, proto: Any) -> None:
        allowance = Allowance()
        unread = False
        try:
            environ = environ_of(scope)
            unread = await self._take_in(environ, proto, allowance)
        except HeadTooLarge as refusal:
            environ = bare_environ(scope)
            environ["mayfly.refusal"] = refusal
        except (TooSlow, Overloaded) as refusal:
            allowance.close()
            environ["mayfly.refusal"] = refusal
        answer = await self._answer(environ, proto, scope.client, allowance)
        if answer is None:
            allowance.close()
        else:
            answer.allowance = allowance
            self._watch.add(answer)
        if unread:
            await self._linger(proto)

    async def _take_in(self, environ: WSGIEnvironment, proto: Any, allowance: Allowance) -> bool:
        """Put the body into the environ; tell whether it was left where it is, being too large."""
        length = environ.get("CONTENT_LENGTH")
        chunked = length is None and "HTTP_TRANSFER_ENCODING" in environ
        announced = None if chunked else int(length or 0)
        if announced == 0:
            return False
        most = self._largest(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if announced is not None and announced > most:
            return "HTTP_EXPECT" not in environ
        body = Body(proto, announced, allowance, self._waits)
        self._watch.bodies.add(body)
        try:
            environ["wsgi.input"] = Pieces(await body.take_in(most))
        finally:
            self._watch.bodies.discard(body)
        return False

    async def _answer(
        self, environ: WSGIEnvironment, proto: Any, peer: str, allowance: Allowance
    ) -> Answer | None:
        """Let the application answer; as often as it asks for more of a budget, wait for that and begin again."""
        environ["mayfly.kept"] = {}
        while True:
            outcome = await self._in_thread(environ, proto, peer, allowance)
            try:
                if isinstance(outcome, Later):
                    await self._waits.granted(outcome.budget, outcome.amount)
                    allowance.add(outcome.budget, outcome.amount)
                elif isinstance(outcome, Unsent):
                    await self._waits.granted(self._waits.small, outcome.size)
                    allowance.add(self._waits.small, outcome.size)
                    environ["mayfly.unsent"] = outcome
                else:
                    return outcome
            except Overloaded as refusal:
                allowance.close()
                environ["mayfly.refusal"] = refusal

    async def _in_thread(
        self, environ: WSGIEnvironment, proto: Any, peer: str, allowance: Allowance
    ) -> Answer | Later | Unsent | None:
        future: asyncio.Future[Answer | Later | Unsent | None] = self._loop.create_future()

        def job() -> None:
            outcome: Answer | Later | Unsent | None = None
            try:
                outcome = self._run(environ, proto, peer, allowance)
            except Exception as error:
                log.error("unexpected %s outside of the application", type(error).__name__)
            self._loop.call_soon_threadsafe(future.set_result, outcome)

        pool = self._refusing if "mayfly.refusal" in environ else self._pool
        pool.run(job)
        return await future

    def _run(
        self, environ: WSGIEnvironment, proto: Any, peer: str, allowance: Allowance
    ) -> Answer | Later | Unsent | None:
        unsent: Unsent | None = environ.get("mayfly.unsent")
        if unsent is None or "mayfly.refusal" in environ:
            started, used = Started(), dict(environ)
            try:
                with allowance.current():
                    unsent = Unsent(started, self._app(used, started), used)
            except Later as later:
                return later
            if not self._room_for(unsent.size, allowance):
                return unsent
        with closing(unsent.pieces) as pieces:
            return send(proto, unsent.started, pieces, peer, unsent.environ.get("mayfly.ends_at"))

    def _room_for(self, size: int, allowance: Allowance) -> bool:
        if size <= AT_ONCE_BYTES or allowance.held(self._waits.memory) or allowance.held(self._waits.small):
            return True
        if not self._waits.small.take(size):
            return False
        allowance.add(self._waits.small, size)
        return True

    async def _linger(self, proto: Any) -> None:
        """Read on for a while what a client still sends that was refused."""
        end, left = time.monotonic() + LINGER_SECONDS, LINGER_BYTES
        with suppress(TimeoutError, ProtocolClosed):
            async with asyncio.timeout(LINGER_SECONDS):
                async for piece in proto:
                    left -= len(piece)
                    if left < 0 or time.monotonic() > end:
                        break
