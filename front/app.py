"""The RSGI application: a coroutine for each request, and a thread only while the WSGI application runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from front.bodies import Body
from front.call import Answered, Call, Unsent
from front.pool import Pool
from front.waits import Waits
from front.watch import Watch
from front.wsgi import Pieces, Started, alive_environ, bare_environ, environ_of
from services import Allowance, Budget, HeadTooLarge, Later, Overloaded, TooSlow

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
        self._answered = Answered(loop)
        self._pool = Pool(self._threads)
        self._refusing = Pool(1)
        self._watch = Watch(loop, self._waits, self._answered.note)
        started = Started()
        body = b"".join(self._app(alive_environ(), started))
        self._alive = started.status, started.headers, body

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        self._answered.note()
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
            if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
                unread = await self._take_in(environ, proto, scope.client, allowance)
        except HeadTooLarge as refusal:
            environ = bare_environ(scope)
            environ["mayfly.refusal"] = refusal
        except (TooSlow, Overloaded) as refusal:
            allowance.close()
            environ["mayfly.refusal"] = refusal
        call = Call(self._app, environ, proto, scope.client, allowance, self._waits.small)
        call.urgent = unread
        await self._answer(call)
        if unread:
            await _linger(proto)

    async def _take_in(self, environ: WSGIEnvironment, proto: Any, peer: str, allowance: Allowance) -> bool:
        """Put the body into the environ; tell whether it was left where it is, being too large."""
        length = environ.get("CONTENT_LENGTH")
        chunked = length is None and "HTTP_TRANSFER_ENCODING" in environ
        announced = None if chunked else int(length or 0)
        if announced == 0:
            return False
        most = self._largest(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if announced is not None and announced > most:
            return "HTTP_EXPECT" not in environ
        body = Body(proto, peer, announced, allowance, self._waits)
        self._watch.bodies.add(body)
        try:
            environ["wsgi.input"] = Pieces(await body.take_in(most))
        finally:
            self._watch.bodies.discard(body)
        return False

    async def _answer(self, call: Call) -> None:
        """Let the application answer; as often as it asks for more of a budget, wait for that and begin again."""
        while True:
            pool = self._refusing if call.refused else self._pool
            outcome = await self._answered.by(pool, call)
            try:
                if isinstance(outcome, Later):
                    await self._wait(call.allowance, outcome.budget, outcome.amount)
                elif isinstance(outcome, Unsent):
                    await self._wait(call.allowance, self._waits.small, outcome.size)
                else:
                    break
            except Overloaded as refusal:
                call.refuse(refusal)
        if outcome is not None:
            self._watch.add(outcome)

    async def _wait(self, allowance: Allowance, budget: Budget, amount: int) -> None:
        await self._waits.granted(budget, amount)
        allowance.add(budget, amount)


async def _linger(proto: Any) -> None:
    """Read on for a while what a client still sends that was refused."""
    left = LINGER_BYTES
    with suppress(TimeoutError, ProtocolClosed):
        async with asyncio.timeout(LINGER_SECONDS):
            async for piece in proto:
                left -= len(piece)
                if left < 0:
                    break
