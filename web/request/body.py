"""The body of an upload, from socket to memory: Werkzeug's own parser would spool it to a plaintext file on disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import BinaryIO, ParamSpec, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from services import BodyCutShort, SentFile, hold_memory, once
from web.answer.errors import BadRequest
from web.request.filenames import as_utf8, sent_with

READ_SIZE = 256 * 1024
MAX_FIELD_BYTES = 64 * 1024
MAX_FIELDS = 20
MAX_IMAGES = 20
"""The most images in one request and in one album."""
MAX_PARTS = MAX_FIELDS + MAX_IMAGES
ENVELOPE_BYTES = MAX_PARTS * 4096 + 4 * MAX_FIELD_BYTES
"""The most bytes that a multipart body may have besides its images: boundaries, headers and text fields."""
_IMAGE_START = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF|.?ftyp", re.DOTALL)
BROKEN = "The multipart body is broken or incomplete; send it again."
LF_ALONE = "The lines of this multipart body end in LF alone; end them in CR LF, or send the image's bytes as the body."
IMAGE_FIELDS = ("file", "image")
P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Body:
    """An upload as it was sent: its images in the order in which they came, and the text fields."""

    images: list[SentFile]
    fields: dict[str, str] = field(default_factory=dict)


def once_a_request(read: Callable[P, T]) -> Callable[P, T]:
    """Keep what a reader returned: if the request is run again, its body can't be read a second time."""

    @wraps(read)
    def reader(*args: P.args, **kwargs: P.kwargs) -> T:
        return once(read, lambda: read(*args, **kwargs))

    return reader


@once_a_request
def read_body(request: Request, limit: int) -> Body:
    """Read a raw body, which is an image, or a multipart one with one or several, of at most ``limit`` bytes in all.

    Raises BadRequest: 413 before anything is read where Content-Length tells, 400 for what is missing or doubled.
    """
    kind, parameters = parse_options_header(request.content_type or "")
    if kind == "multipart/form-data":
        body = _read_multipart(request, parameters.get("boundary", ""), limit)
    else:
        body = Body([SentFile(_whole(request, limit))])
    if kind == "application/x-www-form-urlencoded" and _lost_line_ends(body.images[0].data):
        raise BadRequest(
            "not_an_image",
            "The line ends of this image are gone, as `curl -d @file` takes them out; use --data-binary @file or"
            " -F file=@file.",
            415,
        )
    if not all(image.data for image in body.images):
        raise BadRequest(
            "empty_image", "The image is empty; send its bytes in the field `file` or as the body."
        )
    return body


def _lost_line_ends(image: bytes | bytearray) -> bool:
    """Tell whether line ends and NULs were taken out of an image, as curl's --data does: no whole one is without."""
    return bool(_IMAGE_START.match(image)) and not any(byte in image for byte in b"\n\r\0")


@once_a_request
def read_fields(request: Request) -> dict[str, str]:
    """Read the text fields of a small form, multipart or urlencoded; raises BadRequest."""
    kind, parameters = parse_options_header(request.content_type or "")
    if kind == "multipart/form-data":
        return _collect(request, parameters.get("boundary", ""), _Form(0), MAX_FIELD_BYTES).fields
    if kind != "application/x-www-form-urlencoded":
        return {}
    body = b"".join(_pieces(request, MAX_FIELD_BYTES, MAX_FIELD_BYTES))
    try:
        return dict(
            parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        )
    except ValueError:
        raise BadRequest(
            "bad_text", "The form can't be read; send UTF-8 text in at most 20 fields."
        ) from None


@once_a_request
def read_bytes(request: Request, limit: int) -> bytearray:
    """Read a body of at most ``limit`` bytes as it is; raises BadRequest."""
    return _whole(request, limit)


def _whole(request: Request, limit: int) -> bytearray:
    body = bytearray()
    for piece in _pieces(request, limit, limit):
        body += piece
    return body


def encoded_size(size: int) -> int:
    """Return how many bytes an image has at most in base64, with a line break after each 76 characters."""
    return (size + 2) // 3 * 4 * 78 // 76


def too_large(limit: int) -> BadRequest:
    """The answer to more bytes than the server takes."""
    return BadRequest(
        "too_large",
        f"An upload may have {limit} bytes at most; make the image smaller, or send several one by one.",
        413,
    )


def _pieces(request: Request, allowance: int, limit: int) -> Iterator[bytes]:
    """Yield the body piece by piece, never more than ``allowance`` bytes of it, and notice one that stops early."""
    expected = request.content_length
    if expected is not None and expected > allowance:
        raise too_large(limit)
    stream: BinaryIO = request.environ["wsgi.input"]
    chunked = expected is None and request.environ.get("wsgi.input_terminated")
    left = allowance + 1 if chunked else expected or 0
    hold_memory(expected or 0)
    while left and (piece := stream.read(min(READ_SIZE, left))):
        left -= len(piece)
        if chunked:
            hold_memory(allowance + 1 - left)
        yield piece
    if chunked and not left:
        raise too_large(limit)
    if left and not chunked:
        raise BodyCutShort


def _read_multipart(request: Request, boundary: str, limit: int) -> Body:
    form = _collect(request, boundary, _Form(limit), limit + ENVELOPE_BYTES)
    if not form.images:
        raise BadRequest("no_image", "There is no image in the upload; send it in the field `file`.")
    # A file input that was left empty is sent as a file without a name.
    filled = [image for image in form.images if image.data or image.filename]
    return Body(filled or form.images[:1], form.fields)


def _collect(request: Request, boundary: str, form: _Form, allowance: int) -> _Form:
    if not boundary:
        raise BadRequest(
            "bad_multipart", "The multipart body names no boundary; let your client set Content-Type."
        )
    try:
        with PushMultipartParser(
            boundary, max_segment_count=MAX_PARTS, max_header_size=16 * 1024, header_charset="latin-1"
        ) as parser:
            for piece in _pieces(request, allowance, form.limit):
                for event in parser.parse(piece):
                    form.take(event)
            parser.close()
    except MultipartError as error:
        raise BadRequest("bad_multipart", LF_ALONE if "line break" in str(error) else BROKEN) from None
    return form


class _Form:
    """Collects the parts of a multipart body as the parser meets them; images of at most ``limit`` bytes in all."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.images: list[SentFile] = []
        self._image_bytes = 0
        self._texts: dict[str, bytearray] = {}
        self._part = bytearray()
        self._is_image = False

    def take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._part = self._begin(event)
        elif event is not None:
            self._part += event
            self._check_room(len(event))

    def _begin(self, segment: MultipartSegment) -> bytearray:
        self._is_image = segment.name in IMAGE_FIELDS
        if self._is_image:
            if len(self.images) == MAX_IMAGES:
                raise BadRequest(
                    "too_many_images", f"An upload may have {MAX_IMAGES} images; send the others in another."
                )
            part = bytearray()
            self.images.append(SentFile(part, sent_with(segment)))
            return part
        if segment.filename is not None:
            raise BadRequest("wrong_field", "The image stands in a field that is not known; name it `file`.")
        name = as_utf8(segment.name or "")
        if name in self._texts:
            raise BadRequest("repeated_option", "An option is given twice; give each option once.")
        return self._texts.setdefault(name, bytearray())

    def _check_room(self, more: int) -> None:
        if self._is_image:
            self._image_bytes += more
            if self._image_bytes > self.limit:
                raise too_large(self.limit)
        elif len(self._part) > MAX_FIELD_BYTES:
            raise BadRequest(
                "option_too_long", f"An option is longer than {MAX_FIELD_BYTES} bytes; shorten it."
            )

    @property
    def fields(self) -> dict[str, str]:
        """The text fields; raises BadRequest for one that is no UTF-8, unless it is a file name."""
        try:
            return {
                name: value.decode(errors="surrogateescape" if name == "filename" else "strict")
                for name, value in self._texts.items()
            }
        except UnicodeDecodeError:
            raise BadRequest("bad_text", "An option is not UTF-8 text; encode it so.") from None
