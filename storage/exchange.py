"""Sends one request to an object store over urllib3, and reads its answer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import TimeoutError as TookTooLong

from storage.protocol import CiphertextGone, Pieces

MOST_SECONDS = 15.0
"""How long one try may take; after that time no further try begins."""
CONNECT_SECONDS, MOVE_SECONDS = 2.0, 5.0
"""How long a connection may take to be made, and each piece of a body to be sent or read."""
READ_SIZE = 256 * 1024
TRANSIENT = {408, 429, 500, 502, 503, 504}
"""Statuses of transient errors, after which the same request may succeed:
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
CODE = re.compile(rb"<Code>(\w+)</Code>")


class Failed(Exception):
    """A request failed; ``transient`` says whether another try may succeed."""

    def __init__(self, why: str, *, transient: bool = False) -> None:
        super().__init__(why)
        self.transient = transient


class Refused(Failed):
    """The store refused a request with 403; ``at`` is the store's time when it answered."""

    def __init__(self, why: str, at: datetime) -> None:
        super().__init__(why)
        self.at = at


class _Connection(HTTPConnection):
    """Sends a body with MOVE_SECONDS for each piece; urllib3 would allow it no more than CONNECT_SECONDS."""

    def endheaders(self, message_body: object = None, *, encode_chunked: bool = False) -> None:
        super().endheaders(message_body, encode_chunked=encode_chunked)  # type: ignore[arg-type]
        self.sock.settimeout(MOVE_SECONDS)


class _SecureConnection(_Connection, HTTPSConnection): ...


def pool(url: str, connections: int) -> urllib3.HTTPConnectionPool:
    """Make a connection pool for a URL; it connects with the first request."""
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=MOVE_SECONDS)
    made = urllib3.connection_from_url(url, maxsize=connections, timeout=timeout, retries=False)
    made.ConnectionCls = _SecureConnection if made.scheme == "https" else _Connection
    return made


def send_request(
    to: urllib3.HTTPConnectionPool, method: str, url: str, body: object, headers: Mapping[str, str]
) -> urllib3.BaseHTTPResponse:
    """Send a request and return its answer, whose body is not read yet.

    Raises CiphertextGone for a 404, Refused for a 403 with a date, and Failed for any other error.
    """
    answer = to.urlopen(
        method,
        url,
        body=body,  # type: ignore[arg-type]
        headers=headers,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    if answer.status < 300:
        return answer
    code = CODE.search(answer.data)
    if answer.status == 404:
        raise CiphertextGone
    why = f"{method} was answered with {answer.status} {code[1].decode() if code else ''}".rstrip()
    if answer.status == 403 and "date" in answer.headers:
        raise Refused(why, parsedate_to_datetime(answer.headers["date"]))
    raise Failed(why, transient=answer.status in TRANSIENT)


def read_body(answer: urllib3.BaseHTTPResponse, size: int) -> bytearray:
    """Read a body of ``size`` bytes; raises Failed if it is cut off or comes too slowly."""
    deadline = time.monotonic() + MOST_SECONDS
    got, at = bytearray(size), 0
    while at < size:
        piece = answer.read(min(READ_SIZE, size - at))
        if not piece:
            raise Failed("an answer was cut off", transient=True)
        if time.monotonic() > deadline:
            raise Failed("the store answers too slowly")
        got[at : at + len(piece)] = piece
        at += len(piece)
    return got


def in_time(pieces: Pieces) -> Iterator[bytes | bytearray | memoryview]:
    """Yield the pieces of a body; raises Failed if the store has taken them too slowly."""
    deadline = time.monotonic() + MOST_SECONDS
    for piece in pieces:
        if time.monotonic() > deadline:
            raise Failed("the store receives bytes too slowly")
        yield piece


def is_transient(error: Exception) -> bool:
    """Tell whether another try may succeed. A timeout is not tried again, since each try blocks one of few threads."""
    cause = error.args[-1] if isinstance(error, ProtocolError) else error
    return (
        cause.transient if isinstance(cause, Failed) else not isinstance(cause, (TookTooLong, TimeoutError))
    )


def description(error: Exception) -> str:
    """Describe an error in words that contain no object's name."""
    return str(error) if isinstance(error, Failed) else type(error).__name__
