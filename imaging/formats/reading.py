"""Reading numbers where a file may have been cut: past the end is `BrokenImage`, never a short number."""

from typing import Literal

from imaging.errors import CUT, BrokenImage

# An honest file of 20 MiB has some thousand pieces; many more are a way to spend our time.
MAX_PIECES = 50_000


class PieceBudget:
    """How many pieces of one file may still be looked at: boxes, chunks, blocks, and entries of its tables."""

    def __init__(self) -> None:
        self.left = MAX_PIECES

    def spend(self, pieces: int = 1) -> None:
        """Take so many pieces off; `BrokenImage` when the file has more than an honest one."""
        self.left -= pieces
        if self.left < 0:
            raise BrokenImage("it has too many pieces")


def require(truth: object, what: str) -> None:
    """Raise `BrokenImage` saying `what` unless `truth` holds."""
    if not truth:
        raise BrokenImage(what)


def take(view: memoryview, at: int, size: int) -> memoryview:
    """Return exactly `size` bytes from `at`; `BrokenImage` when the file ends before."""
    piece = view[at : at + size]
    if len(piece) != size:
        raise BrokenImage(CUT)
    return piece


def stands_at(view: memoryview, at: int, word: bytes) -> bool:
    """Say whether exactly `word` stands at `at`."""
    return view[at : at + len(word)].tobytes() == word


def number(view: memoryview, at: int, size: int, order: Literal["big", "little"] = "big") -> int:
    """Return the unsigned number of `size` bytes at `at`; `BrokenImage` when the file ends before."""
    return int.from_bytes(take(view, at, size), order)
