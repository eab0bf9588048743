"""Keeps what a JPEG needs to be shown: tables and scans, JFIF and Adobe headers, ICC profile, orientation."""

from imaging.formats import exif
from imaging.formats.jpeg import APP1, DHT, DQT, EOI, FRAMES, SOS, Segment, orientation
from imaging.formats.parts import Part
from imaging.formats.profile import without_display
from imaging.formats.reading import stands_at

APP0, APP2, APP14, DRI = 0xE0, 0xE2, 0xEE, 0xDD
PICTURE = FRAMES | {DHT, DQT, DRI, SOS, EOI}
JFIF_SIZE = ADOBE_SIZE = 12
PROFILE = b"ICC_PROFILE\0"
PROFILE_START = len(PROFILE) + 2
"""Where the profile begins: behind the number of this segment and the number of segments."""


def parts(_view: memoryview, walk: list[Segment]) -> list[Part]:
    """Name what stays of the segments of a JPEG; what follows EOI is removed."""
    found, seen = [Part(0, 2)], set[bytes]()
    profile = _profile([segment for segment in walk if _is_profile(segment)])
    for segment in walk:
        if segment.marker in PICTURE or segment.start in profile:
            found.append(Part(segment.start, segment.end, profile.get(segment.start)))
            continue
        name = _name(segment)
        if name and name not in seen and (new := _header(name, segment.body)):
            found.append(Part(segment.start, segment.end, _framed(segment.marker, new)))
        seen.add(name)
    return found


def _is_profile(segment: Segment) -> bool:
    return segment.marker == APP2 and stands_at(segment.body, 0, PROFILE)


def _profile(segments: list[Segment]) -> dict[int, bytes]:
    """Return by their places the segments of the colour profile, without what describes a display (ICC.1, B.4)."""
    numbered = sorted(segments, key=lambda segment: bytes(segment.body[len(PROFILE) : PROFILE_START]))
    left = memoryview(without_display(b"".join(segment.body[PROFILE_START:] for segment in numbered)))
    found = {}
    for segment in numbered:
        size = len(segment.body) - len(segment.body[:PROFILE_START])
        found[segment.start] = _framed(
            segment.marker, bytes(segment.body[:PROFILE_START]) + bytes(left[:size])
        )
        left = left[size:]
    return found


def _name(segment: Segment) -> bytes:
    """Return the name of an application segment that is kept, at least in part; empty for any other."""
    if (
        segment.marker == APP0
        and stands_at(segment.body, 0, b"JFIF\0")
        and len(segment.body) >= JFIF_SIZE + 2
    ):
        return b"JFIF"
    if segment.marker == APP14 and stands_at(segment.body, 0, b"Adobe") and len(segment.body) >= ADOBE_SIZE:
        return b"Adobe"
    return b"Exif" if segment.marker == APP1 and stands_at(segment.body, 0, b"Exif\0\0") else b""


def _header(name: bytes, body: memoryview) -> bytes:
    """Return the part of a header that is kept; empty when nothing is."""
    if name == b"JFIF":
        return bytes(body[:JFIF_SIZE]) + b"\0\0"  # no thumbnail
    if name == b"Adobe":
        return bytes(body[:ADOBE_SIZE])
    turn = orientation(body)
    return b"Exif\0\0" + exif.minimal(turn) if turn > exif.UPRIGHT else b""


def _framed(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
