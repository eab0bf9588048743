"""Small AVIF and JSON bodies for which a careless parser would need very much memory or time."""

from __future__ import annotations

import struct

JSON_BYTES = 27_000_000
"""Near the most that /api/images takes with the settings as they come."""


def box(kind: bytes, body: bytes = b"") -> bytes:
    """A box (ISO/IEC 14496-12, 4.2)."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, body: bytes, version: int = 0) -> bytes:
    """A box with a version and without flags."""
    return box(kind, bytes([version, 0, 0, 0]) + body)


def avif(references: bytes = b"", more: bytes = b"", primary: int = 1) -> bytes:
    """An AVIF of one item of four bytes in an mdat, with room for boxes that attack."""
    ftyp = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    infe = full(b"infe", struct.pack(">HH4s", primary, 0, b"av01") + b"\0", version=2)
    iinf = full(b"iinf", struct.pack(">H", 1) + infe)
    ipco = box(b"ipco", full(b"ispe", struct.pack(">II", 16, 16)))
    iprp = box(b"iprp", ipco + full(b"ipma", struct.pack(">IHBB", 1, primary, 1, 1)))
    pitm = full(b"pitm", struct.pack(">H", primary))

    def meta(offset: int) -> bytes:
        where = struct.pack(">HHHHII", 1, primary, 0, 1, offset, 4)
        return full(b"meta", pitm + full(b"iloc", b"\x44\0" + where) + iinf + iprp + references)

    offset = len(ftyp) + len(meta(0)) + len(more) + 8
    return ftyp + meta(offset) + more + box(b"mdat", b"abcd")


def samples(count: int) -> bytes:
    """A table of samples whose second run begins at ``count``: a list up to there has 8 bytes for each."""
    return avif(more=box(b"moov", _track(1, (1, 1, 1), (count, 1, 1))))


def references(count: int) -> bytes:
    """A chain of references in reverse order: a parser that walks the chain for each reference takes quadratic time."""
    top = 60_000
    links = [box(b"dimg", struct.pack(">HHH", top - link, 1, top - link - 1)) for link in range(count)]
    return avif(references=full(b"iref", b"".join(reversed(links))), primary=top)


def tracks(count: int, each: int = 50_000) -> bytes:
    """``count`` tracks that all name the same ``each`` samples of a byte."""
    return avif(more=box(b"free", bytes(each)) + box(b"moov", _track(each, (1, each, 1)) * count))


def _track(size: int, *runs: tuple[int, int, int]) -> bytes:
    stsz = full(b"stsz", struct.pack(">II", 1, size))
    stco = full(b"stco", struct.pack(">II", 1, 0))
    stsc = full(b"stsc", struct.pack(">I", len(runs)) + b"".join(struct.pack(">III", *run) for run in runs))
    return box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stsz + stco + stsc))))


def json_lists() -> bytes:
    """27 MB of empty lists: each becomes an object of 56 bytes."""
    return b'{"data": [' + b"[]," * (JSON_BYTES // 3) + b"[]]}"


def json_objects() -> bytes:
    """27 MB of empty objects."""
    return b'{"data": [' + b"{}," * (JSON_BYTES // 3) + b"{}]}"


def json_wide() -> bytes:
    """27 MB of base64 with one character beyond U+FFFF, for which Python keeps four bytes a character."""
    return b'{"data": "' + b"A" * JSON_BYTES + "\U0001f98b".encode() + b'"}'
