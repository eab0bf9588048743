"""CORS: pages of the origins in CORS_ORIGINS, compared exactly, may call Mayfly from a browser."""

from __future__ import annotations

import re

from flask import Flask
from flask_cors import CORS

PREFLIGHT_SECONDS = 600
SENT = ("Authorization", "Content-Type", "Accept", "Upload-Code")
SHOWN = (
    "Content-Disposition",
    "Content-Length",
    "Image-Description",
    "Image-Key",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "Views-Left",
    "WWW-Authenticate",
)


def register_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Allow these origins on every route, without credentials: Mayfly uses no cookies."""
    if origins:
        CORS(
            app,
            # Flask-CORS takes a string with brackets, as an IPv6 address has them, for a regular expression.
            origins=[re.compile(rf"{re.escape(origin)}\Z") for origin in origins],
            methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=list(SENT),
            expose_headers=list(SHOWN),
            max_age=PREFLIGHT_SECONDS,
            supports_credentials=False,
            always_send=False,
        )
