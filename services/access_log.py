"""The line that the log has for each request."""

from __future__ import annotations

import logging
from http import HTTPMethod

from services import counts

METHODS = frozenset(HTTPMethod)
"""A client may write any word where its method stands, so only these are logged."""
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
    """Log and count a request by its route, never by its path, which may hold a link.

    Its address is logged only where one is given, and no seconds are counted where none are.

    ``bytes_in`` are those of the body that were read, ``bytes_out`` those that the answer announces.
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
