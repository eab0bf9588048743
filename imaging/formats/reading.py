"""Reads numbers from a file that may be cut: raises `BrokenImage` beyond the end, and never returns a part of one."""

from typing import Literal

from imaging.errors import CUT, BrokenImage

# A real file of 20 MiB has some thousand pieces; a walk over many more would only cost time.
MAX_PIECES = 50_000


class PieceBudget:
    """How many more pieces of one file may be read: boxes, chunks, blocks, and entries of tables."""

    def __init__(self) -> None:
        self.left = MAX_PIECES

    def spend(self, pieces: int = 1) -> None:
        """Count so many pieces; raises `BrokenImage` when the file has more than any real one."""
        self.left -= pieces
        if self.left < 0:
            raise BrokenImage("it has too many pieces")


def require(truth: object, what: str) -> None:
    """Raise `BrokenImage` saying `what` unless `truth` holds."""
    if not truth:
        raise BrokenImage(what)


def take(view: memoryview, at: int, size: int) -> memoryview:
    """Return exactly `size` bytes from `at`; raises `BrokenImage` when the file ends before."""
    piece = view[at : at + size]
    if len(piece) != size:
        raise BrokenImage(CUT)
    return piece


def stands_at(view: memoryview, at: int, word: bytes) -> bool:
    """Tell whether the bytes at `at` are `word`."""
    return view[at : at + len(word)].tobytes() == word


def number(view: memoryview, at: int, size: int, order: Literal["big", "little"] = "big") -> int:
    """Return the unsigned number of `size` bytes at `at`; raises `BrokenImage` when the file ends before."""
    return int.from_bytes(take(view, at, size), order)
