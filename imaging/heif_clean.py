"""What an AVIF needs to be shown, all else written over in place: offsets into the file stay true.

Kept are the main picture, the items it is made of and the frames of a sequence. A thumbnail, Exif, XMP
and whatever else lies in the file becomes zeros, the boxes that announced them become `free`.
"""

from collections.abc import Iterable, Iterator

from imaging.boxes import Box, boxes, only
from imaging.heif_meta import Meta, read_meta
from imaging.heif_track import inside, samples, tracks
from imaging.parts import Part
from imaging.reading import number

Span = tuple[int, int]

TOP = {b"ftyp", b"meta", b"moov", b"mdat"}
META = {b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"dinf", b"grpl"}
PROPERTIES = {
    *(
        b"ispe",
        b"pixi",
        b"colr",
        b"irot",
        b"imir",
        b"clap",
        b"pasp",
        b"auxC",
        b"rloc",
        b"lsel",
        b"a1op",
        b"a1lx",
    ),
    *(b"av1C", b"hvcC", b"clli", b"mdcv", b"cclv", b"amve", b"tmap"),
}
PICTURES = {b"av01", b"hvc1", b"grid", b"iovl", b"iden", b"tmap"}
MOVIE = {b"moov", b"trak", b"mdia"}
PERSONAL = {b"udta", b"meta", b"uuid"}
DATED = {b"mvhd", b"tkhd", b"mdhd"}


def parts(view: memoryview) -> list[Part]:
    """Name what stays of an AVIF and what is written over."""
    top = list(boxes(view, 0, len(view)))
    box = only(top, b"meta")
    meta = read_meta(view, box)
    shown = _shown(meta)
    spans = sorted(span for item in shown for span in meta.items[item].extents)
    spans = sorted([*spans, *(span for track in tracks(view, top) for span in samples(view, track))])
    end = max([meta.reach, *(span[1] for span in spans), *(piece.end for piece in top if piece.kind in TOP)])
    end = max(piece.end for piece in top if piece.start < end)
    blanks = [*_top(top, spans, end), *_meta(view, box, meta, shown, spans)]
    for movie in top:
        blanks += _movie(view, movie) if movie.kind == b"moov" else []
    return list(_around(sorted(blanks), end))


def _shown(meta: Meta) -> set[int]:
    """Return the main picture and what it is made of: tiles, alpha, gain map; no thumbnail."""
    shown, before = {meta.primary}, 0
    while len(shown) > before:
        before = len(shown)
        for kind, source, targets in meta.references:
            if kind == b"dimg" and source in shown:
                shown |= set(targets)
            if kind in (b"auxl", b"dimg") and shown.intersection(targets):
                shown.add(source)
    return {item for item in shown if item in meta.items and meta.items[item].kind in PICTURES}


def _top(top: list[Box], spans: list[Span], end: int) -> Iterator[Part]:
    for box in top:
        if box.kind == b"mdat":
            yield from _zeros(box.body, box.end, spans)
        elif box.kind not in TOP and box.start < end:
            yield from _freed(box, spans)


def _meta(view: memoryview, box: Box, meta: Meta, shown: set[int], spans: list[Span]) -> Iterator[Part]:
    for part in boxes(view, box.body + 4, box.end):
        if part.kind not in META:
            yield from _freed(part, spans)
    if meta.idat:
        yield from _zeros(meta.idat.body, meta.idat.end, spans)
    for name, item in meta.items.items():
        if name not in shown:
            wide = number(view, item.entry.body, 1) > 2
            kind = item.entry.body + (10 if wide else 8)
            yield Part(kind, kind + 4, b"free")
            yield from _zeros(kind + 4, item.entry.end, [])
    for entry in meta.properties:
        if entry.kind not in PROPERTIES:
            yield from _freed(entry, [])


def _movie(view: memoryview, box: Box) -> Iterator[Part]:
    for part in inside(view, box):
        if part.kind in MOVIE:
            yield from _movie(view, part)
        elif part.kind in PERSONAL:
            yield from _freed(part, [])
        elif part.kind in DATED:
            size = 16 if number(view, part.body, 1) else 8
            yield from _zeros(part.body + 4, min(part.body + 4 + size, part.end), [])


def _freed(box: Box, spans: Iterable[Span]) -> Iterator[Part]:
    yield Part(box.start + 4, box.start + 8, b"free")
    yield from _zeros(box.body, box.end, spans)


def _zeros(start: int, end: int, spans: Iterable[Span]) -> Iterator[Part]:
    """Write zeros from `start` to `end` but where one of the sorted `spans` lies."""
    for first, last in spans:
        if first > start:
            yield Part(start, min(first, end), bytes(max(0, min(first, end) - start)))
        start = max(start, last)
        if start >= end:
            return
    if start < end:
        yield Part(start, end, bytes(end - start))


def _around(blanks: list[Part], end: int) -> Iterator[Part]:
    """Yield the blanks and, between them, the bytes that stay."""
    at = 0
    for blank in blanks:
        if blank.start < blank.end:
            yield Part(at, blank.start)
            yield blank
            at = blank.end
    yield Part(at, end)
