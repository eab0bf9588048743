"""ICC profiles (ICC.1:2022, 7): removes the tags that describe a display and change no colour.

A profile keeps its length, and every other tag its place, so that offsets in the file around it stay valid. Zeros
replace what is removed.
"""

import struct
from collections.abc import Iterable

from imaging.formats.parts import Span, merged

OF_A_DISPLAY = {b"mmod", b"ndin", b"vcgt", b"dscm"}
"""Apple's make, model and serial number; its native display information; a graphics card's gamma; names."""
HEADER, ENTRY, TABLE = 128, 12, 132
IDENTITY = slice(84, 100)
"""The MD5 of the profile, which is no longer right; zeros mean that it was not computed (ICC.1:2022, 7.2.18)."""
MOST_TAGS = 1_024
"""Readers accept no more; a real profile has some twenty."""

Tag = tuple[bytes, int, int]


def without_display(profile: bytes) -> bytes:
    """Return the profile without what describes a display; itself when nothing does, zeros when it is no profile."""
    if len(profile) < TABLE:
        return profile
    (count,) = struct.unpack_from(">I", profile, HEADER)
    if count > MOST_TAGS or TABLE + ENTRY * count > len(profile):
        return bytes(len(profile))
    tags: list[Tag] = list(struct.iter_unpack(">4sII", profile[TABLE : TABLE + ENTRY * count]))
    kept = [tag for tag in tags if tag[0] not in OF_A_DISPLAY]
    if len(kept) == len(tags):
        return profile
    changed = bytearray(profile)
    changed[IDENTITY] = bytes(16)
    table_end = TABLE + ENTRY * count
    for start, end in _places(profile, table_end, (tag for tag in tags if tag[0] in OF_A_DISPLAY)):
        changed[start:end] = bytes(end - start)
    for start, end in _places(profile, table_end, kept):
        changed[start:end] = profile[start:end]
    table = struct.pack(">I", len(kept)) + b"".join(struct.pack(">4sII", *tag) for tag in kept)
    changed[HEADER:table_end] = table.ljust(table_end - HEADER, b"\0")
    return bytes(changed)


def _places(profile: bytes, first: int, tags: Iterable[Tag]) -> list[Span]:
    """Return where the data of tags lies behind the table, each byte once: many tags may share it."""
    end = len(profile)
    return merged(
        [(min(max(start, first), end), min(max(start + size, first), end)) for _, start, size in tags]
    )
