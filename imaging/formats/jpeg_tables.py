"""Checks that a JPEG has all tables that its scans need (T.81, B.2), so that an accepted file also opens.

Decoders go on after damage inside a scan, and give up at a wrong table or a wrong scan header.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from imaging.errors import BrokenImage
from imaging.formats.reading import number, require, take

PROGRESSIVE = 0xC2
# Encoders write some twenty at most; for each of them a decoder passes over the whole picture.
MAX_SCANS = 64
MAX_BLOCKS_IN_UNIT = 10
# A scan needs at most eight tables; many more would only cost time.
MAX_TABLES = 12 * MAX_SCANS


@dataclass(frozen=True, slots=True)
class Component:
    """A colour component: its sampling factors across and down, and its quantization table."""

    across: int
    down: int
    table: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame header (SOF) holds."""

    progressive: bool
    width: int
    height: int
    components: dict[int, Component]

    @classmethod
    def read(cls, marker: int, body: memoryview) -> "Frame":
        """Read a SOF segment; raises `BrokenImage` when no decoder would accept it."""
        count = take(body, 5, 1)[0]
        require(
            body[0] == 8 and count in (1, 3, 4) and len(body) == 6 + 3 * count, "its frame header is broken"
        )
        parts = (body[at : at + 3] for at in range(6, len(body), 3))
        components = {part[0]: Component(part[1] >> 4, part[1] & 15, part[2]) for part in parts}
        frame = cls(marker == PROGRESSIVE, number(body, 3, 2), number(body, 1, 2), components)
        require(len(components) == count and frame._samples_evenly(), "its colours are sampled oddly")
        return frame

    def _samples_evenly(self) -> bool:
        across = [part.across for part in self.components.values()]
        down = [part.down for part in self.components.values()]
        return all(
            min(rates) >= 1 and max(rates) <= 4 and not any(max(rates) % rate for rate in rates)
            for rates in (across, down)
        )


@dataclass(slots=True)
class Tables:
    """The tables and scans that a decoder has read so far, from the beginning of the file."""

    frame: Frame | None = None
    quantization: set[int] = field(default_factory=set)
    huffman: set[int] = field(default_factory=set)
    scans: int = 0
    read: int = 0
    complete: bool = False

    def begin(self, frame: Frame) -> None:
        """Take the frame header; raises `BrokenImage` for a second one."""
        require(self.frame is None, "it has two frame headers")
        self.frame = frame

    def size(self) -> tuple[int, int]:
        """Return width and height as stored."""
        frame = self._frame()
        return frame.width, frame.height

    def _frame(self) -> Frame:
        if self.frame is None:
            raise BrokenImage("its frame header is missing")
        return self.frame

    def add_quantization(self, body: memoryview) -> None:
        """Read a DQT segment."""
        at = 0
        while at < len(body):
            wide, name = divmod(body[at], 16)
            require(wide < 2 and name < 4, "a quantization table is broken")
            take(body, at + 1, 64 << wide)
            self._count()
            self.quantization.add(name)
            at += 1 + (64 << wide)

    def add_huffman(self, body: memoryview) -> None:
        """Read a DHT segment; raises `BrokenImage` for a table with more codes than fit."""
        at = 0
        while at < len(body):
            kind, name = divmod(body[at], 16)
            self._count()
            counts = take(body, at + 1, 16)
            values = take(body, at + 17, sum(counts))
            require(kind < 2 and name < 4 and _is_prefix_code(counts), "a Huffman table is broken")
            require(kind or max(values, default=0) < 16, "a Huffman table is broken")
            self.huffman.add(body[at])
            at += 17 + len(values)

    def _count(self) -> None:
        self.read += 1
        require(self.read <= MAX_TABLES, "it has too many tables")

    def add_scan(self, body: memoryview) -> None:
        """Read a SOS segment; raises `BrokenImage` where the frame or a table that it names is missing."""
        frame, count = self._frame(), take(body, 0, 1)[0]
        require(1 <= count <= 4 and len(body) == 4 + 2 * count, "a scan header is broken")
        chosen = dict(zip(body[1 : 2 * count : 2], body[2 : 2 * count + 1 : 2], strict=True))
        require(len(chosen) == count and chosen.keys() <= frame.components.keys(), "a scan names no colour")
        parts = [frame.components[name] for name in chosen]
        units = sum(part.across * part.down for part in parts)
        require(count == 1 or units <= MAX_BLOCKS_IN_UNIT, "a scan has too many blocks")
        require({part.table for part in parts} <= self.quantization, "a quantization table is missing")
        needed = _needed(frame.progressive, chosen.values(), *body[-3:])
        require(needed <= self.huffman, "a Huffman table is missing")
        require(not self.complete and self.scans < MAX_SCANS, "it has too many scans")
        self.complete = not (self.scans or frame.progressive) and count == len(frame.components)
        self.scans += 1


def _needed(progressive: bool, tables: Iterable[int], first: int, last: int, approximation: int) -> set[int]:
    """Return the Huffman tables a scan will use, as DHT names them (class << 4 | name)."""
    pairs = [divmod(pair, 16) for pair in tables]
    if not progressive:
        return {dc for dc, _ in pairs} | {16 | ac for _, ac in pairs}
    high, low = divmod(approximation, 16)
    sound = last == 0 if first == 0 else len(pairs) == 1 and first <= last < 64
    require(sound and low <= 13 and high in (0, low + 1), "a progressive scan is broken")
    if first:
        return {16 | ac for _, ac in pairs}
    return set() if high else {dc for dc, _ in pairs}


def _is_prefix_code(counts: memoryview) -> bool:
    """Tell whether codes of these lengths fit (T.81, C.2); libjpeg checks the same."""
    code = 0
    for length, count in enumerate(counts, 1):
        code += count
        if count and code >= 1 << length:
            return False
        code <<= 1
    return sum(counts) <= 256
