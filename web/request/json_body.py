"""JSON from a request's body into a schema, strictly: what is refused is named.

Python's parser makes an object of 56 bytes of each ``[]``, and four bytes of each character of a text with one wide
character. So it is given small bodies only: the one long string that a body may have is cut out before, as bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeVar

from flask import Request

from web.answer.errors import BadRequest
from web.request.body import read_bytes
from web.request.strict import Strict, parse_json, read_values

SMALL = 16 * 1024
LONG = 128 * 1024
"""Bytes: room for all options of an upload at their longest, every character escaped. Twice as much is parsed as it is,
in some milliseconds; a larger body has one longer string, or is refused."""
STAND_IN = b"the long string"
MOST_BACKSLASHES = 64
LONGEST_ESCAPE = len(r"\uXXXX")
PIECE = 1 << 20
"""Bytes that are decoded at a time: other threads run in between."""
T = TypeVar("T", bound=Strict)


def read_json(request: Request, schema: type[T], limit: int = SMALL) -> T:
    """Read a body of at most ``limit`` bytes into a schema, whatever its Content-Type; raises BadRequest."""
    return _read(read_bytes(request, limit), schema)


def read_long_json(request: Request, schema: type[T], limit: int, name: str) -> tuple[T, memoryview]:
    """As ``read_json``, for a body in which the field ``name`` may be a long string; it is returned by itself.

    That is as it stands in the body, escaped and undecoded; what the schema has in its place means nothing.
    """
    body = read_bytes(request, limit)
    found = _long_string(body) if len(body) > 2 * LONG else None
    if found is None:
        read = _read(body, schema)
        text: str = getattr(read, name)
        return read, memoryview(json.dumps(text).encode())[1:-1]
    start, end = found
    read = _read(body[:start] + STAND_IN + body[end:], schema)
    if getattr(read, name) != STAND_IN.decode():
        raise BadRequest(
            "bad_json", f"Only {name} may be longer than {LONG} bytes; shorten the other fields."
        )
    return read, memoryview(body)[start:end]


def unescaped(string: memoryview) -> Iterator[bytes]:
    """Undo the escapes of a JSON string of ASCII, piece by piece; raises ValueError where it is no such string."""
    while string:
        piece = bytes(string[:PIECE])
        last = piece.rfind(b"\\", -LONGEST_ESCAPE + 1)
        if last > 0 and len(piece) < len(string):  # it may go on in the next piece
            piece = piece[:last]
        string = string[len(piece) :]
        yield str(json.loads(f'"{piece.decode("ascii")}"')).encode("ascii")


def _long_string(body: bytearray) -> tuple[int, int] | None:
    """Find the one string of more than LONG bytes, from behind its first quote to its last; raises BadRequest.

    Its cost is bounded by what else is in the body: that may have LONG bytes, too.
    """
    if body.count(b'"') > LONG:
        raise _too_much()
    found, at = None, 0
    while (start := body.find(b'"', at) + 1) > 0:
        at = _end(body, start) + 1
        if at - start > LONG:
            if found:
                raise _too_much()
            found = start, at - 1
    if len(body) - (found[1] - found[0] if found else 0) > LONG:
        raise _too_much()
    return found


def _end(body: bytearray, start: int) -> int:
    """Find the quote that ends a string: there is an even number of backslashes before it."""
    at = start
    while (at := body.find(b'"', at)) >= 0:
        before = body[max(start, at - MOST_BACKSLASHES) : at]
        backslashes = len(before) - len(before.rstrip(b"\\"))
        if backslashes == MOST_BACKSLASHES:
            break
        if backslashes % 2 == 0:
            return at
        at += 1
    raise _too_much()


def _too_much() -> BadRequest:
    return BadRequest("bad_json", f"The JSON holds too much beside the image; send {LONG} bytes at most.")


def _read(body: bytearray, schema: type[T]) -> T:
    try:
        value = parse_json(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        fields = ", ".join(schema.model_fields)
        raise BadRequest("bad_json", f"The body is no JSON object; send one with the fields {fields}.")
    return read_values(schema, value)
