"""Keeps what a WebP needs to be shown: its bitstreams, alpha, animation, ICC profile."""

from imaging.formats.parts import Part
from imaging.formats.profile import without_display
from imaging.formats.webp import (
    ANIMATED,
    EXIF,
    EXTENDED,
    FRAME,
    FRAME_HEADER,
    HEADER,
    XMP,
    WebpChunk,
    WebpChunks,
)

STILL = {b"ICCP", b"ALPH", b"VP8 ", b"VP8L"}
MOVING = {b"ICCP", b"ANIM"}
IN_FRAME = {b"ALPH", b"VP8 ", b"VP8L"}


def parts(_view: memoryview, chunks: WebpChunks) -> list[Part]:
    """Name what stays of the chunks of a WebP; what follows the RIFF is removed."""
    first = chunks.top[0]
    kept = _extended(chunks) if first.kind == EXTENDED else [Part(first.start, first.end)]
    return [Part(0, HEADER, b"RIFF" + _size(4 + _length(kept)) + b"WEBP"), *kept]


def _extended(chunks: WebpChunks) -> list[Part]:
    head, seen = chunks.top[0], set[bytes]()
    flags = head.body[0] & ~(XMP | EXIF)
    kept = [Part(head.start, head.end, EXTENDED + _size(10) + bytes([flags, 0, 0, 0]) + head.body[4:10])]
    wanted = MOVING if flags & ANIMATED else STILL
    for piece in chunks.top[1:]:
        if piece.kind == FRAME and flags & ANIMATED:
            kept += _frame(piece, chunks.inside[piece.start])
        elif piece.kind in wanted - seen:
            kept += _still(piece)
        seen.add(piece.kind)
    return kept


def _still(piece: WebpChunk) -> list[Part]:
    """Keep a chunk as it is, but a profile without what describes a display."""
    if piece.kind != b"ICCP":
        return [Part(piece.start, piece.end)]
    body = piece.start + 8
    end = body + len(piece.body)
    kept = [Part(piece.start, body), Part(body, end, without_display(bytes(piece.body)))]
    return [*kept, Part(end, piece.end)]


def _frame(piece: WebpChunk, inside: list[WebpChunk]) -> list[Part]:
    """Keep the header and the bitstream of a frame, without the unknown chunks that may follow."""
    body = piece.start + 8
    kept = [Part(part.start, part.end) for part in inside if part.kind in IN_FRAME]
    head = FRAME + _size(FRAME_HEADER + _length(kept))
    return [Part(piece.start, body, head), Part(body, body + FRAME_HEADER), *kept]


def _length(kept: list[Part]) -> int:
    return sum(part.end - part.start if part.new is None else len(part.new) for part in kept)


def _size(number: int) -> bytes:
    return number.to_bytes(4, "little")
