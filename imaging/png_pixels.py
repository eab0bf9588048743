"""A bounded look into a PNG's deflate stream: does it unpack, and to rows that have a known filter?"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from imaging.errors import BrokenImage
from imaging.reading import require

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: first column, first row, column step, row step (PNG 8.1)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
WHOLE = ((0, 0, 1, 1),)
# The CRCs vouch for the rest: this much costs about 4 ms and is all of a small picture.
LOOK = 1 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What IHDR says."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    def sized(self, width: int, height: int) -> "Header":
        """Return the header of a frame: this one, of another size."""
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
    """Unpack the first MiB of all pixels and raise `BrokenImage` when it does not unpack to PNG rows."""
    left = LOOK
    for header, bodies in streams:
        if left <= 0:
            return
        left -= _check(header, bodies, left)


def _check(header: Header, bodies: list[memoryview], most: int) -> int:
    wanted = min(sum(row * rows for row, rows in header.passes()), most)
    pixels = _unpack(bodies, wanted)
    require(len(pixels) >= wanted, "its pixels end too early")
    at = 0
    for row, rows in header.passes():
        filters = pixels[at : at + row * rows : row]
        require(not filters or max(filters) <= 4, "a row of it has no known filter")
        at += row * rows
    return wanted


def _unpack(bodies: Iterable[memoryview], wanted: int) -> bytearray:
    stream = zlib.decompressobj()
    pixels = bytearray()
    try:
        for body in bodies:
            pixels += stream.decompress(body, max(1, wanted - len(pixels)))
            if stream.eof or len(pixels) >= wanted:
                break
    except zlib.error:
        raise BrokenImage("its pixels do not unpack") from None
    return pixels
