"""Writes the log line of each request."""

from __future__ import annotations

import logging
from http import HTTPMethod

from services import counts

METHODS = frozenset(HTTPMethod)
"""The methods that are logged by name. A client may send any other word as its method."""
LINE = "%(method)s %(route)s %(status)d %(milliseconds).1fms in=%(bytes_in)d out=%(bytes_out)d"
FROM = " from=%(address)s"
NO_ROUTE = "none"
log = logging.getLogger("mayfly.access")


def log_request(
    method: str,
    route: str | None,
    status: int,
    seconds: float = 0.0,
    bytes_in: int = 0,
    bytes_out: int = 0,
    address: str | None = None,
    level: int = logging.INFO,
) -> None:
    """Log and count a request by its route; its path is never logged, since it may contain a link.

    ``seconds`` is the time that the application took; 0 is not counted. ``bytes_in`` is how much of the body was read,
    ``bytes_out`` the length of the answer's body, ``address`` the client's, if it may be logged.
    """
    method = method if method in METHODS else "OTHER"
    counts.REQUESTS.add(route or NO_ROUTE, method, str(status))
    if bytes_in:
        counts.RECEIVED.add(amount=bytes_in)
    if bytes_out:
        counts.SENT.add(amount=bytes_out)
    if seconds:
        counts.REQUEST_SECONDS.note(route or NO_ROUTE, seconds=seconds)
    if not log.isEnabledFor(level):
        return
    facts: dict[str, object] = {
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
    }
    if address is None:
        log.log(level, LINE, facts)
    else:
        facts["address"] = address
        log.log(level, LINE + FROM, facts)
