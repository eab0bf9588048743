"""ISO base media boxes (ISO/IEC 14496-12, 4.2): length, type, body; inside one another."""

from collections.abc import Iterator
from typing import NamedTuple

from imaging.errors import BrokenImage
from imaging.reading import MAX_PIECES, number, require, take


class Box(NamedTuple):
    """One box of the file: `start` its length field, `body` behind its type, `end` behind its last byte."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(view: memoryview, at: int, end: int) -> Iterator[Box]:
    """Yield the boxes that fill the bytes from `at` to `end`; `BrokenImage` where one does not fit."""
    for _ in range(MAX_PIECES):
        if at >= end:
            return
        size, kind, body = number(view, at, 4), bytes(take(view, at + 4, 4)), at + 8
        if size == 1:
            size, body = number(view, at + 8, 8), at + 16
        elif size == 0:
            size = end - at
        require(body - at <= size <= end - at, "it ends too early")
        yield Box(kind, at, body, at + size)
        at += size
    require(False, "it has too many boxes")


def only(found: list[Box], kind: bytes) -> Box:
    """Return the one box of this type; `BrokenImage` when there is none or there are more."""
    named = [box for box in found if box.kind == kind]
    if len(named) != 1:
        raise BrokenImage("one of its boxes is missing or doubled")
    return named[0]
