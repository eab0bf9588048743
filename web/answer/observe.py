"""What is noted of every request: a line in the log, and that the purge may be due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPMethod

from flask import Flask, Response, g, request

from services import counts

METHODS = frozenset(HTTPMethod)
"""A client may write any word where its method stands, so only these are logged."""
access_log = logging.getLogger("mayfly.access")


def observe(app: Flask, nudge: Callable[[], None]) -> None:
    """Log every request by its route, never by its path, which would hold a link; and call ``nudge`` after it.

    Call it before all other functions of requests are registered, so that their time counts, too.
    """

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        milliseconds = seconds * 1000
        method = request.method if request.method in METHODS else "OTHER"
        route = str(request.url_rule)
        counts.REQUESTS.add(route, method, str(response.status_code))
        counts.REQUEST_SECONDS.note(route, seconds=seconds)
        access_log.info("%s %s %d %.1fms", method, request.url_rule, response.status_code, milliseconds)
        nudge()
        return response
