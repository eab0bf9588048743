"""Rewrites a JPEG that breaks rules, in the way libjpeg-turbo reads it, so that it breaks none.

Only the sandbox does this, and its decoder then decides whether the result opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from imaging.errors import BrokenImage
from imaging.formats.jpeg import DHT, DNL, EOI, FRAMES, MAX_SEGMENTS, SEGMENTED, SOS
from imaging.picture import Data

START, END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
# A marker that begins a segment, or EOI. Any other marker inside a scan is damage, and decoders go on behind it.
SCAN_END = re.compile(rb"\xff[\xc0-\xc7\xc9-\xcf\xd9-\xfe]")
MOST_FRAME = 6 + 3 * 4
"""A frame header has four components at most."""
LOOKAHEAD = bytes(8)
"""What a decoder needs behind the last bits of a scan (BIT_BUF_SIZE of libjpeg-turbo's jdhuff.h)."""


class Mended(NamedTuple):
    """A JPEG that keeps the rules, with what stood behind its EOI, and what a decoder has to open whole to prove it."""

    data: bytes
    proof: bytes


class Piece(NamedTuple):
    """A segment without its marker and its length, and the scan's data behind it; behind EOI, the rest of the file."""

    marker: int
    body: memoryview
    scan: memoryview


def mended(view: memoryview) -> Mended:
    """Rewrite a JPEG; raises `BrokenImage` where it can't be mended."""
    pieces, behind = list[Piece](), None
    for piece in _pieces(view):
        if piece.marker == EOI:
            behind = piece.scan
        elif piece.marker != DNL:
            pieces.append(piece)
    if behind is None and pieces:
        last = pieces[-1]
        pieces[-1] = last._replace(scan=last.scan[: len(bytes(last.scan).rstrip(b"\0"))])
    written = [START, *chain.from_iterable(map(_written, _with_tables(_named(pieces))))]
    return Mended(
        b"".join([*written, END, behind or b""]), b"".join([*written, LOOKAHEAD if behind is None else END])
    )


def _pieces(view: memoryview) -> Iterator[Piece]:
    """Yield every whole segment; skip the bytes between segments, and markers that begin none."""
    at = len(START)
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(view, at)
        if not found:
            return
        marker, at = view[found.end() - 1], found.end()
        if marker == EOI:
            yield Piece(EOI, view[:0], view[at:])
            return
        size = int.from_bytes(view[at : at + 2], "big")
        if marker not in SEGMENTED or size < 2 or at + size > len(view):
            continue
        body, at = view[at + 2 : at + size], at + size
        if marker != SOS:
            yield Piece(marker, body, view[:0])
            continue
        ends = SCAN_END.search(view, at)
        end = ends.start() if ends else len(view)
        yield Piece(SOS, body, view[at:end])
        at = end
    raise BrokenImage("it has too many JPEG segments")


def _named(pieces: list[Piece]) -> Iterator[Piece]:
    """Give each component a name of its own; a scan takes them in the order of the frame, as libjpeg does."""
    frame = next((piece.body for piece in pieces if piece.marker in FRAMES), memoryview(b""))
    names = bytes(frame[6:MOST_FRAME:3])
    if len(set(names)) == len(names):
        yield from pieces
        return
    for piece in pieces:
        body = bytearray(piece.body)
        if piece.marker in FRAMES:
            body[6:MOST_FRAME:3] = bytes(range(1, len(body[6:MOST_FRAME:3]) + 1))
        elif piece.marker == SOS and body:
            body[1 : 2 * body[0] : 2] = _places(names, bytes(body[1 : 2 * body[0] : 2]))
        yield piece._replace(body=memoryview(body))


def _places(names: bytes, chosen: bytes) -> bytes:
    """Return the place, from 1, of each component that a scan names; of equal names, the first not yet taken."""
    left = bytearray(names)
    places = bytearray()
    for name in chosen:
        at = left.find(name)
        if at < 0:
            raise BrokenImage("a scan names no colour")
        left[at] = 0xFF
        places.append(at + 1)
    return bytes(places)


def _with_tables(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Insert the standard Huffman tables before the first scan where the file has none: webcams leave them out."""
    brought = False
    for piece in pieces:
        if piece.marker == SOS and not brought:
            yield Piece(DHT, memoryview(USUAL_TABLES), memoryview(b""))
        brought = brought or piece.marker in (DHT, SOS)
        yield piece


def _written(piece: Piece) -> tuple[Data, Data, Data]:
    return bytes((0xFF, piece.marker)) + (len(piece.body) + 2).to_bytes(2, "big"), piece.body, piece.scan


def _table(kind: int, lengths: str, values: str) -> bytes:
    return bytes([kind]) + bytes.fromhex(lengths) + bytes.fromhex(values)


_DC_VALUES = "000102030405060708090a0b"
_AC_LUMINANCE = (
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
    "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a9293"
    "9495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5"
    "e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_CHROMINANCE = (
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728"
    "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a"
    "92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4"
    "e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
# ITU-T T.81, K.3: the tables that Motion JPEG uses where a frame brings none.
USUAL_TABLES = b"".join(
    (
        _table(0x00, "00010501010101010100000000000000", _DC_VALUES),
        _table(0x10, "0002010303020403050504040000017d", _AC_LUMINANCE),
        _table(0x01, "00030101010101010101010000000000", _DC_VALUES),
        _table(0x11, "00020102040403040705040400010277", _AC_CHROMINANCE),
    )
)
