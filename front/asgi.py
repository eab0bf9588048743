"""The ASGI application that the server calls: a coroutine for each request, and Flask in a few threads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any

from front.crowd import Crowd, Flow
from front.environ import Answer, Chunks, Environ, Scope, environ_of
from front.pool import Pool
from front.sending import Send, head, send_busy, send_small
from front.sockets import Address, shut
from services import FREE_BYTES, Allowance, BodyCutShort, Later, Memory, Overloaded, ServiceError, TooSlow

Receive = Callable[[], Awaitable[dict[str, Any]]]
Wsgi = Callable[..., Iterable[bytes]]

MOST_WAITING = 200
"""Requests that wait for a thread; whoever comes then is refused at once."""
ALIVE = "/healthz"
LINGER_SECONDS = 1.0
"""How long a client that was refused in the middle of its body has to read the answer."""
log = logging.getLogger("mayfly")


class Front:
    """Takes bodies in and sends answers without a thread; calls ``app`` in ``threads`` threads.

    ``largest`` tells how many bytes of body a method and a path may have, ``seconds_left`` how long an image lives by
    the database's clock, from its ``expires_at``; ``believes`` judges the Host fields of a request.
    """

    def __init__(
        self,
        app: Wsgi,
        memory: Memory,
        threads: int,
        largest: Callable[[str, str], int],
        seconds_left: Callable[[float], float],
        believes: Callable[[list[str]], bool],
    ) -> None:
        self._app = app
        self._memory = memory
        self._pool = Pool(threads)
        self._crowd = Crowd(memory)
        self._largest = largest
        self._seconds_left = seconds_left
        self._believes = believes
        self._alive = Answer(app, environ_of(_asking(ALIVE), Chunks(), chunked=False))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == ALIVE and self._is_plain(scope):
            send_small(send, self._alive, scope["method"] == "HEAD")
            return
        allowance = Allowance(self._memory)
        try:
            await self._answer(scope, receive, send, allowance)
        finally:
            allowance.close()

    def _is_plain(self, scope: Scope) -> bool:
        """Tell whether a request needs nothing of Flask: neither a refusal nor an answer for another origin."""
        plain = not any(name == b"origin" for name, _ in scope["headers"])
        return plain and scope["method"] in {"GET", "HEAD"} and self._believes(_hosts(scope))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, allowance: Allowance) -> None:
        announced, chunked = _length(scope)
        pieces: list[bytes] = []
        refusal: ServiceError | None = None
        most = self._largest(scope["method"], scope["path"])
        if (chunked or announced) and announced <= most:
            pieces, refusal = await self._take(receive, allowance, announced or most + 1, chunked)
        elif self._pool.waiting > MOST_WAITING:
            await send_busy(send)
            return
        environ = environ_of(scope, Chunks(pieces), chunked)
        del pieces
        if refusal is not None:
            environ["mayfly.refusal"] = refusal
        answer = await self._run(partial(self._call, environ, scope, send, allowance), allowance)
        if answer is not None:
            try:
                await self._send(scope, send, answer, allowance)
            finally:
                answer.close()
        if isinstance(refusal, TooSlow | Overloaded):  # what is left of the body is not waited for
            asyncio.get_running_loop().call_later(LINGER_SECONDS, shut, _client(scope))

    async def _take(
        self, receive: Receive, allowance: Allowance, size: int, chunked: bool
    ) -> tuple[list[bytes], ServiceError | None]:
        """Take a body of ``size`` bytes in, or of at most so many; tell what stood in the way instead."""
        try:
            flow = self._crowd.add(Flow(_task(), allowance))
        except Overloaded as refused:
            return [], refused
        pieces: list[bytes] = []
        try:
            while True:
                flow.wait()
                message = await receive()
                if message["type"] == "http.disconnect":
                    return [], BodyCutShort()
                piece = message.get("body", b"")
                flow.move(len(piece))
                pieces.append(piece)
                if not message.get("more_body") or flow.moved >= size:
                    return pieces, None
                wanted = min(size, 2 * flow.moved) if chunked else size
                if flow.moved > FREE_BYTES and allowance.held_memory < min(wanted, size):
                    await self._hold(allowance, wanted)
        except asyncio.CancelledError:
            if flow.ended:
                _task().uncancel()
                return [], TooSlow()
            raise
        except Overloaded as refused:
            return [], refused
        finally:
            self._crowd.leave(flow)

    async def _hold(self, allowance: Allowance, size: int) -> None:
        """Hold memory for a body, which isn't read meanwhile; raises Overloaded."""
        try:
            allowance.hold_memory(size)
        except Later as later:
            await self._wait(later, allowance)

    def _call(self, environ: Environ, scope: Scope, send: Send, allowance: Allowance) -> Answer | None:
        """Call Flask, in a thread; send an answer of one piece from there, and return one of several."""
        with allowance.current():
            answer = Answer(self._app, environ)
        if answer.second is not None:
            return answer
        allowance.close()
        send_small(send, answer, scope["method"] == "HEAD")
        return None

    async def _run(self, call: Callable[[], Answer | None], allowance: Allowance) -> Answer | None:
        """Run Flask, and again from the beginning of the request whenever that had to wait."""
        while True:
            try:
                answer = await self._pool.run(call)
            except Later as later:
                with contextlib.suppress(Overloaded):  # which the next run tells
                    await self._wait(later, allowance)
            else:
                allowance.made.clear()
                return answer

    async def _wait(self, later: Later, allowance: Allowance) -> None:
        """Wait for more of a budget; raises Overloaded."""
        loop, granted = asyncio.get_running_loop(), asyncio.Event()
        ticket = None
        try:
            ticket = later.budget.join(later.amount, partial(_wake, loop, granted))
            async with asyncio.timeout(later.budget.patience):
                await granted.wait()
            taken = True
        except TimeoutError:
            taken = ticket is not None and ticket.leave()
        except Overloaded:
            taken = False
        except BaseException:
            if ticket is not None and ticket.leave():
                later.budget.give_back(later.amount)
            raise
        if not taken:
            allowance.refuse(later.budget)
            raise later.budget.overloaded()
        allowance.add(later.budget, later.amount)

    async def _send(self, scope: Scope, send: Send, answer: Answer, allowance: Allowance) -> None:
        try:
            flow = self._crowd.add(Flow(_task(), allowance))
        except Overloaded:
            await send_busy(send)
            return
        try:
            await send(head(answer.status, answer.headers))
            await self._send_pieces(send, answer, flow)
        except asyncio.CancelledError:
            if not flow.ended:
                raise
            _task().uncancel()
            shut(_client(scope))
        finally:
            self._crowd.leave(flow)

    async def _send_pieces(self, send: Send, answer: Answer, flow: Flow) -> None:
        if answer.expires_at is not None:
            flow.ask = partial(self._ask_end, flow, answer.expires_at)
        for piece in chain((answer.first, answer.second or b""), answer.pieces):
            flow.wait()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            flow.move(len(piece))
        await send({"type": "http.response.body", "body": b""})

    def _ask_end(self, flow: Flow, expires_at: float) -> None:
        """Find out when an answer that takes long ends with its image, by the database's clock."""
        now = time.monotonic()
        left = self._pool.run(partial(self._seconds_left, expires_at))
        left.add_done_callback(partial(_note_end, flow, now))


def _note_end(flow: Flow, asked: float, left: asyncio.Future[float]) -> None:
    # Without the database nobody knows: then the answer ends now.
    flow.ends_at = asked if left.exception() else asked + left.result()


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)


def _task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    return task


def _client(scope: Scope) -> Address:
    host, port = scope["client"]
    return host, int(port)


def _hosts(scope: Scope) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]


def _length(scope: Scope) -> tuple[int, bool]:
    """Return the announced length of a body, 0 where none is, and whether it comes in chunks instead."""
    announced, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length":
            announced = int(value)
        elif name == b"transfer-encoding":
            chunked = True
    return announced, chunked


def _asking(path: str) -> Scope:
    return {
        "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
        "scheme": "http", "server": ("127.0.0.1", 80), "client": None, "headers": [(b"host", b"127.0.0.1")],
    }  # fmt: skip
