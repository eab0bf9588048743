"""What a GIF needs to be shown: screen, palettes, frames and their controls, the loop, an ICC profile."""

from imaging.formats.first_bytes import gif_blocks_start
from imaging.formats.gif import APPLICATION, CONTROL, EXTENSION, TRAILER, Block
from imaging.formats.parts import Part
from imaging.formats.reading import stands_at

LOOPS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
PROFILE = b"\x0bICCRGBG1012"
LOOP_END = 16


def parts(view: memoryview, blocks: list[Block]) -> list[Part]:
    """Name what stays of the blocks of a GIF; everything behind the trailer is gone, a missing trailer comes."""
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
        return [Part(block.start, block.end)]
    if any(stands_at(view, block.chain, name + b"\3\1") for name in LOOPS):
        after = block.chain + LOOP_END
        return [Part(block.start, after), Part(block.end - 1, block.end)]
    return []
