"""Where the frames of an AVIF sequence lie: the sample tables of a track (ISO/IEC 14496-12, 8.7)."""

from imaging.boxes import Box, boxes, only
from imaging.reading import MAX_PIECES, number, require

WAY = (b"mdia", b"minf", b"stbl")


def inside(view: memoryview, box: Box) -> list[Box]:
    """Return the boxes inside a plain box."""
    return list(boxes(view, box.body, box.end))


def tracks(view: memoryview, top: list[Box]) -> list[Box]:
    """Return the tracks of a file's one `moov`, none when it has none."""
    if not any(box.kind == b"moov" for box in top):
        return []
    return [box for box in inside(view, only(top, b"moov")) if box.kind == b"trak"]


def samples(view: memoryview, track: Box) -> list[tuple[int, int]]:
    """Return where each sample lies; `BrokenImage` when one is not in the file."""
    box = track
    for kind in WAY:
        box = only(inside(view, box), kind)
    table = inside(view, box)
    sizes = _sizes(view, only(table, b"stsz"))
    found: list[tuple[int, int]] = []
    for start, count in zip(*_chunks(view, table), strict=True):
        for size in sizes[len(found) : len(found) + count]:
            found.append((start, start + size))
            start += size
    require(len(found) == len(sizes) and all(end <= len(view) for _, end in found), "it ends too early")
    return found


def _sizes(view: memoryview, box: Box) -> list[int]:
    fixed, count = number(view, box.body + 4, 4), number(view, box.body + 8, 4)
    require(count <= MAX_PIECES, "it has too many frames")
    return [fixed] * count if fixed else _numbers(view, box, box.body + 12, 4, count)


def _chunks(view: memoryview, table: list[Box]) -> tuple[list[int], list[int]]:
    """Return each chunk's place and how many samples it holds."""
    wide = any(box.kind == b"co64" for box in table)
    box = only(table, b"co64" if wide else b"stco")
    places = _numbers(view, box, box.body + 8, 8 if wide else 4, number(view, box.body + 4, 4))
    runs = only(table, b"stsc")
    numbers = _numbers(view, runs, runs.body + 8, 4, 3 * number(view, runs.body + 4, 4))
    starts, counts = numbers[::3], numbers[1::3]
    ends = [*starts[1:], len(places) + 1]
    require(starts[:1] == [1][: len(places)] and starts == sorted(starts), "its frames lie nowhere")
    filled = [
        count for start, end, count in zip(starts, ends, counts, strict=True) for _ in range(start, end)
    ]
    require(len(filled) == len(places), "its frames lie nowhere")
    return places, filled


def _numbers(view: memoryview, box: Box, at: int, size: int, count: int) -> list[int]:
    require(count <= MAX_PIECES * 3 and at + size * count <= box.end, "it ends too early")
    return [number(view, at + size * i, size) for i in range(count)]
