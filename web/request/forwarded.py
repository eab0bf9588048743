"""Reads the headers of trusted proxies: the client's address, and the scheme and host that it used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FIELDS = {
    "for": "HTTP_X_FORWARDED_FOR",
    "proto": "HTTP_X_FORWARDED_PROTO",
    "host": "HTTP_X_FORWARDED_HOST",
}
"""The parameters of Forwarded (RFC 7239, section 5), and the fields that say the same."""


def behind_proxies(app: WSGIApplication, hops: int, *, forwarded: bool = False) -> WSGIApplication:
    """Believe what so many proxies wrote into the X-Forwarded fields, or into Forwarded instead; and nobody else.

    Proxies write one of the two and pass the other on as the client sent it, so only one of them is ever read.
    """
    if not hops:
        return app
    if forwarded:
        return _translated(ProxyFix(app, x_for=1, x_proto=1, x_host=1), hops)
    return ProxyFix(app, x_for=hops, x_proto=hops, x_host=hops)


def _translated(app: WSGIApplication, hops: int) -> WSGIApplication:
    """Put what the outermost trusted proxy wrote into Forwarded in the place of the X-Forwarded fields."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told = element(environ.get("HTTP_FORWARDED", ""), hops)
        for name, field in FIELDS.items():
            environ.pop(field, None)
            if name in told and "," not in told[name]:
                environ[field] = told[name]
        return app(environ, start_response)

    return call


def element(field: str, hops: int) -> dict[str, str]:
    """Return the parameters that the outermost of ``hops`` proxies wrote into Forwarded; none where it wrote nothing.

    Each proxy adds an element at the end, so they are counted from there. A comma within quotes counts too: no
    address, scheme or host has one, and a quote that a client left open must not swallow what a proxy wrote.
    """
    elements = field.split(",")
    if len(elements) < hops:
        return {}
    pairs = (pair.strip().partition("=") for pair in elements[-hops].split(";"))
    return {name.lower(): value.strip('"') for name, _, value in pairs if value}
