"""Orientation (tag 0x0112; Exif 3.0, 4.6.5.1): the only tag of Exif that changes how a picture is shown."""

import struct

UPRIGHT = 1
MINIMAL = struct.Struct("<2sHIHHHIHHI")
ENTRY = 12
# Entries are sorted by their tags; the directory of a real photo has some dozens before Orientation.
MOST_ENTRIES = 1_000


def orientation(tiff: memoryview) -> int:
    """Return Orientation (1 to 8) from a TIFF block; 1 when it is absent or can't be read, as viewers take it."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(tiff[:4]))
    if order is None or len(tiff) < MINIMAL.size:
        return UPRIGHT
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    if directory + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(order + "H", tiff, directory)
    return _find(tiff[directory + 2 : directory + 2 + min(count, MOST_ENTRIES) * ENTRY], order)


def _find(entries: memoryview, order: str) -> int:
    for at in range(0, len(entries) - ENTRY + 1, ENTRY):
        tag, kind, count, value = struct.unpack_from(order + "HHIH", entries, at)
        if (tag, kind, count) == (0x0112, 3, 1):
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def minimal(value: int) -> bytes:
    """Return the smallest TIFF block that carries an Orientation and nothing else (26 bytes)."""
    return MINIMAL.pack(b"II", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)


def turned(width: int, height: int, value: int) -> tuple[int, int]:
    """Return width and height as a viewer that applies the orientation shows them."""
    return (height, width) if value >= 5 else (width, height)
