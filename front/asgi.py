"""The ASGI application: a coroutine for each request, which calls Flask in a thread of a small pool."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any

from front import health
from front.environ import BodyPieces, Environ, WsgiAnswer, environ_of
from front.health import HealthAnswer
from front.linger import read_on
from front.pool import Busy, ThreadPool
from front.scope import Scope, client_of, hosts_of, length_of
from front.sending import CLOSE, Send, head, send_busy, send_small
from front.sockets import Address, bound_kernel, reset, shut
from front.transfer import Transfer
from front.transfers import Transfers
from front.waiting import held, wait
from services import (
    SMALL_BYTES,
    Allowance,
    BodyCutShort,
    Later,
    Memory,
    Overloaded,
    ServiceError,
    TooSlow,
    ceiling,
)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Wsgi = Callable[..., Iterable[bytes]]

MOST_WAITING = 1000
"""How many requests may wait for a thread; the next one is refused at once."""


class Front:
    """Receives bodies and sends answers without holding a thread; calls ``app`` in ``threads`` threads.

    ``largest`` returns how many bytes a body may have, by method and path; ``seconds_left`` how long an image still
    lives by the database's clock, by its ``expires_at``; ``believes`` tells whether a request's Host fields are
    accepted.
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
        self.pool = ThreadPool(threads)
        self._transfers = Transfers(memory)
        self._largest = largest
        self._seconds_left = seconds_left
        self._believes = believes
        self._health = HealthAnswer(app)
        self._bounded = self._draining = False
        self.called_at = time.monotonic()  # of the last request; before the first, the begin of the process

    def drain(self) -> None:
        """From now on, close each connection after its next answer, so that clients move to another server."""
        self._draining = True
        self._health.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.called_at = time.monotonic()
        if not self._bounded:
            self._bounded = True
            bound_kernel()  # with the first request, since only then the listening socket exists
        client = client_of(scope)
        if scope["path"] == health.PATH and self._is_plain(scope):
            self._health.send(scope, send)
            return
        self._transfers.unread.forget(client)
        allowance = Allowance(self._memory)
        body = Transfer(allowance, _task().cancel)
        try:
            await self._answer(scope, receive, send, allowance, body)
        except Busy:
            await send_busy(scope, send)
        finally:
            self._transfers.leave(body)
            allowance.close()

    def _is_plain(self, scope: Scope) -> bool:
        """Tell whether a request to /healthz can be answered without Flask, which handles methods, hosts and CORS."""
        plain = not any(name == b"origin" for name, _ in scope["headers"])
        return plain and scope["method"] in {"GET", "HEAD"} and self._believes(hosts_of(scope))

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, allowance: Allowance, body: Transfer
    ) -> None:
        announced, chunked = length_of(scope)
        pieces: list[bytes] = []
        refusal: ServiceError | None = None
        most = self._largest(scope["method"], scope["path"])
        body.whole = announced <= most
        if (chunked or announced) and body.whole:
            pieces, refusal = await self._take(receive, body, announced or most + 1, chunked)
        if self.pool.waiting > MOST_WAITING:
            raise Busy
        environ = environ_of(scope, BodyPieces(pieces), chunked)
        environ["mayfly.bytes_in"] = body.moved
        del pieces
        if refusal is not None:
            environ["mayfly.refusal"] = refusal
        answer = await self._run(partial(self._call, environ, scope, send, allowance), allowance)
        self._transfers.leave(body)
        if answer is None:
            self._transfers.look_on()
        else:
            try:
                await self._send(scope, send, answer, allowance)
            finally:
                answer.close()
        if not body.whole:
            allowance.close()
            if not await read_on(receive):
                shut(client_of(scope))

    async def _take(
        self, receive: Receive, transfer: Transfer, size: int, chunked: bool
    ) -> tuple[list[bytes], ServiceError | None]:
        """Receive a body of ``size`` bytes, or at most so many if it is chunked; return its pieces and any refusal."""
        pieces: list[bytes] = []
        allowance, transfer.whole = transfer.allowance, False
        try:
            self._transfers.add(transfer)
            while True:
                transfer.wait()
                message = await receive()
                if message["type"] == "http.disconnect":
                    return [], BodyCutShort()
                piece = message.get("body", b"")
                transfer.move(len(piece))
                pieces.append(piece)
                transfer.whole = not message.get("more_body") or (transfer.moved >= size and not chunked)
                if transfer.whole or transfer.moved >= size:
                    allowance.shrink_memory(transfer.moved)
                    return pieces, None
                wanted = min(size, ceiling(transfer.moved)) if chunked else size
                if transfer.moved > SMALL_BYTES and allowance.held_memory < wanted:
                    await held(allowance, partial(allowance.hold_memory, wanted))
        except asyncio.CancelledError:
            if transfer.ended:
                _task().uncancel()
                return [], TooSlow()
            raise
        except Overloaded as refused:
            return [], refused

    def _call(self, environ: Environ, scope: Scope, send: Send, allowance: Allowance) -> WsgiAnswer | None:
        """Call Flask, in a thread of the pool. An answer of one piece is sent from this thread; others are returned."""
        with allowance.current():
            answer = WsgiAnswer(self._app, environ)
        if self._draining:
            answer.headers.append(CLOSE)
        if answer.second is None:
            unread = allowance.hand_over(self._memory.unread)
            with contextlib.suppress(Later, Overloaded):
                unread.hold_answer(_size(scope, answer))
                self._send_small(scope, send, answer, unread)
                allowance.close()
                return None
        return answer

    def _send_small(self, scope: Scope, send: Send, answer: WsgiAnswer, unread: Allowance) -> None:
        if unread.held(self._memory.unread):
            client = client_of(scope)
            transfer = Transfer(unread, partial(self._reset, client), moved=len(answer.first))
            self._note_end_of(transfer, answer)
            self._transfers.unread.add(client, transfer)
        send_small(send, answer, scope["method"] == "HEAD")

    def _reset(self, client: Address) -> None:
        reset(client)
        self._transfers.unread.forget(client)

    async def _run(self, call: Callable[[], WsgiAnswer | None], allowance: Allowance) -> WsgiAnswer | None:
        """Call Flask in the pool; whenever it raises Later, wait and call it again from the beginning."""
        while True:
            try:
                answer = await self.pool.run(call)
            except Later as later:
                with contextlib.suppress(Overloaded):  # the next run raises it
                    await wait(later, allowance)
            else:
                allowance.made.clear()
                return answer

    async def _send(self, scope: Scope, send: Send, answer: WsgiAnswer, allowance: Allowance) -> None:
        try:
            if answer.second is None:
                unread = Allowance(self._memory)
                await held(unread, partial(unread.hold_answer, _size(scope, answer)))
                self._send_small(scope, send, answer, unread)
                self._transfers.look_on()
                return
            transfer = self._transfers.add(Transfer(allowance, _task().cancel))
        except Overloaded:
            await send_busy(scope, send)
            return
        try:
            await send(head(answer.status, answer.headers))
            await self._send_pieces(send, answer, transfer)
        except asyncio.CancelledError:
            if not transfer.ended:
                raise
            _task().uncancel()
            reset(client_of(scope))
        finally:
            self._transfers.leave(transfer)

    async def _send_pieces(self, send: Send, answer: WsgiAnswer, transfer: Transfer) -> None:
        self._note_end_of(transfer, answer)
        pieces = chain((answer.second or b"",), answer.pieces)
        piece: bytes | None = answer.first
        while piece is not None:  # the last one also ends the answer: a separate message would be expensive
            following = next(pieces, None)
            transfer.wait()
            await send({"type": "http.response.body", "body": piece, "more_body": following is not None})
            transfer.move(len(piece))
            piece = following

    def _note_end_of(self, transfer: Transfer, answer: WsgiAnswer) -> None:
        if answer.expires_at is not None:
            transfer.ask = partial(self._ask_end, transfer, answer.expires_at)

    def _ask_end(self, transfer: Transfer, expires_at: float) -> None:
        """Ask the database's clock when the image of a long answer expires, so that the answer ends then."""
        now = time.monotonic()
        left = self.pool.run(partial(self._seconds_left, expires_at))
        left.add_done_callback(partial(_note_end, transfer, now))


def _note_end(transfer: Transfer, asked: float, left: asyncio.Future[float]) -> None:
    # Without the database this is not known; then the answer ends now.
    transfer.ends_at = asked if left.exception() else asked + left.result()


def _size(scope: Scope, answer: WsgiAnswer) -> int:
    return 0 if scope["method"] == "HEAD" else len(answer.first)


def _task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in a task
    return task
