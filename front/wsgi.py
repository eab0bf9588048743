"""Between granian's interface RSGI and WSGI: a request as an environ, and what an application says of its answer.

https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md and https://peps.python.org/pep-3333/
"""

from __future__ import annotations

import sys
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services import HeadTooLarge

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import WSGIEnvironment

HEAD_BYTES = 16 * 1024
"""The most that a request's path, query and header fields may have in all."""
PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Pieces:
    """A body in memory as a stream; each piece is let go when it is read."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = deque(pieces)

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes: a piece as it is where it is not over ``size``; all there are where that is negative."""
        if size < 0:
            rest, self._pieces = b"".join(self._pieces), deque()
            return rest
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
            piece = piece[:size]
        return piece


TEMPLATE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_SOFTWARE": "granian",
    "wsgi.errors": sys.stderr,
    "wsgi.input": Pieces([]),
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


def environ_of(scope: Any) -> WSGIEnvironment:
    """Write a request's environ, with an empty body; raises HeadTooLarge."""
    path: str = scope.path
    query: str = scope.query_string
    environ = bare_environ(scope)
    environ["PATH_INFO"] = path if path.isascii() else path.encode().decode("latin-1")
    environ["QUERY_STRING"] = query
    headers = scope.headers
    fields: list[tuple[str, str]] = headers.items()
    names = {name for name, _ in fields}
    if len(names) < len(headers):  # a value that is not ASCII is left out; the field is there all the same
        fields += [(name, "") for name in headers.keys() if name not in names]  # noqa: SIM118 - no mapping
    if len(path) + len(query) + sum(len(name) + len(value) for name, value in fields) > HEAD_BYTES:
        raise HeadTooLarge(HEAD_BYTES)
    for name, value in fields:
        key = _key(name)
        if key in environ:
            environ[key] = _joined(key, environ[key], value)
        elif key:
            environ[key] = value
    if "HTTP_HOST" not in environ:
        environ["HTTP_HOST"] = scope.authority or ""
    return environ


def bare_environ(scope: Any) -> WSGIEnvironment:
    """Write the environ of a request whose path and header fields are left out."""
    environ = TEMPLATE.copy()
    environ["REQUEST_METHOD"] = scope.method
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if (version := scope.http_version) == "1.1" else f"HTTP/{version}"
    environ["SERVER_NAME"], environ["SERVER_PORT"] = _address(scope.server)
    environ["REMOTE_ADDR"] = scope.client.rpartition(":")[0].strip("[]")
    environ["wsgi.url_scheme"] = scope.scheme
    return environ


@lru_cache(maxsize=8)
def _address(server: str) -> tuple[str, str]:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), port


@lru_cache(maxsize=256)
def _key(name: str) -> str | None:
    """Name a header field as WSGI does; None for one that would be taken for the field with a hyphen in its place."""
    return PLAIN.get(name) or (None if "_" in name else "HTTP_" + name.replace("-", "_").upper())


def alive_environ() -> WSGIEnvironment:
    """Write the environ of a request for /healthz."""
    return TEMPLATE | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/healthz",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
    }


def _joined(key: str, one: str, more: str) -> str:
    if key in PLAIN.values():
        return one
    return f"{one};{more}" if key == "HTTP_COOKIE" else f"{one},{more}"


class Started:
    """Takes what the application says before the body: the status and the header fields."""

    status = 500
    headers: list[tuple[str, str]]

    def __call__(self, status: str, headers: list[tuple[str, str]], _: OptExcInfo | None = None, /) -> Any:
        """Be told, the last time counting."""
        self.status = int(status[:3])
        self.headers = headers

    @property
    def length(self) -> int | None:
        """The Content-Length, if there is one."""
        for name, value in self.headers:
            if name.lower() == "content-length":
                return int(value)
        return None
