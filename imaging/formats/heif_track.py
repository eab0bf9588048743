"""Where the frames of an AVIF sequence lie: the sample tables of a track (ISO/IEC 14496-12, 8.7)."""

from collections.abc import Sequence

from imaging.errors import CUT
from imaging.formats.heif_boxes import Box, Boxes, only
from imaging.formats.reading import number, require

WAY = (b"mdia", b"minf", b"stbl")
RUN = 3
"""An entry of `stsc`: its first chunk, how many samples a chunk holds, and a description."""


def tracks(file: Boxes, top: list[Box]) -> list[Box]:
    """Return the tracks of a file's one `moov`, none when it has none."""
    if not any(box.kind == b"moov" for box in top):
        return []
    return [box for box in file.inside(only(top, b"moov")) if box.kind == b"trak"]


def samples(file: Boxes, track: Box) -> list[tuple[int, int]]:
    """Return where each sample lies; `BrokenImage` when one is not in the file."""
    box = track
    for kind in WAY:
        box = only(file.inside(box), kind)
    table = file.inside(box)
    sizes = _sizes(file, only(table, b"stsz"))
    found: list[tuple[int, int]] = []
    for start, count in zip(*_chunks(file, table), strict=True):
        for size in sizes[len(found) : len(found) + count]:
            found.append((start, start + size))
            start += size
    require(len(found) == len(sizes) and all(end <= len(file.view) for _, end in found), CUT)
    return found


def _sizes(file: Boxes, box: Box) -> Sequence[int]:
    """Return the size of each sample; one size for all takes no bytes, but as much of the budget."""
    fixed, count = number(file.view, box.body + 4, 4), number(file.view, box.body + 8, 4)
    if not fixed:
        return file.numbers(box.body + 12, box.end, 4, count)
    file.budget.spend(count)
    return [fixed] * count


def _chunks(file: Boxes, table: list[Box]) -> tuple[Sequence[int], list[int]]:
    """Return each chunk's place and how many samples it holds."""
    wide = any(box.kind == b"co64" for box in table)
    box = only(table, b"co64" if wide else b"stco")
    places = file.numbers(box.body + 8, box.end, 8 if wide else 4, number(file.view, box.body + 4, 4))
    box = only(table, b"stsc")
    runs = file.numbers(box.body + 8, box.end, 4, RUN * number(file.view, box.body + 4, 4))
    starts, counts = list(runs[::RUN]), runs[1::RUN]
    there = starts[:1] == [1][: len(places)] and starts == sorted(starts)
    require(there and max(starts, default=0) <= len(places), "its frames lie nowhere")
    ends = [*starts[1:], len(places) + 1]
    held = [count for start, end, count in zip(starts, ends, counts, strict=True) for _ in range(start, end)]
    require(len(held) == len(places), "its frames lie nowhere")
    return places, held
