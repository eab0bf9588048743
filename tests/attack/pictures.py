"""Pictures of honest clients, and pictures that are small to send and expensive to walk or to convert."""

from __future__ import annotations

import io
import os
import struct
import zlib

from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB`\x82"
DOT_GIF = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")
"""A GIF of one pixel (GIF89a specification)."""
DOT_WEBP = bytes.fromhex("524946461a000000574542505650384c0d0000002f0000001007101111888888fe07")
"""A lossless WebP of one pixel (RFC 9649)."""


PIECES = 49_000
"""Chunks in a flood: just under the count at which a file is refused (imaging/reading.py)."""


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG (RFC 2083, 3.2)."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def noise(side: int) -> bytes:
    """A square PNG of random pixels, 3 bytes each, which nothing makes smaller."""
    return _png(side, b"".join(b"\0" + os.urandom(3 * side) for _ in range(side)), 0)


def stripes(side: int) -> bytes:
    """A square PNG whose rows are all the same noise: small to send, and dear to decode, shrink and encode."""
    return _png(side, (b"\0" + os.urandom(3 * side)) * side, 1)


def wide() -> bytes:
    """A PNG with more pixels in a row than a WebP may have (16,383; RFC 9649, 2.6)."""
    head = struct.pack(">IIBBBBB", 20_000, 4, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(4 * 60_001))) + END


def _png(side: int, rows: bytes, level: int) -> bytes:
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, level)) + END


def png_flood(size: int) -> bytes:
    """A PNG of a pixel with as many chunks as are walked, ``size`` bytes in all, before its pixel."""
    small, piece = noise(1), chunk(b"vpAg", bytes(size // PIECES - 12))
    at = len(SIGNATURE) + 25  # behind IHDR
    return small[:at] + piece * PIECES + small[at:]


def jpeg_flood(size: int) -> bytes:
    """A JPEG whose scan goes on for ``size`` bytes that are each a marker to look at (ITU-T T.81, B.1.1.5)."""
    written = io.BytesIO()
    Image.new("RGB", (16, 16)).save(written, "JPEG")
    small = written.getvalue()
    return small[:-2] + b"\xff\0" * (size // 2) + small[-2:]


def gif_flood(size: int) -> bytes:
    """A GIF of a pixel before ``size`` bytes of empty comments, three bytes each."""
    return DOT_GIF[:-1] + b"\x21\xfe\0" * (size // 3) + b";"


def webp_flood(size: int) -> bytes:
    """A WebP of a pixel, in the extended form, with as many chunks as are walked, ``size`` bytes in all."""
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(10)
    length = size // PIECES - 8 & ~1
    body = b"WEBP" + extended + DOT_WEBP[12:] + (b"JUNK" + struct.pack("<I", length) + bytes(length)) * PIECES
    return b"RIFF" + struct.pack("<I", len(body)) + body
