"""What a PNG needs to be shown: pixels, palette, colour, animation, orientation."""

import zlib

from imaging.formats import exif
from imaging.formats.first_bytes import PNG_SIGNATURE
from imaging.formats.parts import Part
from imaging.formats.png import Chunk, orientation

PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
COLOUR = {
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"cICP",
    b"mDCV",
    b"mDCv",
    b"cLLI",
    b"cLLi",
    b"sBIT",
    b"bKGD",
    b"pHYs",
}


def parts(_view: memoryview, pieces: list[Chunk]) -> list[Part]:
    """Name what stays of the chunks of a PNG; everything behind IEND is gone."""
    turn = orientation(pieces)
    kept = [Part(0, len(PNG_SIGNATURE))]
    for piece in pieces:
        if piece.kind in PIXELS | COLOUR:
            kept.append(Part(piece.start, piece.end))
        elif piece.kind == b"eXIf" and turn > exif.UPRIGHT:
            kept.append(Part(piece.start, piece.end, _exif(piece, turn)))
            turn = exif.UPRIGHT
    return kept


def _exif(piece: Chunk, turn: int) -> bytes:
    body = exif.minimal(turn)
    typed = piece.kind + body
    return len(body).to_bytes(4, "big") + typed + zlib.crc32(typed).to_bytes(4, "big")
