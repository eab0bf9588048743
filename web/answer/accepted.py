"""Chooses the form of an answer by the header Accept."""

from __future__ import annotations

from functools import lru_cache

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header


def best_of(forms: tuple[str, ...]) -> str:
    """Return the form that this request's client prefers, the first of equal ones; None where it accepts none."""
    return _best(request.environ.get("HTTP_ACCEPT", ""), forms)


@lru_cache(64)
def _best(accept: str, forms: tuple[str, ...]) -> str:
    """Judge one value of Accept; the result is cached, since most clients send one of a few values."""
    return parse_accept_header(accept, MIMEAccept).best_match(forms, default=forms[0]) or forms[0]
