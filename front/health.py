"""``/healthz``: Flask makes the answer once, at the start, and it is then sent without a thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from front.environ import BodyPieces, WsgiAnswer, environ_of
from front.scope import Scope, asking
from front.sending import CLOSE, Send, send_small
from services import log_request

PATH = "/healthz"
OF_ONE_REQUEST = b"x-request-id"


class HealthAnswer:
    """The answer to ``/healthz``, which shows that this process is alive."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._answer = WsgiAnswer(app, environ_of(asking(PATH), BodyPieces(), chunked=False))
        headers = self._answer.headers
        self._answer.headers = [(name, value) for name, value in headers if name != OF_ONE_REQUEST]

    def drain(self) -> None:
        """From now on, close the connection after each answer."""
        if CLOSE not in self._answer.headers:
            self._answer.headers.append(CLOSE)

    def send(self, scope: Scope, send: Send) -> None:
        """Answer a request; it is logged at level debug, since health checks come every few seconds."""
        send_small(send, self._answer, scope["method"] == "HEAD")
        log_request(scope["method"], PATH, self._answer.status, level=logging.DEBUG)
