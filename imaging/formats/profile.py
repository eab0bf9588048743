"""ICC profiles (ICC.1:2022, 7): the tags that describe a display and change no colour are taken out.

A profile keeps its length, and every tag that stays keeps its place, so a profile can be changed inside a file
whose offsets count on it. What is taken out becomes zeros.
"""

import struct
from collections.abc import Iterable

from imaging.formats.parts import Span, merged

OF_A_DISPLAY = {b"mmod", b"ndin", b"vcgt", b"dscm"}
"""Apple's make, model and serial number; its native display information; a graphics card's gamma; names."""
HEADER, ENTRY, TABLE = 128, 12, 132
IDENTITY = slice(84, 100)
"""The profile's MD5, which is no longer true; zeros say that nobody has computed it (ICC.1:2022, 7.2.18)."""
MOST_TAGS = 1_024
"""No reader takes more; an honest profile has some twenty."""

Tag = tuple[bytes, int, int]


def without_display(profile: bytes) -> bytes:
    """Return the profile without what it says of a display; itself when it says nothing, zeros when it is none."""
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
