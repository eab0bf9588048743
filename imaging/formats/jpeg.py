"""JPEG (ITU-T T.81): markers with their segments, and scans between them, up to EOI."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from imaging.errors import CUT, BrokenImage, NotAnImage
from imaging.formats import exif
from imaging.formats.jpeg_tables import Frame, Tables
from imaging.formats.reading import number, require, stands_at, take
from imaging.picture import Limits, Picture

DHT, EOI, SOS, DQT, APP1, DNL = 0xC4, 0xD9, 0xDA, 0xDB, 0xE1, 0xDC
SEGMENTED = {*range(0xC0, 0xFF)} - {*range(0xD0, 0xDA)}
"""Markers that have a segment (ITU-T T.81, B.1.1.3)."""
FRAMES = {0xC0, 0xC1, 0xC2}
OTHER_FRAMES = {0xC3, *range(0xC5, 0xD0)} - {0xC8, 0xCC}
MAX_SEGMENTS = 10_000

MARKER = re.compile(rb"\xff+([\x01-\xfe])")
# Inside a scan, FF is followed by 00, by a restart marker, or by FF as a fill byte. Any other byte ends the scan.
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


# What a gain map says of itself, the picture behind the first: ISO 21496-1, Ultra HDR 1.1, Apple's photos since 2020.
GAIN_MAP = re.compile(
    rb"urn:iso:std:iso:ts:21496:-1|http://ns.adobe.com/hdr-gain-map/1.0/|urn:com:apple:photo:2020:aux:hdrgainmap"
)
GAIN_MAP_WITHIN = 1 << 16
"""How many bytes behind the first picture are searched: a gain map is the next one, and says it at its beginning."""


class Segment(NamedTuple):
    """One segment of a JPEG: `start` is its FF, `body` follows the length; a scan's `end` is behind its data."""

    marker: int
    start: int
    end: int
    body: memoryview


def segments(view: memoryview, scan_end: re.Pattern[bytes] = SCAN_END) -> Iterator[Segment]:
    """Yield every segment up to and with EOI; raises `BrokenImage` where the file is cut or is no JPEG."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = MARKER.match(view, at)
        if not found:
            raise BrokenImage("a JPEG marker is missing")
        segment = _segment(view, found.end(), scan_end)
        yield segment
        if segment.marker == EOI:
            return
        at = segment.end
    raise BrokenImage("it has too many JPEG segments")


def _segment(view: memoryview, at: int, scan_end: re.Pattern[bytes]) -> Segment:
    marker = view[at - 1]
    if marker == EOI:
        return Segment(marker, at - 2, at, view[at:at])
    require(marker in SEGMENTED, "a JPEG marker is out of place")
    size = number(view, at, 2)
    require(size >= 2, "a JPEG segment has no length")
    body, end = take(view, at + 2, size - 2), at + size
    if marker == SOS:
        found = scan_end.search(view, end)
        if not found:
            raise BrokenImage(CUT)
        end = found.start()
    return Segment(marker, at - 2, end, body)


def measure(
    view: memoryview, limits: Limits, scan_end: re.Pattern[bytes] = SCAN_END
) -> tuple[Picture, list[Segment]]:
    """Walk every segment and return the picture with all of them; see `ImageFormat.read` for what it raises.

    Raises `NotAnImage` for the kinds of JPEG that no browser shows: lossless, hierarchical, arithmetic.
    """
    tables, turn, walk = Tables(), 0, list[Segment]()
    for segment in segments(view, scan_end):
        walk.append(segment)
        if segment.marker in FRAMES:
            tables.begin(Frame.read(segment.marker, segment.body))
            limits.allow(*tables.size())
        elif segment.marker in OTHER_FRAMES:
            raise NotAnImage
        elif segment.marker == APP1 and not turn:
            turn = orientation(segment.body)
        else:
            _learn(tables, segment)
    require(tables.scans, "a JPEG without pixels")
    width, height = exif.turned(*tables.size(), turn)
    gain_map = GAIN_MAP.search(view, walk[-1].end, walk[-1].end + GAIN_MAP_WITHIN)
    return Picture("image/jpeg", width, height, gain_map=bool(gain_map)), walk


def _learn(tables: Tables, segment: Segment) -> None:
    if segment.marker == DQT:
        tables.add_quantization(segment.body)
    elif segment.marker == DHT:
        tables.add_huffman(segment.body)
    elif segment.marker == SOS:
        tables.add_scan(segment.body)
    require(segment.marker != DNL, "its height comes after its pixels")


def orientation(body: memoryview) -> int:
    """Return the orientation of an APP1 segment, 0 when it is not Exif."""
    return exif.orientation(body[6:]) if stands_at(body, 0, b"Exif\0\0") else 0
