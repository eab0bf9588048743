"""Where the frames of an AVIF sequence lie: the sample tables of a track (ISO/IEC 14496-12, 8.7)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from imaging.errors import CUT, BrokenImage
from imaging.formats.heif_boxes import Box, Boxes, only
from imaging.formats.reading import number, require, take

FRAME, ALPHA = b"av01", b"auxv"
SAMPLE_ENTRY = 78
"""The bytes of the fields of a visual sample entry, in front of its boxes."""
RUN = 3
"""The numbers of an entry of `stsc`: its first chunk, how many samples a chunk holds, and a description."""


class Track(NamedTuple):
    """One track: its `trak` box, its header, its kind (pict, auxv, soun, ...), and its sample tables."""

    box: Box
    header: Box
    handler: bytes
    table: list[Box]


def tracks(file: Boxes, top: list[Box]) -> list[Track]:
    """Return the tracks of the only `moov` of a file; none when it has no `moov`."""
    if not any(box.kind == b"moov" for box in top):
        return []
    return [_track(file, box) for box in file.inside(only(top, b"moov")) if box.kind == b"trak"]


def _track(file: Boxes, box: Box) -> Track:
    parts = file.inside(box)
    media = file.inside(only(parts, b"mdia"))
    table = file.inside(only(file.inside(only(media, b"minf")), b"stbl"))
    handler = take(file.view, only(media, b"hdlr").body + 8, 4)
    return Track(box, only(parts, b"tkhd"), bytes(handler), table)


def of_frames(file: Boxes, track: Track) -> bool:
    """Tell whether the samples of a track are coded as AV1: decoders show such tracks alone."""
    described = only(track.table, b"stsd")
    return any(entry.kind == FRAME for entry in file.between(described.body + 8, described.end))


def colours_of(file: Boxes, track: Track) -> list[Box]:
    """Return the `colr` boxes of a track's frames, which stand behind the fields of a sample entry (8.5.2, 12.1.3)."""
    described = only(track.table, b"stsd")
    found: list[Box] = []
    for entry in file.between(described.body + 8, described.end):
        with suppress(BrokenImage):  # as in QuickTime, a few zeros may follow its boxes
            found += file.between(entry.body + SAMPLE_ENTRY, entry.end)
    return [box for box in found if box.kind == b"colr"]


def size_of(view: memoryview, shown: list[Track]) -> tuple[int, int]:
    """Return width and height of the first track that is not alpha, from its header (ISO/IEC 14496-12, 8.3.2)."""
    header = next((track.header for track in shown if track.handler != ALPHA), None)
    if header is None:
        raise BrokenImage("a sequence without frames")
    at = header.body + (88 if number(view, header.body, 1) else 76)
    return number(view, at, 2), number(view, at + 4, 2)


def samples(file: Boxes, track: Track) -> list[tuple[int, int]]:
    """Return where each sample lies; raises `BrokenImage` when one is not in the file."""
    table = track.table
    sizes = _sizes(file, only(table, b"stsz"))
    found: list[tuple[int, int]] = []
    for start, count in zip(*_chunks(file, table), strict=True):
        for size in sizes[len(found) : len(found) + count]:
            found.append((start, start + size))
            start += size
    require(len(found) == len(sizes) and all(end <= len(file.view) for _, end in found), CUT)
    return found


def _sizes(file: Boxes, box: Box) -> Sequence[int]:
    """Return the size of each sample; where one number stands for all, it costs as much of the budget as a list."""
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
