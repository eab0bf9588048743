"""Pages and their files compressed as a browser takes them: by Brotli, which browsers take over TLS, or by gzip."""

from __future__ import annotations

import gzip

import brotli
from flask import Response, request

ENCODINGS = ("br", "gzip")
"""Of RFC 9110, 8.4.1: the better first."""


def compress(response: Response, kept: dict[str, bytes] | None = None) -> Response:
    """Compress an answer that holds no secret (CVE-2013-3587), well and once if it is ``kept`` there, else quickly."""
    response.headers["Vary"] = ", ".join(filter(None, [response.headers.get("Vary"), "Accept-Encoding"]))
    encoding = next((name for name in ENCODINGS if request.accept_encodings[name]), None)
    if encoding is None:
        return response
    if kept is None:
        response.set_data(encode(response.get_data(), encoding, quickly=True))
    else:
        if encoding not in kept:
            kept[encoding] = encode(response.get_data(), encoding)
        response.set_data(kept[encoding])
    response.headers["Content-Encoding"] = encoding
    return response


def encode(data: bytes, encoding: str, *, quickly: bool = False) -> bytes:
    """Compress text: ``quickly`` for one answer, or as well as can be for many."""
    if encoding == "br":
        return bytes(brotli.compress(data, brotli.MODE_TEXT, 5 if quickly else 11))
    return gzip.compress(data, 6 if quickly else 9, mtime=0)
