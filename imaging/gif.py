"""GIF (GIF89a, CompuServe 1990): header, palettes, then blocks whose data is a chain of sub-blocks."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imaging.errors import BrokenImage, NotAnImage
from imaging.picture import Limits, Picture
from imaging.reading import number, require, says, take

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, COMMENT, PLAIN_TEXT, APPLICATION = 0xF9, 0xFE, 0x01, 0xFF
SCREEN_END = 13
# Honest sub-blocks hold 255 bytes; a chain of crumbs is a way to spend our time.
SMALLEST_MEAN = 16
ALWAYS_ALLOWED = 100_000


class Block(NamedTuple):
    """One block: `kind` is its introducer, `label` an extension's; `chain` is where its sub-blocks begin."""

    kind: int
    label: int
    start: int
    chain: int
    end: int


def matches(view: memoryview) -> bool:
    """Say whether the first bytes are GIF's."""
    return says(view, 0, b"GIF87a") or says(view, 0, b"GIF89a")


def blocks(view: memoryview, allow: Callable[[int, int], None] = lambda *_: None) -> Iterator[Block]:
    """Yield every block up to and with the trailer; `BrokenImage` where the file is cut.

    `allow` is asked for the corner of each frame before its data is looked at.
    """
    at = blocks_start(view)
    if at < len(view) and view[at] not in (EXTENSION, IMAGE, TRAILER):
        raise NotAnImage
    crumbs = ALWAYS_ALLOWED + len(view) // SMALLEST_MEAN
    while True:
        if says(view, at, b","):
            allow(*_corner(view, at))
        block, count = _block(view, at, crumbs)
        yield block
        if block.kind == TRAILER:
            return
        crumbs -= count
        at = block.end


def blocks_start(view: memoryview) -> int:
    """Return where the first block stands: behind the screen and its palette."""
    return SCREEN_END + _palette(take(view, SCREEN_END - 3, 1)[0])


def _palette(packed: int) -> int:
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _block(view: memoryview, at: int, crumbs: int) -> tuple[Block, int]:
    kind, label, chain = take(view, at, 1)[0], 0, at + 1
    require(kind in (EXTENSION, IMAGE, TRAILER), "a GIF block is not known")
    if kind == TRAILER:
        return Block(kind, label, at, chain, chain), 1
    if kind == EXTENSION:
        label, chain = take(view, at + 1, 1)[0], at + 2
    else:
        chain = at + 11 + _palette(take(view, at + 9, 1)[0])
        require(1 <= take(view, chain - 1, 1)[0] <= 11, "a frame has no code size")
    end, count = _chain_end(view, chain, crumbs)
    require(kind == EXTENSION or count > 1, "a frame has no pixels")
    return Block(kind, label, at, chain, end), count


def _chain_end(view: memoryview, at: int, crumbs: int) -> tuple[int, int]:
    try:
        for count in range(1, crumbs):
            size = view[at]
            at += size + 1
            if not size:
                return at, count
    except IndexError:
        raise BrokenImage("it ends too early") from None
    raise BrokenImage("it has too many GIF blocks")


def measure(view: memoryview, limits: Limits) -> Picture:
    """Walk every block and return the picture; see `recognise` for what it raises."""
    width, height = number(view, 6, 2, "little"), number(view, 8, 2, "little")
    widest, highest, frames = width, height, 0
    for block in blocks(view, limits.allow):
        if block.kind == IMAGE:
            right, bottom = _corner(view, block.start)
            widest, highest, frames = max(widest, right), max(highest, bottom), frames + 1
            limits.allow(widest, highest, frames)
            if frames == 1:
                width, height = widest, highest
        require(block.label != CONTROL or block.end - block.chain == 6, "a frame's control is broken")
    require(frames, "a GIF without pixels")
    return Picture("image/gif", width, height, frames)


def _corner(view: memoryview, at: int) -> tuple[int, int]:
    left, top, width, height = (number(view, at + i, 2, "little") for i in (1, 3, 5, 7))
    require(width and height, "a frame is empty")
    return left + width, top + height
