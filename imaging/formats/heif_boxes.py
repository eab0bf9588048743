"""Boxes of ISO base media files (ISO/IEC 14496-12, 4.2): length, type, body, which may hold further boxes."""

import struct
from typing import NamedTuple

from imaging.errors import CUT, BrokenImage
from imaging.formats.reading import PieceBudget, number, require, take

NUMBERS = {2: "H", 4: "I", 8: "Q"}


class Box(NamedTuple):
    """One box of the file: `start` its length field, `body` behind its type, `end` behind its last byte."""

    kind: bytes
    start: int
    body: int
    end: int


class Boxes:
    """The boxes of one file. One budget bounds all boxes and numbers that the file lists."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.budget = PieceBudget()

    def between(self, at: int, end: int) -> list[Box]:
        """Return the boxes that fill the bytes from `at` to `end`; raises `BrokenImage` where one does not fit."""
        found = []
        while at < end:
            self.budget.spend()
            size, kind, body = number(self.view, at, 4), bytes(take(self.view, at + 4, 4)), at + 8
            if size == 1:
                size, body = number(self.view, at + 8, 8), at + 16
            elif size == 0:
                size = end - at
            require(body - at <= size <= end - at, CUT)
            found.append(Box(kind, at, body, at + size))
            at += size
        return found

    def inside(self, box: Box) -> list[Box]:
        """Return the boxes inside a box that has nothing before them."""
        return self.between(box.body, box.end)

    def numbers(self, at: int, end: int, size: int, count: int) -> tuple[int, ...]:
        """Return `count` unsigned numbers of `size` bytes from `at`; raises `BrokenImage` where they pass `end`."""
        require(at + size * count <= min(end, len(self.view)), CUT)
        self.budget.spend(count)
        return struct.unpack_from(f">{count}{NUMBERS[size]}", self.view, at)


def only(found: list[Box], kind: bytes) -> Box:
    """Return the only box of this type; raises `BrokenImage` when there is none or more than one."""
    named = [box for box in found if box.kind == kind]
    if len(named) != 1:
        raise BrokenImage("one of its boxes is missing or doubled")
    return named[0]
