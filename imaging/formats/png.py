"""PNG and APNG (W3C PNG, third edition): a signature, then chunks of length, type, data, CRC."""

import zlib
from collections.abc import Iterator
from itertools import pairwise, takewhile
from typing import NamedTuple

from imaging.errors import BrokenImage
from imaging.formats import exif, png_pixels
from imaging.formats.first_bytes import PNG_SIGNATURE
from imaging.formats.reading import number, require, stands_at, take
from imaging.picture import Limits, Picture

PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
END = b"\0\0\0\0IEND"
KNOWN_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
# Encoders write 8 KiB a chunk and more; some 2,500 of them are 20 MiB.
MAX_CHUNKS = 20_000
CONTROL = 8
"""The bytes of acTL: how many frames, and how often they are shown."""
MOST_ANNOUNCED = (1 << 31) - 1
"""Where acTL announces more frames, browsers see no animation (PNG, 7.1: no number is larger)."""
LEAST = 12
"""The bytes of a chunk without data: its length, type and CRC."""
ANCILLARY = 0x20
"""The bit in the first letter of a type that says that a picture can be shown without this chunk."""
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class PngChunk(NamedTuple):
    """One chunk: from `start` to `end` with length, type and CRC; `body` is its data alone."""

    kind: bytes
    start: int
    end: int
    body: memoryview


def chunks(view: memoryview) -> Iterator[PngChunk]:
    """Yield the chunks up to and with IEND, and check their CRCs; raises `BrokenImage` where one is cut or altered.

    IEND needs no CRC, and the file may end in its place. A chunk with a wrong CRC that no pixel depends on is left out,
    as readers skip it (PNG, 13.2).
    """
    at = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if stands_at(view, at, END):
            yield PngChunk(b"IEND", at, at + LEAST, view[:0])
            return
        if at > LEAST and END.startswith(view[at:]):
            return
        size = number(view, at, 4)
        typed = take(view, at + 4, size + 4)
        chunk = PngChunk(bytes(typed[:4]), at, at + LEAST + size, typed[4:])
        at = chunk.end
        if zlib.crc32(typed) == number(view, at - 4, 4):
            yield chunk
        else:
            skipped = chunk.kind not in PIXELS and chunk.kind[0] & ANCILLARY
            require(skipped, "a PNG chunk fails its checksum")
    raise BrokenImage("it has too many PNG chunks")


def measure(view: memoryview, limits: Limits, *, vouched: bool = False) -> tuple[Picture, list[PngChunk]]:
    """Walk every chunk and return the picture with all of them; see `ImageFormat.read` for what it raises.

    Where IEND is missing all pixels are unpacked, unless they are `vouched` for: a decoder will see all of them. Raises
    `Unproven` where they are too many to unpack here.
    """
    pieces = _shown(_readable(list(chunks(view))))
    require(pieces, "a PNG without a header")
    header = _header(pieces[0])
    limits.allow(header.width, header.height)
    _check_order(pieces, header)
    frames = _frames(pieces, header)
    limits.allow(header.width, header.height, frames)
    streams = _streams(pieces, header)
    png_pixels.check(streams)
    if not vouched and pieces[-1].kind != b"IEND":
        png_pixels.require_all(streams)
    width, height = exif.turned(header.width, header.height, orientation(pieces))
    return Picture("image/png", width, height, frames), pieces


def orientation(pieces: list[PngChunk]) -> int:
    """Return the orientation of the eXIf chunk before the pixels, else 1: browsers read no eXIf behind them."""
    before = takewhile(lambda piece: piece.kind != b"IDAT", pieces)
    found = (exif.orientation(piece.body) for piece in before if piece.kind == b"eXIf")
    return next(found, exif.UPRIGHT)


def _readable(pieces: list[PngChunk]) -> list[PngChunk]:
    """Return the chunks up to an unknown critical one behind the pixels, without it: browsers stop there."""
    seen = False
    for at, piece in enumerate(pieces):
        seen = seen or piece.kind == b"IDAT"
        if seen and _unknown(piece.kind):
            return pieces[:at]
    return pieces


def _unknown(kind: bytes) -> bool:
    """Tell whether a chunk is critical (PNG, 5.4), and not known here."""
    return not kind[0] & ANCILLARY and kind not in KNOWN_CRITICAL


def _shown(pieces: list[PngChunk]) -> list[PngChunk]:
    """Return the chunks without those that browsers ignore: of a broken animation, or more frames than announced."""
    kinds = [piece.kind for piece in pieces]
    at = kinds.index(b"acTL") if b"acTL" in kinds else len(kinds)
    early = b"IDAT" in kinds[at:]
    moves = early and kinds.count(b"acTL") == 1 and b"fcTL" in kinds
    announced = number(pieces[at].body, 0, 4) if moves and len(pieces[at].body) == CONTROL else 0
    if announced > MOST_ANNOUNCED:
        announced = 0
    kept, frames = [], 0
    for piece in pieces:
        frames += piece.kind == b"fcTL"
        if piece.kind not in ANIMATION or 0 < announced >= frames:
            kept.append(piece)
    return kept


def _header(chunk: PngChunk) -> png_pixels.Header:
    require(chunk.kind == b"IHDR" and len(chunk.body) == 13, "a PNG begins with its IHDR")
    depth, colour, *methods, interlaced = chunk.body[8:13]
    require(depth in DEPTHS.get(colour, ()) and methods == [0, 0] and interlaced < 2, "its IHDR is not PNG's")
    return png_pixels.Header(
        number(chunk.body, 0, 4), number(chunk.body, 4, 4), depth, colour, interlaced == 1
    )


def _check_order(pieces: list[PngChunk], header: png_pixels.Header) -> None:
    kinds = [piece.kind for piece in pieces]
    require(kinds.count(b"IHDR") == 1 and not any(map(_unknown, kinds)), "a PNG chunk is not known")
    require(b"IDAT" in kinds, "a PNG without pixels")
    runs = sum(new == b"IDAT" != old for old, new in pairwise(kinds))
    require(runs == 1, "its IDAT chunks are not together")
    palettes = [i for i, kind in enumerate(kinds) if kind == b"PLTE"]
    require(len(palettes) <= 1 and (palettes or header.colour != 3), "its palette is missing or doubled")
    for i in palettes:
        entries, rest = divmod(len(pieces[i].body), 3)
        require(1 <= entries <= 256 and not rest and i < kinds.index(b"IDAT"), "its palette is broken")


def _frames(pieces: list[PngChunk], header: png_pixels.Header) -> int:
    controls = [piece.body for piece in pieces if piece.kind == b"fcTL"]
    for control in controls:
        require(len(control) == 26 and _inside(control, header), "a frame lies outside its canvas")
    moving = [piece.body for piece in pieces if piece.kind in (b"fcTL", b"fdAT")]
    require(
        [number(body, 0, 4) for body in moving] == list(range(len(moving))), "its frames are out of order"
    )
    return max(1, len(controls))


def _streams(pieces: list[PngChunk], header: png_pixels.Header) -> list[png_pixels.Stream]:
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
    streams = streams[:1] + streams[1 + shown :]
    require(all(bodies for _, bodies in streams), "a frame has no pixels")
    return streams


def _inside(control: memoryview, header: png_pixels.Header) -> bool:
    width, height, left, top = (number(control, at, 4) for at in (4, 8, 12, 16))
    return 0 < width <= header.width - left and 0 < height <= header.height - top
