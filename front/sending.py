"""Sends short answers as ASGI messages (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from front.environ import WsgiAnswer
from front.scope import Scope
from services import counts, log_request

Send = Callable[[dict[str, Any]], Awaitable[None]]
CLOSE = (b"connection", b"close")
BUSY = b'{"status": "error", "error": "too_busy", "message": "The server has too much to do; try again in a second."}\n'


def head(status: int, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Return the message that begins an answer."""
    return {"type": "http.response.start", "status": status, "headers": headers}


def send_small(send: Send, answer: WsgiAnswer, bare: bool) -> None:
    """Send an answer of one piece; with ``bare``, without its body. Any thread may call this.

    Granian accepts both messages at once, so nothing has to be awaited.
    """
    send(head(answer.status, answer.headers))
    send({"type": "http.response.body", "body": b"" if bare else answer.first})


async def send_busy(scope: Scope, send: Send) -> None:
    """Answer a request with 503, without calling Flask; it is logged without its route."""
    log_request(scope["method"], None, 503)
    counts.REFUSED.add("too_busy")
    await send(head(503, [(b"content-type", b"application/json"), (b"retry-after", b"1")]))
    await send({"type": "http.response.body", "body": BUSY})
