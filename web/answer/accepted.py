"""Which form of an answer a client takes, by its header Accept."""

from __future__ import annotations

from functools import lru_cache

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header


def best_of(forms: tuple[str, ...]) -> str:
    """Return the form that the client of this request likes best, the first where it takes several alike, or none."""
    return _best(request.environ.get("HTTP_ACCEPT", ""), forms)


@lru_cache(64)
def _best(accept: str, forms: tuple[str, ...]) -> str:
    """Judge one value of Accept; clients of the same kind send the same, and to parse it costs more than to know it."""
    return parse_accept_header(accept, MIMEAccept).best_match(forms, default=forms[0]) or forms[0]
