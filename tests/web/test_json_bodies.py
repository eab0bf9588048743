"""JSON that is large on the wire: what is dear to parse is refused before that, and an image's base64 is not dear."""

from __future__ import annotations

import io
import json
import os
import time
import tracemalloc
from base64 import b64encode, encodebytes
from functools import cache
from typing import Any

import pytest
from flask import Request
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from tests.cast import noise, register
from web.answer.errors import BadRequest
from web.request.encoded import EncodedImage, decode_image
from web.request.json_body import LONG, PIECE, read_long_json

SIZE = 27_000_000
MOST_SECONDS = 0.25
MOST_BESIDE = 32_000_000
"""Bytes, beside twice the body's size: what any body may cost."""


def filled(start: bytes, repeated: bytes, end: bytes) -> bytes:
    return start + repeated * ((SIZE - len(start) - len(end)) // len(repeated)) + end


BOMBS = {
    "lists": (b'{"data": [', b"[],", b"[]]}"),
    "objects": (b'{"data": [', b"{},", b"{}]}"),
    "strings": (b'{"data": [', b'"",', b'""]}'),
    "fields": (b'{"data": {', b'"":1,', b'"":1}}'),
    "numbers": (b'{"data": [', b"1,", b"1]}"),
    "a number": (b'{"data": ', b"1", b"}"),
    "a fraction": (b'{"data": 0.', b"1", b"}"),
    "depth": (b'{"data": ', b"[", b""),
    "spaces": (b'{"data": "QUJD"', b" ", b"}"),
    "escaped quotes": (b'{"data": "', b'\\"', b'"}'),
    "backslashes": (b'{"data": "', b"\\", b'"}'),
    "a string without an end": (b'{"data": "', b"A", b""),
    "two long strings": (b'{"description": "' + b"x" * 2 * LONG + b'", "data": "', b"A", b'"}'),
    "another field": (b'{"data": "QUJD", "description": "', b"x", b'"}'),
    "an unknown field": (b'{"data": "QUJD", "x": "', b"x", b'"}'),
    "a long name": (b'{"data": "QUJD", "', b"x", b'": 1}'),
    "one wide character": (b'{"data": "', b"A", "\U0001f98b".encode() + b'"}'),
    "wide characters": (b'{"data": "', "\U0001f98b".encode(), b'"}'),
    "escapes of wide characters": (b'{"data": "', b"\\ud83e\\udd8b", b'"}'),
    "breaks of lines": (b'{"data": "', b"\\n", b'"}'),
    "padding": (b'{"data": "', b"QQ==", b'"}'),
    "a data: URL": (b'{"data": "data:', b"A", b',QUJD"}'),
}
"""The start of a body of 27 MB, what is repeated in it, and its end."""


def read(body: bytes) -> tuple[EncodedImage, bytearray]:
    """Read a body as the route does that takes images in as base64."""
    request = Request(EnvironBuilder(method="POST", input_stream=io.BytesIO(body)).get_environ())
    request.environ["CONTENT_LENGTH"] = str(len(body))
    sent, data = read_long_json(request, EncodedImage, 2 * SIZE, "data")
    return sent, decode_image(data, SIZE)


def cost(body: bytes) -> tuple[float, int]:
    """Seconds of processor time, and bytes of memory at the most, that a body takes which is refused."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(BadRequest) as refused:
            read(body)
        seconds.append(time.process_time() - began)
        assert refused.value.status == 400
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest):
            read(body)
        return min(seconds), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
def test_a_large_body_that_is_no_image_costs_little(name: str) -> None:
    body = filled(*BOMBS[name])
    seconds, memory = cost(body)
    assert seconds < MOST_SECONDS
    assert len(body) + memory < 2 * SIZE + MOST_BESIDE, "as it came, and what it took"


IMAGE = os.urandom(3 * PIECE + 1)
PLAIN = b64encode(IMAGE).decode()


def broken(text: str, escape: str) -> str:
    return escape.join(text[at : at + 76] for at in range(0, len(text), 76))


@cache
def escapes() -> list[str]:
    """Return an image's base64 as clients may escape it. Made when asked for: every process of a run imports this."""
    return [
        PLAIN,
        PLAIN.replace("/", "\\/"),
        PLAIN.replace("+", "\\u002b").replace("=", "\\u003D"),
        "".join(f"\\u{ord(character):04x}" for character in PLAIN),
        json.dumps(encodebytes(IMAGE).decode())[1:-1],
        broken(PLAIN, "\\r\\n"),
        broken(PLAIN, "\n").replace("/", "\\/").replace("\n", "\\n"),
        f"data:image/png;base64,{PLAIN}",
        f"DATA:image\\/png;BASE64,{PLAIN}",
    ]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ('"description": "a \U0001f98b, \\"quoted\\" \\\\", ', ""),
        ("", ', "description": "a \U0001f98b, \\"quoted\\" \\\\"'),
        ("", ', "metadata": {"data": "the long string", "n": [1, {"\\\\": "\\\\"}]}'),
    ],
    ids=["alone", "last", "first", "with metadata"],
)
def test_a_long_image_comes_out_however_it_was_escaped(number: int, before: str, after: str) -> None:
    escaped = escapes()[number]
    body = f'{{{before}"data": "{escaped}"{after}}}'
    sent, image = read(body.encode())
    assert image == IMAGE
    told = json.loads(body)
    assert (sent.description, sent.metadata) == (told.get("description"), told.get("metadata"))


@pytest.mark.parametrize("around", [LONG * 3 // 4, LONG * 3 // 2, LONG * 3 // 2 - 75_000])
@pytest.mark.parametrize("options", [0, 100_000])
def test_short_or_long_is_all_the_same(around: int, options: int) -> None:
    """At each size at which a body might be taken for the other kind, with options beside the image and without."""
    beside = ',"filename": "%s"' % (options * "x") if options else ""
    for size in range(around - 40, around + 10):
        image = os.urandom(size)
        for escape in ("/", "\\/"):
            encoded = b64encode(image).decode().replace("/", escape)
            assert read(f'{{"data": "{encoded}"{beside}}}'.encode())[1] == image
    for size in range(1, 7):
        image = os.urandom(size)
        assert read(f'{{"data": "{b64encode(image).decode()}"{beside}}}'.encode())[1] == image


@pytest.mark.parametrize(
    "data",
    [
        PLAIN[:-1],
        PLAIN[:-4] + "====",
        PLAIN + "QUJD",
        "QQ==" + PLAIN,
        PLAIN[:9] + "\n" + PLAIN[9:],
        PLAIN[:9] + "\\" + PLAIN[10:],
        PLAIN[:9] + "\\\\" + PLAIN[9:],
        PLAIN[:9] + "\\u00" + PLAIN[13:],
        PLAIN[:9] + "-" + PLAIN[10:],
        "data:image/png," + PLAIN,
    ],
    ids=range(10),
)
def test_what_is_no_base64_is_refused_long_or_not(data: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(f'{{"data": "{data}"}}'.encode())
    assert (refused.value.status, refused.value.code) == (400, "bad_data")


def test_a_refusal_says_what_may_be_long(client: FlaskClient) -> None:
    header = register(client)
    for name, word in (("another field", "Only data"), ("lists", f"{LONG} bytes")):
        answer = client.post("/api/images", data=filled(*BOMBS[name])[: -SIZE // 2] + b'"}', headers=header)
        told: dict[str, Any] = answer.get_json()
        assert (answer.status_code, told["error"]) == (400, "bad_json")
        assert word in told["message"]


def test_a_large_image_in_json_is_stored_as_it_is(client: FlaskClient) -> None:
    picture, header = noise(400, 400), register(client)
    sent = client.post("/api/images", json={"data": b64encode(picture).decode()}, headers=header)
    assert client.get(sent.get_json()["source"]).data == picture
