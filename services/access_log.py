"""The line that the log has for each request."""

from __future__ import annotations

import logging
from http import HTTPMethod

METHODS = frozenset(HTTPMethod)
"""A client may write any word where its method stands, so only these are logged."""
LINE = "%(method)s %(route)s %(status)d %(milliseconds).1fms in=%(bytes_in)d out=%(bytes_out)d"
FROM = " from=%(address)s"
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
    """Log a request by its route, never by its path, which may hold a link; and its address only where one is given.

    ``bytes_in`` are those of the body that were read, ``bytes_out`` those that the answer announces.
    """
    if not log.isEnabledFor(level):
        return
    facts: dict[str, object] = {
        "method": method if method in METHODS else "OTHER",
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
