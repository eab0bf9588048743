"""The headers that every answer has, among them the content security policy of pages."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response
from werkzeug.datastructures import Headers

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # blob: is a picture the page holds itself
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "autoplay",
        "camera",
        "clipboard-read",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
}
_LOWER = [(name, name.lower()) for name in ALWAYS]


class CompleteHeaders(Headers):
    """Headers with all that every answer has, made of constants: Werkzeug would look for line breaks in each."""

    def __init__(self, constants: Iterable[tuple[str, str]]) -> None:
        self._list = list(constants)


def completed(chosen: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Add to constant headers those of ``ALWAYS`` that they don't choose themselves."""
    return tuple((ALWAYS | dict(chosen)).items())


def harden(response: Response) -> Response:
    """Add these headers to an answer, except where the route has set them."""
    if response.headers.__class__ is CompleteHeaders:
        return response
    headers = response.headers
    chosen = {name.lower() for name, _ in headers}
    for name, lower in _LOWER:
        if lower not in chosen:
            headers.add(name, ALWAYS[name])
    if "content-security-policy" not in chosen:
        headers.add("Content-Security-Policy", PAGE if response.mimetype == "text/html" else NOTHING)
    return response
