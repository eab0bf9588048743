"""An image as base64 in JSON, beside the options of its upload."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Annotated

from flask import Request
from pydantic import Field

from web.answer.errors import BadRequest
from web.request.body import encoded_size, too_large
from web.request.json_body import LONG, read_long_json, unescaped
from web.request.options import UploadOptions

LONGEST_HEAD = 256
"""Bytes of a data: URL before its data."""


class EncodedImage(UploadOptions):
    """An image as base64 with the options of an upload."""

    data: Annotated[
        str,
        Field(
            min_length=1,
            description="is the image in base64, by itself or as a data: URL",
            json_schema_extra={"contentEncoding": "base64"},
        ),
    ]


def read_encoded_image(request: Request, limit: int) -> tuple[EncodedImage, bytearray]:
    """Read a JSON body and decode its image of at most ``limit`` bytes; the body is let go. Raises BadRequest."""
    sent, data = read_long_json(request, EncodedImage, encoded_size(limit) + LONG, "data")
    return sent, decode_image(data, limit)


def decode_image(data: memoryview, limit: int) -> bytearray:
    """Decode base64, by itself, in lines, or as a data: URL, into at most ``limit`` bytes; raises BadRequest.

    It comes as it stands in JSON, escaped.
    """
    head = bytes(data[:LONGEST_HEAD]).partition(b",")[0]
    if head[:5].lower() == b"data:":
        if not head.lower().endswith(b";base64"):
            raise BadRequest("bad_data", "data is a data: URL that is not base64; encode it so.")
        data = data[len(head) + 1 :]
    try:
        image = _decoded(unescaped(data))
    except ValueError:
        raise BadRequest(
            "bad_data", "data is no base64 of the alphabet with + and /, padded with =; encode the image so."
        ) from None
    if not image:
        raise BadRequest("empty_image", "The image is empty; send its bytes as base64 in data.")
    if len(image) > limit:
        raise too_large(limit)
    return image


def _decoded(pieces: Iterator[bytes]) -> bytearray:
    image, rest = bytearray(), b""
    for piece in pieces:
        text = rest + piece.translate(None, b"\r\n")  # as the base64 program and MIME break lines
        whole = len(text) // 4 * 4
        if whole and len(image) % 3:
            raise ValueError("it goes on behind its padding")
        image += binascii.a2b_base64(text[:whole], strict_mode=True)
        rest = text[whole:]
    if rest:
        raise ValueError("it isn't padded")
    return image
