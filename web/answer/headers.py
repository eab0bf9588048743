"""The headers that every answer has, among them the content security policy of pages."""

from __future__ import annotations

from flask import Response

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


def harden(response: Response) -> Response:
    """Add these headers to an answer, except where the route has set them."""
    headers = response.headers
    chosen = {name.lower() for name in headers.keys()}  # noqa: SIM118 - iterating gives pairs
    for name, value in ALWAYS.items():
        if name.lower() not in chosen:
            headers.add(name, value)
    if "content-security-policy" not in chosen:
        headers.add("Content-Security-Policy", PAGE if response.mimetype == "text/html" else NOTHING)
    return response
