"""Keeps what a GIF needs to be shown: screen, palettes, frames and their controls, the loop, an ICC profile."""

from collections.abc import Iterator

from imaging.formats.first_bytes import gif_blocks_start
from imaging.formats.gif import APPLICATION, CONTROL, EXTENSION, TRAILER, Block
from imaging.formats.parts import Part, Span
from imaging.formats.profile import without_display
from imaging.formats.reading import stands_at

LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
PROFILE = b"\x0bICCRGBG1012"
LOOP_END = 16


def parts(view: memoryview, blocks: list[Block]) -> list[Part]:
    """Name what stays of the blocks of a GIF; what follows the trailer is removed, a missing trailer is added."""
    kept = [Part(0, gif_blocks_start(view)), *(part for block in blocks for part in _kept(view, block))]
    if blocks[-1].kind == TRAILER:
        return kept
    end = blocks[-1].end
    return [*kept, Part(end, end + 1, bytes([TRAILER]))]


def _kept(view: memoryview, block: Block) -> list[Part]:
    if block.kind != EXTENSION or block.label == CONTROL:
        return [Part(block.start, block.end)]
    if block.label != APPLICATION:
        return []
    if stands_at(view, block.chain, PROFILE):
        return [Part(block.start, block.end, _profile(view, block))]
    if any(stands_at(view, block.chain, name + b"\3\1") for name in LOOPS):
        after = block.chain + LOOP_END
        return [Part(block.start, after), Part(block.end - 1, block.end)]
    return []


def _profile(view: memoryview, block: Block) -> bytes:
    """Return the block of a colour profile without what describes a display; its sub-blocks keep their lengths."""
    new = bytearray(view[block.start : block.end])
    spans = list(_sub_blocks(new, block.chain - block.start + len(PROFILE)))
    left = without_display(b"".join(new[start:end] for start, end in spans))
    at = 0
    for start, end in spans:
        new[start:end] = left[at : at + end - start]
        at += end - start
    return bytes(new)


def _sub_blocks(block: bytearray, at: int) -> Iterator[Span]:
    """Yield where the data of each sub-block lies; the length of the first is at `at`."""
    while size := block[at]:
        yield at + 1, at + 1 + size
        at += 1 + size
