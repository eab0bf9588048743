"""A quick client: a socket, a request, an answer; a connection that breaks is an answer too."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 means that the connection broke before the answer was whole."""

    status: int
    body: bytes = b""

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


BROKEN = Answer(0)


@contextmanager
def connected(port: int) -> Iterator[http.client.HTTPConnection | None]:
    """An open connection to a server of this machine, or None where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.connect()
    except OSError:
        yield None
        return
    try:
        yield connection
    finally:
        connection.close()


def ask(
    connection: http.client.HTTPConnection | None,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and read its answer to the last byte that Content-Length promised."""
    if connection is None:
        return BROKEN
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except (OSError, http.client.HTTPException):
        return BROKEN


def once(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request over a connection of its own."""
    with connected(port) as connection:
        return ask(connection, method, path, body, headers)


def upload(port: int, image: bytes, **options: object) -> Answer:
    """Upload raw bytes with options in the query."""
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return once(port, "POST", f"/upload?{query}", image)
