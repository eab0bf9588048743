"""Checks the beginning of a PNG's pixels: that it unpacks, and to rows that have a known filter."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from imaging.errors import CUT, UNPACKS_NOT, BrokenImage, Unproven
from imaging.formats.reading import require

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: first column, first row, column step, row step (PNG 8.1)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
WHOLE = ((0, 0, 1, 1),)
# CRCs cover the rest. Checking so many bytes takes some 4 ms; a small picture has no more.
LOOK = 1 << 20
PIECE = 1 << 16
# How much is unpacked where IEND is missing, which would prove that all pixels are there: it takes 0.15 s at most.
MOST_PIXELS, MOST_PACKED = 24 << 20, 3 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What IHDR holds."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    def sized(self, width: int, height: int) -> "Header":
        """Return the header of a frame: the same, with another size."""
        return replace(self, width=width, height=height)

    def passes(self) -> Iterator[tuple[int, int]]:
        """Yield bytes a row (with its filter byte) and rows of each pass that has pixels."""
        for left, top, across, down in ADAM7 if self.interlaced else WHOLE:
            columns = -(-(self.width - left) // across)
            rows = -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                yield 1 + -(-columns * CHANNELS[self.colour] * self.depth // 8), rows


Stream = tuple[Header, list[memoryview]]


def check(streams: Iterable[Stream]) -> None:
    """Unpack the first MiB of all pixels and raise `BrokenImage` when it does not unpack to PNG rows.

    It reads at most a MiB of the packed bytes too, since a long stream may unpack to nothing.
    """
    pixels = packed = LOOK
    for header, bodies in streams:
        if pixels <= 0 or packed <= 0:
            return
        wanted = min(sum(row * rows for row, rows in header.passes()), pixels)
        rows, read, more = _unpack(bodies, wanted, packed)
        require(len(rows) >= wanted or more, "its pixels end too early")
        _check_filters(header, rows)
        pixels -= wanted
        packed -= read


def require_all(streams: Iterable[Stream]) -> None:
    """Raise `BrokenImage` where pixels are missing, `Unproven` where they are too many to be unpacked here."""
    pixels, packed = MOST_PIXELS, MOST_PACKED
    for header, bodies in streams:
        wanted = sum(row * rows for row, rows in header.passes())
        pixels -= wanted
        packed -= sum(map(len, bodies))
        if pixels < 0 or packed < 0:
            raise Unproven
        require(_fills(bodies, wanted), CUT)


def _fills(bodies: Iterable[memoryview], wanted: int) -> bool:
    stream = zlib.decompressobj()
    try:
        for piece in _pieces(bodies, MOST_PACKED):
            left: bytes | memoryview = piece
            while left and wanted > 0:
                wanted -= len(stream.decompress(left, LOOK))
                left = stream.unconsumed_tail
    except zlib.error:
        return False
    return wanted <= 0


def _check_filters(header: Header, pixels: bytearray) -> None:
    at = 0
    for row, rows in header.passes():
        filters = pixels[at : at + row * rows : row]
        require(not filters or max(filters) <= 4, "a row of it has no known filter")
        at += row * rows


def _unpack(bodies: Iterable[memoryview], wanted: int, most: int) -> tuple[bytearray, int, bool]:
    """Return the first `wanted` pixel bytes, how many packed bytes were read, and whether `most` cut it short."""
    stream, pixels, read = zlib.decompressobj(), bytearray(), 0
    try:
        for piece in _pieces(bodies, most):
            read += len(piece)
            pixels += stream.decompress(piece, max(1, wanted - len(pixels)))
            if stream.eof or len(pixels) >= wanted:
                break
    except zlib.error:
        raise BrokenImage(UNPACKS_NOT) from None
    return pixels, read, read >= most and not stream.eof


def _pieces(bodies: Iterable[memoryview], most: int) -> Iterator[memoryview]:
    """Yield the packed bytes by pieces, since zlib copies what it has not yet unpacked, up to `most` in all."""
    for body in bodies:
        for at in range(0, len(body), PIECE):
            piece = body[at : at + min(PIECE, most)]
            yield piece
            most -= len(piece)
            if most <= 0:
                return
