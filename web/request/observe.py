"""Gives every request an id and a line in the log, and starts a purge afterwards if one is due."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from flask import Flask, Response, has_request_context, request

from config import Config
from services import log_request

ID = "mayfly.request_id"
"""Where the environ of a request has its id."""
BEGAN = "mayfly.began"
_FOREIGN_ID = re.compile(r"[0-9A-Fa-f-]{16,64}", re.ASCII)
"""The forms of nginx's $request_id and of a UUID. No link and no key is of hexadecimal digits alone."""


def observe(app: Flask, config: Config, nudge: Callable[[], None]) -> None:
    """Give every request an id, log it by its route, and call ``nudge`` after it.

    Call it before all other functions of requests are registered, so that their time counts, too.
    """
    believes_ids = config.trusted_proxies > 0
    shows_addresses = config.log_addresses

    @app.before_request
    def begin() -> None:
        environ = request.environ
        environ[BEGAN] = time.perf_counter()
        if ID not in environ:  # a request that waits is run again
            told = environ.get("HTTP_X_REQUEST_ID", "") if believes_ids else ""
            environ[ID] = told if _FOREIGN_ID.fullmatch(told) else os.urandom(16).hex()

    @app.after_request
    def end(response: Response) -> Response:
        environ, headers = request.environ, response.headers
        rule = request.url_rule
        log_request(
            environ["REQUEST_METHOD"],
            rule.rule if rule else None,
            response.status_code,
            time.perf_counter() - environ[BEGAN],
            environ.get("mayfly.bytes_in", 0),
            0 if environ["REQUEST_METHOD"] == "HEAD" else int(headers.get("Content-Length", 0)),
            request.remote_addr if shows_addresses else None,
        )
        headers.add("X-Request-Id", environ[ID])
        nudge()
        return response


def current_request_id() -> str | None:
    """Return the id of the request that this thread runs, or None where it runs none."""
    return request.environ.get(ID) if has_request_context() else None
