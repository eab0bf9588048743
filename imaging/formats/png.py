"""PNG and APNG (W3C PNG, third edition): a signature, then chunks of length, type, data, CRC."""

import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from imaging.errors import BrokenImage
from imaging.formats import exif, png_pixels
from imaging.formats.first_bytes import PNG_SIGNATURE
from imaging.formats.reading import number, require, take
from imaging.picture import Limits, Picture

KNOWN_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
# Encoders write 8 KiB a chunk and more; some 2,500 of them are 20 MiB.
MAX_CHUNKS = 20_000
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class Chunk(NamedTuple):
    """One chunk: `start` and `end` bound it with its frame, `body` is its data alone."""

    kind: bytes
    start: int
    end: int
    body: memoryview


def chunks(view: memoryview) -> Iterator[Chunk]:
    """Yield the chunks up to and with IEND, each by its CRC; `BrokenImage` where one is cut or altered."""
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        size = number(view, at, 4)
        typed = take(view, at + 4, size + 4)
        require(zlib.crc32(typed) == number(view, at + 8 + size, 4), "a PNG chunk fails its checksum")
        chunk = Chunk(bytes(typed[:4]), at, at + 12 + size, typed[4:])
        yield chunk
        if chunk.kind == b"IEND":
            return
        at = chunk.end
    raise BrokenImage("it has too many PNG chunks")


def measure(view: memoryview, limits: Limits) -> tuple[Picture, list[Chunk]]:
    """Walk every chunk and return the picture with all of them; see `Form.read` for what it raises."""
    pieces = list(chunks(view))
    header = _header(pieces[0])
    limits.allow(header.width, header.height)
    _check_order(pieces, header)
    frames = _frames(pieces, header)
    limits.allow(header.width, header.height, frames)
    png_pixels.check(_streams(pieces, header))
    width, height = exif.turned(header.width, header.height, orientation(pieces))
    return Picture("image/png", width, height, frames), pieces


def orientation(pieces: list[Chunk]) -> int:
    """Return the orientation an eXIf chunk asks for, else 1."""
    found = (exif.orientation(piece.body) for piece in pieces if piece.kind == b"eXIf")
    return next(found, exif.UPRIGHT)


def _header(chunk: Chunk) -> png_pixels.Header:
    require(chunk.kind == b"IHDR" and len(chunk.body) == 13, "a PNG begins with its IHDR")
    depth, colour, *methods, interlaced = chunk.body[8:13]
    require(depth in DEPTHS.get(colour, ()) and methods == [0, 0] and interlaced < 2, "its IHDR is not PNG's")
    return png_pixels.Header(
        number(chunk.body, 0, 4), number(chunk.body, 4, 4), depth, colour, interlaced == 1
    )


def _check_order(pieces: list[Chunk], header: png_pixels.Header) -> None:
    kinds = [piece.kind for piece in pieces]
    unknown = any(not kind[0] & 0x20 and kind not in KNOWN_CRITICAL for kind in kinds)
    require(kinds.count(b"IHDR") == 1 and not unknown, "a PNG chunk is not known")
    require(b"IDAT" in kinds and not pieces[-1].body, "a PNG without pixels")
    runs = sum(new == b"IDAT" != old for old, new in pairwise(kinds))
    require(runs == 1, "its IDAT chunks are not together")
    palettes = [i for i, kind in enumerate(kinds) if kind == b"PLTE"]
    require(len(palettes) <= 1 and (palettes or header.colour != 3), "its palette is missing or doubled")
    for i in palettes:
        entries, rest = divmod(len(pieces[i].body), 3)
        require(1 <= entries <= 256 and not rest and i < kinds.index(b"IDAT"), "its palette is broken")


def _frames(pieces: list[Chunk], header: png_pixels.Header) -> int:
    kinds = [piece.kind for piece in pieces]
    controls = [piece.body for piece in pieces if piece.kind == b"fcTL"]
    if b"acTL" not in kinds:
        require(not controls and b"fdAT" not in kinds, "its animation has no acTL")
        return 1
    require(
        kinds.count(b"acTL") == 1 and kinds.index(b"acTL") < kinds.index(b"IDAT"), "its acTL is misplaced"
    )
    announced = number(pieces[kinds.index(b"acTL")].body, 0, 4)
    require(announced == len(controls) and announced, "its frames are not as many as announced")
    for control in controls:
        require(len(control) == 26 and _inside(control, header), "a frame lies outside its canvas")
    moving = [piece.body for piece in pieces if piece.kind in (b"fcTL", b"fdAT")]
    require(
        [number(body, 0, 4) for body in moving] == list(range(len(moving))), "its frames are out of order"
    )
    return announced


def _streams(pieces: list[Chunk], header: png_pixels.Header) -> list[png_pixels.Stream]:
    """Return the pixels of the still picture and those of each further frame, with their headers."""
    streams = [(header, [piece.body for piece in pieces if piece.kind == b"IDAT"])]
    for piece in pieces:
        if piece.kind == b"fcTL":
            size = number(piece.body, 4, 4), number(piece.body, 8, 4)
            streams.append((header.sized(*size), []))
        elif piece.kind == b"fdAT":
            streams[-1][1].append(piece.body[4:])
    first = next((at for at, piece in enumerate(pieces) if piece.kind == b"fcTL"), len(pieces))
    shown = first < [piece.kind for piece in pieces].index(b"IDAT")
    return streams[:1] + streams[1 + shown :]


def _inside(control: memoryview, header: png_pixels.Header) -> bool:
    width, height, left, top = (number(control, at, 4) for at in (4, 8, 12, 16))
    return 0 < width <= header.width - left and 0 < height <= header.height - top
