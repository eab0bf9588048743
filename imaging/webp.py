"""WebP (RFC 9649): a RIFF of chunks; simple (VP8 or VP8L) or extended (VP8X), still or animated."""

from collections.abc import Iterator
from typing import NamedTuple

from imaging import exif
from imaging.errors import NotAnImage
from imaging.picture import Limits, Picture
from imaging.reading import MAX_PIECES, number, require, says

ANIMATED, XMP, EXIF = 0x02, 0x04, 0x08
FIRST = (b"VP8 ", b"VP8L", b"VP8X")
FRAME_HEADER = 16
BITSTREAMS = (b"VP8 ", b"VP8L")


class Chunk(NamedTuple):
    """One RIFF chunk: `start` and `end` bound it with header and padding, `body` is its data alone."""

    kind: bytes
    start: int
    end: int
    body: memoryview


def matches(view: memoryview) -> bool:
    """Say whether the first bytes are WebP's."""
    return says(view, 0, b"RIFF") and says(view, 8, b"WEBP")


def chunks(view: memoryview) -> Iterator[Chunk]:
    """Yield the chunks the RIFF header announces; `BrokenImage` where the file is cut."""
    end = 8 + number(view, 4, 4, "little")
    require(end <= len(view), "it ends too early")
    yield from inner(view, 12, end)


def inner(view: memoryview, at: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks that fill the bytes from `at` to `end`."""
    for _ in range(MAX_PIECES):
        if at >= end:
            return
        size = number(view, at + 4, 4, "little")
        after = at + 8 + size + size % 2
        require(after <= end, "a WebP chunk leaves its place")
        yield Chunk(bytes(view[at : at + 4]), at, after, view[at + 8 : at + 8 + size])
        at = after
    require(False, "it has too many WebP chunks")


def measure(view: memoryview, limits: Limits) -> Picture:
    """Walk every chunk and return the picture; see `recognise` for what it raises."""
    if len(view) >= 16 and view[12:16] not in FIRST:
        raise NotAnImage
    pieces = list(chunks(view))
    require(pieces, "a WebP without pixels")
    if pieces[0].kind != b"VP8X":
        size = bitstream_size(pieces[0])
        limits.allow(*size)
        return Picture("image/webp", *size)
    return _measure_extended(pieces, limits)


def _measure_extended(pieces: list[Chunk], limits: Limits) -> Picture:
    head = pieces[0].body
    size = _minus_one(head, 4), _minus_one(head, 7)
    limits.allow(*size)
    if head[0] & ANIMATED:
        frames = _animation(pieces, size)
        limits.allow(*size, frames)
    else:
        frames = 1
        stills = [piece for piece in pieces if piece.kind in BITSTREAMS]
        require(len(stills) == 1 and bitstream_size(stills[0]) == size, "its canvas is not its picture")
    return Picture("image/webp", *exif.turned(*size, orientation(pieces)), frames)


def orientation(pieces: list[Chunk]) -> int:
    """Return the orientation of an announced EXIF chunk, else 1."""
    blocks = [piece.body for piece in pieces if piece.kind == b"EXIF"]
    if not blocks or not pieces[0].body[0] & EXIF:
        return exif.UPRIGHT
    return exif.orientation(blocks[0][6:] if says(blocks[0], 0, b"Exif\0\0") else blocks[0])


def _animation(pieces: list[Chunk], canvas: tuple[int, int]) -> int:
    require(
        sum(len(piece.body) == 6 for piece in pieces if piece.kind == b"ANIM") == 1, "its ANIM is missing"
    )
    frames = [piece.body for piece in pieces if piece.kind == b"ANMF"]
    require(frames, "an animation without frames")
    for frame in frames:
        _check_frame(frame, canvas)
    return len(frames)


def _check_frame(frame: memoryview, canvas: tuple[int, int]) -> None:
    left, top = 2 * number(frame, 0, 3, "little"), 2 * number(frame, 3, 3, "little")
    size = _minus_one(frame, 6), _minus_one(frame, 9)
    require(left + size[0] <= canvas[0] and top + size[1] <= canvas[1], "a frame lies outside its canvas")
    pixels = [piece for piece in inner(frame, FRAME_HEADER, len(frame)) if piece.kind in BITSTREAMS]
    require(len(pixels) == 1 and bitstream_size(pixels[0]) == size, "a frame is not as large as announced")


def _minus_one(view: memoryview, at: int) -> int:
    return number(view, at, 3, "little") + 1


def bitstream_size(chunk: Chunk) -> tuple[int, int]:
    """Return width and height from a VP8 (RFC 6386, 9.1) or VP8L (RFC 9649, 3.4) header."""
    body = chunk.body
    if chunk.kind == b"VP8 ":
        tag = number(body, 0, 3, "little")
        require(not tag & 1 and says(body, 3, b"\x9d\x01\x2a"), "its VP8 is not a picture")
        require(10 + (tag >> 5) <= len(body), "its VP8 ends too early")
        return number(body, 6, 2, "little") & 0x3FFF, number(body, 8, 2, "little") & 0x3FFF
    bits = number(body, 1, 4, "little")
    require(chunk.kind == b"VP8L" and body[0] == 0x2F and not bits >> 29, "its VP8L is not a picture")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
