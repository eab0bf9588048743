"""Keeps what an AVIF needs to be shown and overwrites the rest in place, so that every offset in the file stays valid.

The main picture, the items it is made of and the frames of a sequence are kept. Zeros replace a thumbnail, Exif, XMP
and all other bytes, and the boxes that announced them become `free` boxes; so do tracks of sound and captions, with all
of their samples. Zeros also replace the names that an encoder gave to tracks.
"""

from collections import defaultdict
from collections.abc import Iterator

from imaging.formats.heif import Walked
from imaging.formats.heif_boxes import Box
from imaging.formats.heif_join import joined
from imaging.formats.heif_meta import Meta
from imaging.formats.parts import Part, Span, merged
from imaging.formats.profile import without_display
from imaging.formats.reading import number

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
PROFILES = (b"prof", b"rICC")
PICTURES = {b"av01", b"hvc1", b"grid", b"iovl", b"iden", b"tmap", b"sato"}
MOVIE = {b"moov", b"trak", b"mdia"}
PERSONAL = {b"udta", b"meta", b"uuid"}
DATED = {b"mvhd", b"tkhd", b"mdhd"}
HANDLER = 24
"""Where the name stands in `hdlr`: some encoders write the name of a file there (ISO/IEC 14496-12, 8.4.3)."""


def parts(view: memoryview, walked: Walked) -> list[Part]:
    """Name what stays of an AVIF and what is overwritten."""
    top, meta = walked.top, walked.meta
    shown = _shown(meta)
    spans = merged([*(span for item in shown for span in meta.items[item].extents), *walked.samples])
    end = max([meta.reach, *(span[1] for span in spans), *(piece.end for piece in top if piece.kind in TOP)])
    end = max(piece.end for piece in top if piece.start < end)
    blanks = _Blanks()
    _top(blanks, top, end)
    _meta(blanks, view, meta, shown)
    _profiles(blanks, view, walked.colours)
    for movie in top:
        if movie.kind == b"moov":
            _movie(blanks, walked, movie)
    return list(_around(blanks.all(spans), end))


def mended(view: memoryview, walked: Walked) -> list[Part]:
    """Name an AVIF with all of its metadata; its `ipma` boxes are joined where decoders accept only one."""
    return list(_around(joined(view, walked.meta), len(view)))


class _Blanks:
    """What is overwritten: `firm` parts in any case, `loose` spans except where a span of the picture lies."""

    def __init__(self) -> None:
        self.firm: list[Part] = []
        self.loose: list[Span] = []

    def zero(self, start: int, end: int) -> None:
        self.firm.append(_zeros(start, end))

    def free(self, box: Box, *, loosely: bool) -> None:
        """Turn a box into a `free` one with nothing in it."""
        self.firm.append(Part(box.start + 4, box.start + 8, b"free"))
        if loosely:
            self.loose.append((box.body, box.end))
        else:
            self.zero(box.body, box.end)

    def all(self, spans: list[Span]) -> list[Part]:
        return sorted([*self.firm, *(_zeros(*span) for span in _without(sorted(self.loose), spans))])


def _zeros(start: int, end: int) -> Part:
    return Part(start, end, bytes(max(0, end - start)))


def _shown(meta: Meta) -> list[int]:
    """Return the main picture and the items it is made of: tiles, alpha, gain map, but no thumbnail."""
    beside = defaultdict[int, list[int]](list)
    for kind, source, targets in meta.references:
        if kind == b"dimg":
            beside[source] += targets
        if kind in (b"auxl", b"dimg"):
            for target in targets:
                beside[target].append(source)
    shown, ahead = {meta.primary}, [meta.primary]
    while ahead:
        new = [item for item in beside.pop(ahead.pop(), ()) if item not in shown]
        shown.update(new)
        ahead += new
    return [item for item in shown if item in meta.items and meta.items[item].kind in PICTURES]


def _top(blanks: _Blanks, top: list[Box], end: int) -> None:
    for box in top:
        if box.kind == b"mdat":
            blanks.loose.append((box.body, box.end))
        elif box.kind not in TOP and box.start < end:
            blanks.free(box, loosely=True)


def _meta(blanks: _Blanks, view: memoryview, meta: Meta, shown: list[int]) -> None:
    blanks.firm += joined(view, meta)
    for part in meta.parts:
        if part.kind not in META:
            blanks.free(part, loosely=True)
    if meta.idat:
        blanks.loose.append((meta.idat.body, meta.idat.end))
    for name in meta.items.keys() - set(shown):
        entry = meta.items[name].entry
        kind = entry.body + (10 if number(view, entry.body, 1) > 2 else 8)
        blanks.firm.append(Part(kind, kind + 4, b"free"))
        blanks.zero(kind + 4, entry.end)
    for entry in meta.properties:
        if entry.kind not in PROPERTIES:
            blanks.free(entry, loosely=False)


def _profiles(blanks: _Blanks, view: memoryview, boxes: list[Box]) -> None:
    for box in boxes:
        start = box.body + 4
        if box.kind == b"colr" and bytes(view[box.body : start]) in PROFILES:
            blanks.firm.append(Part(start, box.end, without_display(bytes(view[start : box.end]))))


def _movie(blanks: _Blanks, walked: Walked, movie: Box) -> None:
    ahead = [movie]
    while ahead:
        for part in walked.file.inside(ahead.pop()):
            if part in walked.others:
                blanks.free(part, loosely=False)
            elif part.kind in MOVIE:
                ahead.append(part)
            elif part.kind in PERSONAL:
                blanks.free(part, loosely=False)
            elif part.kind == b"hdlr":
                blanks.zero(min(part.body + HANDLER, part.end), part.end)
            elif part.kind in DATED:
                size = 16 if number(walked.file.view, part.body, 1) else 8
                blanks.zero(part.body + 4, min(part.body + 4 + size, part.end))


def _without(places: list[Span], spans: list[Span]) -> Iterator[Span]:
    """Yield the parts of `places` that no span covers; both lists are sorted, and neither overlaps itself."""
    at = 0
    for start, end in places:
        while at < len(spans) and spans[at][0] < end:
            if start < spans[at][0]:
                yield start, spans[at][0]
            start = max(start, spans[at][1])
            if spans[at][1] > end:
                break  # this span may cover the next place too
            at += 1
        if start < end:
            yield start, end


def _around(blanks: list[Part], end: int) -> Iterator[Part]:
    """Yield the blanks and, between them, the bytes that stay."""
    at = 0
    for blank in blanks:
        if blank.start < blank.end:
            yield Part(at, blank.start)
            yield blank
            at = blank.end
    yield Part(at, end)
