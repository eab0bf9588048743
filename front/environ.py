"""Converts an ASGI request to a WSGI environ (PEP 3333), and collects the answer of a WSGI application."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from front.scope import Scope

Headers = list[tuple[bytes, bytes]]
Environ = dict[str, Any]
PLAIN = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


class BodyPieces:
    """A complete body, as a file over the pieces in which it came; a piece's memory is freed when it has been read."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self._pieces = deque(pieces)

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes, all the rest if it is negative, and no bytes at the end."""
        if size < 0:
            rest = b"".join(self._pieces)
            self._pieces.clear()
            return rest
        if not self._pieces or not size:
            return b""
        piece = self._pieces.popleft()
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
            return piece[:size]
        return piece


def environ_of(scope: Scope, body: BodyPieces, chunked: bool) -> Environ:
    """Return the WSGI environ of a request; header fields with the same name are joined (RFC 9110, 5.3)."""
    server, client = scope["server"] or ("", "0"), scope["client"] or ("", "0")
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": chunked,
    }
    for name, value in scope["headers"]:
        key = _key(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


@lru_cache(256)
def _key(name: bytes) -> str | None:
    """Return a field's key in the environ; None for a name with an underscore, since it would look like one with a
    dash."""
    if b"_" in name:
        return None
    return PLAIN.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")


class WsgiAnswer:
    """The answer of a WSGI application: status, header fields, the first two pieces of the body, and the others."""

    def __init__(self, app: Callable[..., Iterable[bytes]], environ: Environ) -> None:
        self.status = 500
        self.headers: Headers = []
        body = app(environ, self._start)
        self._close: Callable[[], None] | None = getattr(body, "close", None)
        self.pieces = iter(body)
        self.first = next(self.pieces, b"")
        self.second = next(self.pieces, None)
        self.expires_at: float | None = environ.get("mayfly.expires_at")
        if self.second is None:
            self.close()

    def _start(
        self, status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], None]:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return _no_writing

    def close(self) -> None:
        """Release what the application holds for this answer."""
        if self._close:
            self._close()
            self._close = None


def _no_writing(_: bytes) -> None:
    raise NotImplementedError("the write() of PEP 3333 is for old applications only")
