"""What a JPEG needs to be shown: its tables and scans, JFIF and Adobe headers, ICC profile, orientation."""

from collections.abc import Iterable

from imaging import exif
from imaging.jpeg import APP1, DHT, DQT, EOI, FRAMES, SOS, orientation, segments
from imaging.parts import Part
from imaging.picture import Segment
from imaging.reading import says

APP0, APP2, APP14, DRI = 0xE0, 0xE2, 0xEE, 0xDD
PICTURE = FRAMES | {DHT, DQT, DRI, SOS, EOI}
JFIF_SIZE = ADOBE_SIZE = 12


def parts(view: memoryview) -> list[Part]:
    """Name what stays of a JPEG; everything behind EOI is gone."""
    return kept(segments(view))


def kept(walk: Iterable[Segment]) -> list[Part]:
    """Name what stays of the segments of a JPEG."""
    found, seen = [Part(0, 2)], set[bytes]()
    for segment in walk:
        if segment.marker in PICTURE or (says(segment.body, 0, b"ICC_PROFILE\0") and segment.marker == APP2):
            found.append(Part(segment.start, segment.end))
            continue
        name, new = _header(segment)
        if new and name not in seen:
            found.append(Part(segment.start, segment.end, _framed(segment.marker, new)))
        seen.add(name)
    return found


def _header(segment: Segment) -> tuple[bytes, bytes]:
    """Return the name of an application segment and what stays of it, if anything."""
    body = bytes(segment.body[:14])
    if segment.marker == APP0 and body[:5] == b"JFIF\0" and len(body) == JFIF_SIZE + 2:
        return b"JFIF", body[:JFIF_SIZE] + b"\0\0"  # no thumbnail
    if segment.marker == APP14 and body[:5] == b"Adobe" and len(body) >= ADOBE_SIZE:
        return b"Adobe", body[:ADOBE_SIZE]
    turn = orientation(segment.body) if segment.marker == APP1 else 0
    return (b"Exif", b"Exif\0\0" + exif.minimal(turn) if turn > exif.UPRIGHT else b"") if turn else (b"", b"")


def _framed(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
