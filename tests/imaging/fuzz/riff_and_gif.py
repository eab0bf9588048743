"""GIF and WebP: floods of small blocks, sub-blocks, chunks and frames, and canvases that are dear to show."""

from __future__ import annotations

import random
import struct

from tests.imaging.fuzz.shapes import many, repeated, said

CONTROL = b"\x21\xf9\x04\0\0\0\0\0"
DOT = b"\x02\x02\x44\x01\0"
VP8L_DOT = b"\x2f\0\0\0\0"


def _gif(body: bytes, width: int = 1, height: int = 1) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0" + body + b";"


def _frame(width: int, height: int, data: bytes = DOT) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + data


def gif_crumbs(chance: random.Random, room: int) -> bytes:
    """One chain of the smallest sub-blocks."""
    size = chance.choice((1, 1, 2, 3, 15, 17, 254))
    chain = repeated(bytes([size]) + bytes(size), room) + b"\0"
    kind = chance.choice((b"\x21\xfe", b"\x21\x01", b"\x21\xff", b"\x21\xce"))
    return _gif((kind + chain + _frame(1, 1)) if chance.random() < 0.7 else _frame(1, 1, b"\x02" + chain))


def gif_blocks(chance: random.Random, room: int) -> bytes:
    """The smallest blocks there are, between frames or before them."""
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    blocks = (CONTROL, b"\x21\xfe\0", b"\x21\xfe\x01.\0", b"\x21\x01\0", loop, CONTROL + b"\x21\xfe\x01.\0")
    return _gif(repeated(chance.choice(blocks), room) + _frame(1, 1))


def gif_frames(chance: random.Random, room: int) -> bytes:
    """As many frames as the limits allow and more, of a canvas that is as large as they allow."""
    count = min(many(chance, room // 15), chance.choice((1_999, 2_001, 200_000)))
    side = chance.choice((1, 100, 360, 8_000, 65_535))
    inner = chance.choice((1, side))
    frame = chance.choice((b"", CONTROL, b"\x21\xfe\x01.\0")) + _frame(inner, inner)
    return _gif(frame * count, side, side)


def gif_codes(chance: random.Random, room: int) -> bytes:
    """Frames whose codes say little for their length: clear codes, or noise."""
    data = bytes([chance.choice((2, 8))]) + repeated(
        b"\xff" + chance.choice((b"\x24\x49\x92", b"\x80\0\x01")) * 85, room
    )
    side = chance.choice((1, 1_000, 7_900))
    return _gif(_frame(side, side, data + b"\0"), side, side)


def _chunk(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _webp(chance: random.Random, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", said(chance, 4 + len(body), 32)) + b"WEBP" + body


def _canvas(flags: int, width: int = 1, height: int = 1) -> bytes:
    return _chunk(
        b"VP8X",
        bytes([flags, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3],
    )


def webp_chunks(chance: random.Random, room: int) -> bytes:
    """Chunks of nothing around one picture."""
    kind = chance.choice((b"JUNK", b"EXIF", b"XMP ", b"ICCP", b"ALPH", b"ANIM", b"VP8L"))
    flood = repeated(_chunk(kind, bytes(chance.choice((0, 0, 1, 6)))), room)
    still = _chunk(b"VP8L", VP8L_DOT)
    return _webp(chance, _canvas(0x08) + (still + flood if chance.random() < 0.5 else flood + still))


def webp_frames(chance: random.Random, room: int) -> bytes:
    """Frames of one dot, or of many chunks each."""
    inside = _chunk(b"VP8L", VP8L_DOT) + _chunk(b"JUNK") * chance.choice(
        (0, 0, 1, 100, many(chance, room // 8))
    )
    frame = _chunk(b"ANMF", bytes(12) + b"\x01\0\0\0" + inside)
    count = min(max(1, room // len(frame)), chance.choice((1, 1_999, 2_001, 10**9)))
    side = chance.choice((1, 366, 16_384))
    return _webp(chance, _canvas(0x02, side, side) + _chunk(b"ANIM", bytes(6)) + frame * count)


def webp_exif(chance: random.Random, room: int) -> bytes:
    """A directory of many entries, in one EXIF chunk or in many."""
    count = many(chance, min(65_535, max(1, room // 12)))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", said(chance, count, 16)) + bytes(12) * count
    return _webp(
        chance,
        _canvas(0x08) + _chunk(b"VP8L", VP8L_DOT) + repeated(_chunk(b"EXIF", exif), max(room, len(exif) + 9)),
    )


GIF = (gif_crumbs, gif_blocks, gif_frames, gif_codes)
WEBP = (webp_chunks, webp_frames, webp_exif)
