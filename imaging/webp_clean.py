"""What a WebP needs to be shown: its bitstreams, alpha, animation, ICC profile, orientation."""

from imaging import exif
from imaging.parts import Part
from imaging.webp import ANIMATED, EXIF, FRAME_HEADER, XMP, Chunk, chunks, inner, orientation

HEADER = 12
STILL = {b"ICCP", b"ALPH", b"VP8 ", b"VP8L"}
MOVING = {b"ICCP", b"ANIM"}
IN_FRAME = {b"ALPH", b"VP8 ", b"VP8L"}


def parts(view: memoryview) -> list[Part]:
    """Name what stays of a WebP; everything behind the RIFF is gone."""
    pieces = list(chunks(view))
    first = pieces[0]
    kept = _extended(view, pieces) if first.kind == b"VP8X" else [Part(first.start, first.end)]
    return [Part(0, HEADER, b"RIFF" + _size(4 + _length(kept)) + b"WEBP"), *kept]


def _extended(view: memoryview, pieces: list[Chunk]) -> list[Part]:
    head, turn, seen = pieces[0], orientation(pieces), set[bytes]()
    flags = head.body[0] & ~(XMP | EXIF) | (EXIF if turn > exif.UPRIGHT else 0)
    kept = [Part(head.start, head.end, b"VP8X" + _size(10) + bytes([flags, 0, 0, 0]) + head.body[4:10])]
    wanted = MOVING if flags & ANIMATED else STILL
    for piece in pieces[1:]:
        if piece.kind == b"ANMF" and flags & ANIMATED:
            kept += _frame(view, piece)
        elif piece.kind in wanted - seen:
            kept.append(Part(piece.start, piece.end))
        elif piece.kind == b"EXIF" and flags & EXIF and piece.kind not in seen:
            body = exif.minimal(turn)
            kept.append(Part(piece.start, piece.end, b"EXIF" + _size(len(body)) + body))
        seen.add(piece.kind)
    return kept


def _frame(view: memoryview, piece: Chunk) -> list[Part]:
    """Keep of a frame its header and bitstream; a chunk nobody knows may sit behind them."""
    body, end = piece.start + 8, piece.start + 8 + len(piece.body)
    inside = [part for part in inner(view, body + FRAME_HEADER, end) if part.kind in IN_FRAME]
    kept = [Part(part.start, part.end) for part in inside]
    head = b"ANMF" + _size(FRAME_HEADER + _length(kept))
    return [Part(piece.start, body, head), Part(body, body + FRAME_HEADER), *kept]


def _length(kept: list[Part]) -> int:
    return sum(part.end - part.start if part.new is None else len(part.new) for part in kept)


def _size(number: int) -> bytes:
    return number.to_bytes(4, "little")
