"""GIF (GIF89a, CompuServe 1990): header, palettes, then blocks whose data is a chain of sub-blocks."""

from typing import NamedTuple

from imaging.errors import CUT, BrokenImage
from imaging.formats.first_bytes import GIF_BLOCKS, gif_blocks_start, gif_palette
from imaging.formats.reading import PieceBudget, number, require, take
from imaging.picture import Limits, Picture

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
SCREEN = 13
# Encoders write sub-blocks of 255 bytes; a walk over a file of tiny ones would take long. So there may be one for each
# SMALLEST_MEAN bytes of the file, and ALWAYS_ALLOWED more.
SMALLEST_MEAN = 16
ALWAYS_ALLOWED = 100_000


class Block(NamedTuple):
    """One block: `kind` is its introducer, `label` an extension's; `chain` is where its sub-blocks begin."""

    kind: int
    label: int
    start: int
    chain: int
    end: int


def measure(view: memoryview, limits: Limits) -> tuple[Picture, list[Block]]:
    """Walk every block and return the picture with all of them; see `ImageFormat.read` for what it raises.

    Once there is a frame, the picture ends, as in browsers, where the file ends, at a byte that begins no block, or at
    an extension that is cut short.
    """
    take(view, 0, SCREEN)
    canvas = width, height = number(view, 6, 2, "little"), number(view, 8, 2, "little")
    widest, highest, frames = width, height, 0
    walk, at = _Walk(view), gif_blocks_start(view)
    while not walk.ended and not (frames and _ends(view, at)):
        if take(view, at, 1)[0] == IMAGE:
            right, bottom = _corner(view, at)
            widest, highest, frames = max(widest, right), max(highest, bottom), frames + 1
            limits.allow(widest, highest, frames)
            canvas = (widest, highest) if frames == 1 else canvas
        try:
            at = walk.block(at)
        except BrokenImage as refusal:
            if not (frames and view[at] == EXTENSION and refusal.what == CUT):
                raise
            break
    require(frames, "a GIF without pixels")
    return Picture("image/gif", *canvas, frames), walk.blocks


def _ends(view: memoryview, at: int) -> bool:
    """Tell whether no block begins at `at`: the trailer is missing, or other bytes are in its place."""
    return at >= len(view) or view[at] not in GIF_BLOCKS


class _Walk:
    """The blocks found so far, and how many more sub-blocks the file may have."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.blocks: list[Block] = []
        self.budget = PieceBudget()
        self.sub_blocks_left = ALWAYS_ALLOWED + len(view) // SMALLEST_MEAN

    @property
    def ended(self) -> bool:
        """Whether the walk has reached the trailer."""
        return bool(self.blocks) and self.blocks[-1].kind == TRAILER

    def block(self, at: int) -> int:
        """Add the block at `at` and return where it ends; raises `BrokenImage` where it is cut short."""
        self.budget.spend()
        view = self.view
        kind, label, chain = take(view, at, 1)[0], 0, at + 1
        require(kind in (EXTENSION, IMAGE, TRAILER), "a GIF block is not known")
        end = chain
        if kind == EXTENSION:
            label, chain = take(view, at + 1, 1)[0], at + 2
            end = self._chain_end(chain)
            require(label != CONTROL or end - chain == 6, "a frame's control is broken")
        elif kind == IMAGE:
            chain = at + 11 + gif_palette(take(view, at + 9, 1)[0])
            require(1 <= take(view, chain - 1, 1)[0] <= 11, "a frame has no code size")
            end = self._chain_end(chain)
            require(end > chain + 1, "a frame has no pixels")
        self.blocks.append(Block(kind, label, at, chain, end))
        return end

    def _chain_end(self, at: int) -> int:
        view = self.view
        try:
            for left in range(self.sub_blocks_left, 0, -1):
                size = view[at]
                at += size + 1
                if not size:
                    self.sub_blocks_left = left - 1
                    return at
        except IndexError:
            raise BrokenImage(CUT) from None
        raise BrokenImage("it has too many GIF blocks")


def _corner(view: memoryview, at: int) -> tuple[int, int]:
    left, top, width, height = (number(view, at + i, 2, "little") for i in (1, 3, 5, 7))
    require(width and height, "a frame is empty")
    return left + width, top + height
