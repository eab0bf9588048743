"""WebP (RFC 9649): a RIFF of chunks; simple (VP8 or VP8L) or extended (VP8X), still or animated."""

from typing import NamedTuple

from imaging.errors import CUT
from imaging.formats.reading import PieceBudget, number, require, stands_at
from imaging.picture import Limits, Picture

ANIMATED, XMP, EXIF = 0x02, 0x04, 0x08
HEADER, FRAME_HEADER = 12, 16
BITSTREAMS = (b"VP8 ", b"VP8L")
EXTENDED, FRAME = b"VP8X", b"ANMF"


class WebpChunk(NamedTuple):
    """One RIFF chunk: from `start` to `end` with header and padding; `body` is its data alone."""

    kind: bytes
    start: int
    end: int
    body: memoryview


class WebpChunks(NamedTuple):
    """All chunks of a file in their order; `inside` has those of each frame, by the start of the frame."""

    top: list[WebpChunk]
    inside: dict[int, list[WebpChunk]]


def measure(view: memoryview, limits: Limits) -> tuple[Picture, WebpChunks]:
    """Walk every chunk and return the picture with all of them; see `ImageFormat.read` for what it raises."""
    end, budget = 8 + number(view, 4, 4, "little"), PieceBudget()
    require(end <= len(view), CUT)
    walk = WebpChunks(_chunks(view, HEADER, end, budget), {})
    require(walk.top, "a WebP without pixels")
    first = walk.top[0]
    if first.kind == EXTENDED:
        return _measure_extended(view, walk, limits, budget), walk
    size = _bitstream_size(first)
    limits.allow(*size)
    return Picture("image/webp", *size), walk


def _chunks(view: memoryview, at: int, end: int, budget: PieceBudget) -> list[WebpChunk]:
    """Return the chunks that fill the bytes from `at` to `end`; raises `BrokenImage` where one does not fit."""
    found = []
    while at < end:
        budget.spend()
        size = number(view, at + 4, 4, "little")
        after = at + 8 + size + size % 2
        require(after <= end, "a WebP chunk leaves its place")
        found.append(WebpChunk(bytes(view[at : at + 4]), at, after, view[at + 8 : at + 8 + size]))
        at = after
    return found


def _measure_extended(view: memoryview, walk: WebpChunks, limits: Limits, budget: PieceBudget) -> Picture:
    head = walk.top[0].body
    size = _minus_one(head, 4), _minus_one(head, 7)
    limits.allow(*size)
    frames = 1
    if head[0] & ANIMATED:
        frames = _animation(view, walk, limits, budget)
    else:
        stills = [piece for piece in walk.top if piece.kind in BITSTREAMS]
        require(len(stills) == 1 and _bitstream_size(stills[0]) == size, "its canvas is not its picture")
    return Picture("image/webp", *size, frames)


def _animation(view: memoryview, walk: WebpChunks, limits: Limits, budget: PieceBudget) -> int:
    """Walk every frame of an animation and return how many there are."""
    head = walk.top[0].body
    canvas = _minus_one(head, 4), _minus_one(head, 7)
    controls = [piece for piece in walk.top if piece.kind == b"ANIM" and len(piece.body) == 6]
    frames = [piece for piece in walk.top if piece.kind == FRAME]
    require(len(controls) == 1, "its ANIM is missing")
    limits.allow(*canvas, len(frames))
    for frame in frames:
        body = frame.start + 8
        inside = _chunks(view, body + FRAME_HEADER, body + len(frame.body), budget)
        _check_frame(frame.body, inside, canvas)
        walk.inside[frame.start] = inside
    return len(frames)


def _check_frame(frame: memoryview, inside: list[WebpChunk], canvas: tuple[int, int]) -> None:
    left, top = 2 * number(frame, 0, 3, "little"), 2 * number(frame, 3, 3, "little")
    size = _minus_one(frame, 6), _minus_one(frame, 9)
    require(left + size[0] <= canvas[0] and top + size[1] <= canvas[1], "a frame lies outside its canvas")
    pixels = [piece for piece in inside if piece.kind in BITSTREAMS]
    require(len(pixels) == 1 and _bitstream_size(pixels[0]) == size, "a frame is not as large as announced")


def _minus_one(view: memoryview, at: int) -> int:
    return number(view, at, 3, "little") + 1


def _bitstream_size(chunk: WebpChunk) -> tuple[int, int]:
    """Return width and height from a VP8 (RFC 6386, 9.1) or VP8L (RFC 9649, 3.4) header."""
    body = chunk.body
    if chunk.kind == b"VP8 ":
        tag = number(body, 0, 3, "little")
        require(not tag & 1 and stands_at(body, 3, b"\x9d\x01\x2a"), "its VP8 is not a picture")
        require(10 + (tag >> 5) <= len(body), "its VP8 ends too early")
        return number(body, 6, 2, "little") & 0x3FFF, number(body, 8, 2, "little") & 0x3FFF
    bits = number(body, 1, 4, "little")
    require(chunk.kind == b"VP8L" and body[0] == 0x2F and not bits >> 29, "its VP8L is not a picture")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
