"""Reads ASGI's scope of a request (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

from __future__ import annotations

from typing import Any

from front.sockets import Address

Scope = dict[str, Any]


def client_of(scope: Scope) -> Address:
    """Return the client's address and port."""
    host, port = scope["client"]
    return host, int(port)


def hosts_of(scope: Scope) -> list[str]:
    """Return the values of all Host fields of a request."""
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]


def length_of(scope: Scope) -> tuple[int, bool]:
    """Return a body's Content-Length, 0 if there is none, and whether the body is chunked."""
    announced, chunked = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length":
            announced = int(value)
        elif name == b"transfer-encoding":
            chunked = True
    return announced, chunked


def asking(path: str) -> Scope:
    """Return the scope of a made-up GET request for a path."""
    return {
        "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
        "scheme": "http", "server": ("127.0.0.1", 80), "client": None, "headers": [(b"host", b"127.0.0.1")],
    }  # fmt: skip
