"""Keeps what a PNG needs to be shown: pixels, palette, colour, animation, orientation."""

import zlib

from imaging.formats import exif
from imaging.formats.first_bytes import PNG_SIGNATURE
from imaging.formats.parts import Part
from imaging.formats.png import PIXELS, PngChunk, orientation
from imaging.formats.profile import without_display

# How many bytes each has (PNG, 11.3); browsers ignore one of another length, and Pillow fails on it.
LENGTHS = {
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"cICP": 4,
    b"pHYs": 9,
    b"mDCV": 24,
    b"mDCv": 24,
    b"cLLI": 8,
    b"cLLi": 8,
}
OPEN_LENGTHS = {b"sBIT", b"bKGD"}
PROFILE = b"iCCP"
MOST_NAME = 79
MOST_PROFILE = 8_000_000
"""The bytes of a profile; libpng, which browsers use, ignores a larger one (png_set_chunk_malloc_max)."""

MOST_GROWN = 256
"""How many bytes a profile may grow when it is packed again: the sender's program may have packed it better."""
PIECE = 1 << 16
MOST_CHANGED = 1 << 20
"""The bytes of the largest profile that is packed again, which takes 0.1 s; that of a display has some 4,000."""


def parts(view: memoryview, pieces: list[PngChunk]) -> list[Part]:
    """Name what stays of the chunks of a PNG; what follows IEND is removed, a missing IEND is added."""
    turn = orientation(pieces)
    frames = sum(piece.kind == b"fcTL" for piece in pieces).to_bytes(4, "big")
    kept, profiles = [Part(0, len(PNG_SIGNATURE))], 0
    for piece in pieces:
        if piece.kind == b"IEND":
            kept.append(Part(piece.start, piece.end, _chunk(b"IEND", b"")))
        elif piece.kind == b"acTL":
            kept.append(Part(piece.start, piece.end, _chunk(b"acTL", frames + piece.body[len(frames) :])))
        elif piece.kind in PIXELS | OPEN_LENGTHS or LENGTHS.get(piece.kind) == len(piece.body):
            kept.append(Part(piece.start, piece.end))
        elif piece.kind == PROFILE and not profiles:
            kept += _profile(piece)
            profiles += 1
        elif piece.kind == b"eXIf" and turn > exif.UPRIGHT:
            kept.append(Part(piece.start, piece.end, _chunk(b"eXIf", exif.minimal(turn))))
            turn = exif.UPRIGHT
    if pieces[-1].kind != b"IEND":
        kept.append(Part(len(view), len(view), _chunk(b"IEND", b"")))
    return kept


def _profile(piece: PngChunk) -> list[Part]:
    """Keep a profile that unpacks to the length in its header, without what describes a display.

    Browsers accept a profile without a checksum behind it; here it gets one. They ignore a profile that is shorter than
    its header says.
    """
    name = bytes(piece.body[: MOST_NAME + 1]).find(b"\0")
    profile, size, whole = _unpacked(piece.body[name + 2 :])
    if name < 0 or not 0 < int.from_bytes(profile[:4], "big") <= size <= MOST_PROFILE:
        return []
    bare = without_display(profile)
    if bare is profile and whole:
        return [Part(piece.start, piece.end)]
    new = _chunk(PROFILE, bytes(piece.body[: name + 2]) + zlib.compress(bare, 9))
    fits = size <= MOST_CHANGED and len(new) <= piece.end - piece.start + MOST_GROWN
    return [Part(piece.start, piece.end, new)] if fits else []


def _unpacked(packed: memoryview) -> tuple[bytes, int, bool]:
    """Return the first bytes of a profile, `MOST_CHANGED` at most, its length, and whether the zlib stream has its end.

    The length of a damaged one is 0.
    """
    stream, profile, size = zlib.decompressobj(), bytearray(), 0
    try:
        for at in range(0, len(packed), PIECE):
            left: bytes | memoryview = packed[at : at + PIECE]
            while left and size <= MOST_PROFILE:
                piece = stream.decompress(left, PIECE)
                left, size = stream.unconsumed_tail, size + len(piece)
                profile += piece[: MOST_CHANGED - len(profile)]
    except zlib.error:
        return b"", 0, False
    return bytes(profile), size, stream.eof


def _chunk(kind: bytes, body: bytes) -> bytes:
    typed = kind + body
    return len(body).to_bytes(4, "big") + typed + zlib.crc32(typed).to_bytes(4, "big")
