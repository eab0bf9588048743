"""PNG and JPEG: floods of chunks, segments, tables and scans, streams that unpack to nothing, large directories."""

from __future__ import annotations

import random
import struct
import zlib

from tests.imaging.fuzz.shapes import many, repeated, said
from tests.imaging.samples import read


def _chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(
    body: bytes, width: int = 1, height: int = 1, depth: int = 8, colour: int = 2, laced: int = 0
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, laced)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + body + _chunk(b"IEND")


DOT = _chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))


def png_chunks(chance: random.Random, room: int) -> bytes:
    """Chunks of nothing, or of a byte."""
    kind = chance.choice((b"tEXt", b"IDAT", b"zTXt", b"iCCP", b"pHYs", b"eXIf", b"fdAT", b"fcTL"))
    flood = repeated(_chunk(kind, bytes(chance.choice((0, 0, 1, 4)))), room)
    return _png(DOT + flood) if kind == b"IDAT" or chance.random() < 0.3 else _png(flood + DOT)


def png_frames(chance: random.Random, room: int) -> bytes:
    """Frames of a dot, each of them cut into many chunks."""
    pieces, frames, number = chance.choice((1, 1, 20)), [], 1
    count = min(many(chance, room // 90), chance.choice((1_999, 2_001, 60_000)))
    control = struct.pack(">IIIIHHBB", 1, 1, 0, 0, 1, 10, 0, 0)
    pixels = zlib.compress(b"\0\0\0\0")
    for _ in range(count):
        frames.append(_chunk(b"fcTL", struct.pack(">I", number) + control))
        for piece in range(pieces):
            body = pixels if piece == 0 else b""
            frames.append(_chunk(b"fdAT", struct.pack(">I", number + 1 + piece) + body))
        number += 1 + pieces
    head = _chunk(b"acTL", struct.pack(">II", said(chance, 1 + count, 32), 0))
    return _png(head + _chunk(b"fcTL", bytes(4) + control) + DOT + b"".join(frames))


def _dynamic_block() -> str:
    """Return the bits of a deflate block with tables of its own and not one byte (RFC 1951, 3.2.7)."""
    lengths = {18: 1, 0: 2, 1: 2}
    order = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)
    bits = "0" + "01" + "00000" + "00000" + f"{len(order) - 4:04b}"[::-1]
    bits += "".join(f"{lengths.get(symbol, 0):03b}"[::-1] for symbol in order)
    bits += "0" + f"{138 - 11:07b}"[::-1] + "0" + f"{117 - 11:07b}"[::-1]
    return bits + "11" + "11" + "11" + "1"


def _flood() -> bytes:
    """Return eight such blocks, which end with a byte."""
    bits = 8 * _dynamic_block()
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def png_streams(chance: random.Random, room: int) -> bytes:
    """A stream that goes on and on and unpacks to nothing, or to very much."""
    empty = chance.choice((_flood(), _flood(), b"\0\0\0\xff\xff"))
    stream = b"\x78\x9c" + repeated(empty, room)
    if chance.random() < 0.3:
        stream = zlib.compress(bytes(50 << 20), 9)
    step = chance.choice((len(stream), len(stream), 8_192, 300))
    body = b"".join(_chunk(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step))
    return _png(body, *chance.choice(((8_000, 8_000), (1, 60_000), (60_000, 1))))


def png_rows(chance: random.Random, room: int) -> bytes:
    """Rows as short as they come, straight or interlaced."""
    height = chance.choice((500_000, 60_000))
    laced = chance.choice((0, 1))
    return _png(_chunk(b"IDAT", zlib.compress(bytes(2 * height + 64))), 1, height, 1, 0, laced)


def png_exif(chance: random.Random, room: int) -> bytes:
    """Directories of many entries, one after another."""
    count = many(chance, min(65_535, room // 12))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", said(chance, count, 16)) + bytes(12) * count
    return _png(repeated(_chunk(b"eXIf", exif), max(room, len(exif) + 12)) + DOT)


def png_profiles(chance: random.Random, room: int) -> bytes:
    """Profiles that unpack to very much, of many tags that share their places, one after another."""
    tags = chance.choice((1, 20, 1_024, 1_025, 600_000))
    kind = chance.choice((b"mmod", b"desc"))
    end = chance.choice((1 << 12, 1 << 20, 7_900_000, 50 << 20))
    entry = struct.pack(
        ">4sII", kind, chance.choice((0, 132, 144, 5_000)), chance.choice((40, end, 0xFFFFFFFF))
    )
    display = struct.pack(">4sII", b"mmod", 5_000, chance.choice((40, end)))
    body = bytes(128) + struct.pack(">I", said(chance, tags + 1, 32)) + display + entry * tags
    noise = chance.choice((0, 0, 1 << 20))
    profile = (body + chance.randbytes(noise)).ljust(end, b"\0")
    chunk = _chunk(b"iCCP", b"p\0\0" + zlib.compress(profile, 1))
    return _png(repeated(chunk, max(room, len(chunk))) + DOT)


def png_without_end(chance: random.Random, room: int) -> bytes:
    """No IEND, so that all pixels are asked for: streams of empty blocks, of nothing, of the most that is allowed."""
    kind = chance.randrange(3)
    side = chance.choice((1, 1_000, 2_800, 2_900))
    stream = zlib.compress(bytes(side * (3 * side + 1)), chance.choice((1, 9)))
    if kind:
        most = min(room, chance.choice(((3 << 20) - 300, 4 << 20)))
        stream = b"\x78\x9c" + repeated(_flood() if kind == 1 else b"\0\0\0\xff\xff", most)
    step = chance.choice((len(stream), 8_192))
    body = b"".join(_chunk(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step))
    return _png(body, side, side)[: -12 + chance.choice((0, 0, 1, 7))]


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _jpeg(extra: bytes, behind: bytes = b"") -> bytes:
    """Return a real JPEG with segments before its own, and more within its last scan."""
    real = read("hopper.jpg")
    return real[:2] + extra + real[2:-2] + behind + real[-2:]


def jpeg_segments(chance: random.Random, room: int) -> bytes:
    """The smallest segments, and markers with very much fill before them."""
    marker = chance.choice((0xFE, 0xE0, 0xE1, 0xE2, 0xEE, 0xDD, 0xDB, 0xC4))
    body = chance.choice((b"", b"", b"Exif\0\0", b"JFIF\0" + bytes(9), b"Adobe" + bytes(7), b"ICC_PROFILE\0"))
    if chance.random() < 0.2:
        return _jpeg(b"\xff" * room)
    return _jpeg(repeated(_segment(marker, body), room))


def jpeg_odd(chance: random.Random, room: int) -> bytes:
    """Stray bytes, components of one name, scans of nothing, no tables, no end: what only a sandbox takes."""
    stray = chance.choice(
        (b"\0", b"\xff", b"\xff\0", b"\xff\xe1\xff\xff", b"\xff\xda\0\x0c", b"\xff\xda\0\x02", b"\xff\x02")
    )
    components = min(many(chance, 21_000), room // 3)
    frame = _segment(0xC0, bytes((8, 0, 1, 0, 1, components & 255)) + b"\1\x11\0" * components)
    scan = _segment(0xDA, bytes((255,)) + b"\1\0" * 255 + bytes(3))
    if chance.random() < 0.3:
        return b"\xff\xd8" + frame + repeated(scan, room)
    whole = _jpeg(repeated(stray, room), chance.choice((b"", repeated(stray, room))))
    return whole[: -2 * chance.randrange(2) or None] + bytes(chance.choice((0, 0, room)))


def jpeg_tables(chance: random.Random, room: int) -> bytes:
    """Segments full of tables: Huffman tables of no code, or quantization tables."""
    table = chance.choice((bytes(17), b"\x13" + bytes(16), b"\x03" + bytes(15) + b"\1\0"))
    segment = _segment(0xC4, repeated(table, 65_000))
    if chance.random() < 0.3:
        segment = _segment(0xDB, repeated(b"\3" + b"\1" * 64, 65_000))
    return _jpeg(repeated(segment, max(room, len(segment))))


def jpeg_exif(chance: random.Random, room: int) -> bytes:
    """Segments of Exif, each with a full directory."""
    count = many(chance, 5_400)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", said(chance, count, 16)) + bytes(12) * count
    segment = _segment(0xE1, exif)
    return _jpeg(repeated(segment, max(room, len(segment))))


def jpeg_scans(chance: random.Random, room: int) -> bytes:
    """A scan of nothing but what a search stops at: stuffed bytes, restarts, fill."""
    return _jpeg(
        b"", repeated(chance.choice((b"\xff\0", b"\xff\xff", b"\xff\xd0", b"\xff\0\0", b"\0")), room)
    )


PNG = (png_chunks, png_frames, png_streams, png_rows, png_exif, png_profiles, png_without_end)
JPEG = (jpeg_segments, jpeg_odd, jpeg_tables, jpeg_exif, jpeg_scans)
