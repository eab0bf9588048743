"""Numbers that an attacker would choose, and lists that fill a file."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 50_000, 30_000_000, 0x7FFFFFFF, 0xFFFFFFFF)
Generator = Callable[[random.Random, int], bytes]
"""Returns a file of about so many bytes, the same for the same chance."""


def many(chance: random.Random, most: int) -> int:
    """Return a count from 1 to `most`, large ones as likely as small ones, and the largest often."""
    most = max(1, most)
    return most if chance.random() < 0.4 else round(most ** chance.random())


def said(chance: random.Random, true: int, bits: int) -> int:
    """Return what a file says of a count: the truth mostly, else one off, or an extreme."""
    lie = chance.choice((true + 1, true - 1, *EXTREMES)) if chance.random() < 0.1 else true
    return max(0, lie) & (1 << bits) - 1


def filled(pieces: Iterable[bytes], room: int) -> bytes:
    """Return pieces one after another until the next would not fit."""
    found, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > room:
            break
        found.append(piece)
    return b"".join(found)


def repeated(piece: bytes, room: int) -> bytes:
    return piece * (room // len(piece))


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, body: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]) + flags.to_bytes(3, "big") + body)
