"""AVIF: counts, references, tracks, extents, associations and boxes, each grown to fill the file."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

from tests.imaging.fuzz.shapes import EXTREMES, box, full, many, repeated, said

PRIMARY = 60_000
LINKS = (b"dimg", b"dimg", b"dimg", b"auxl", b"thmb")


@dataclass
class File:
    """The parts of a file that is sound but for what is put in their places."""

    references: bytes = b""
    items: bytes = b""
    item_count: int = 1
    locations: bytes = b""
    location_count: int = 1
    properties: bytes = b""
    associations: bytes = b""
    association_count: int = 1
    more_associations: bytes = b""
    in_meta: bytes = b""
    before: bytes = b""
    behind: bytes = b""
    brand: bytes = b"avif"

    def written(self) -> bytes:
        """Return the file: its main picture is four bytes of an `mdat` at the end of what comes before."""
        head = box(b"ftyp", self.brand + b"\0\0\0\0avifmif1")
        place = len(head) + len(self._meta(0)) + len(self.before) + 8
        return head + self._meta(place) + self.before + box(b"mdat", b"abcd") + self.behind

    def _meta(self, place: int) -> bytes:
        main = struct.pack(">HHHII", PRIMARY, 0, 1, place, 4)
        iloc = full(
            b"iloc", b"\x44\0" + struct.pack(">H", self.location_count & 0xFFFF) + main + self.locations
        )
        entry = full(b"infe", struct.pack(">HH4s", PRIMARY, 0, b"av01") + b"\0", version=2)
        iinf = full(b"iinf", struct.pack(">H", self.item_count & 0xFFFF) + entry + self.items)
        ipco = box(b"ipco", full(b"ispe", struct.pack(">II", 16, 16)) + self.properties)
        own = struct.pack(">HBB", PRIMARY, 1, 1)
        ipma = full(b"ipma", struct.pack(">I", self.association_count & 0xFFFFFFFF) + own + self.associations)
        pitm = full(b"pitm", struct.pack(">H", PRIMARY))
        return full(
            b"meta",
            pitm
            + iloc
            + iinf
            + box(b"iprp", ipco + ipma + self.more_associations)
            + self.references
            + self.in_meta,
        )


def chains(chance: random.Random, room: int) -> bytes:
    """References in a chain, written in either direction, or a ring, or all to all."""
    count = min(many(chance, room // 14), PRIMARY - 1)
    kind = chance.choice(LINKS)
    links = [box(kind, struct.pack(">HHH", PRIMARY - i, 1, PRIMARY - i - 1)) for i in range(count)]
    if chance.random() < 0.8:
        links.reverse()
    if chance.random() < 0.1:
        chance.shuffle(links)
    return File(references=full(b"iref", b"".join(links))).written()


def crowds(chance: random.Random, room: int) -> bytes:
    """References with many targets, each named by many."""
    width = many(chance, min(room // 2, 65_535))
    targets = struct.pack(f">{width}H", *(chance.randrange(65_536) for _ in range(width)))
    source = chance.choice((PRIMARY, 1, PRIMARY - 1))
    link = box(chance.choice(LINKS), struct.pack(">HH", source, said(chance, width, 16)) + targets)
    return File(references=full(b"iref", repeated(link, room))).written()


def _track(
    chance: random.Random, samples: int, chunks: int, runs: list[tuple[int, int]], coded: bytes = b"av01"
) -> bytes:
    fixed = chance.choice((1, 1, 0, 2))
    sizes = b"" if fixed else struct.pack(f">{samples}I", *[1] * samples)
    stsz = full(b"stsz", struct.pack(">II", fixed, said(chance, samples, 32)) + sizes)
    wide = chance.random() < 0.2
    places = struct.pack(f">{chunks}{'Q' if wide else 'I'}", *[chance.choice((0, 0, 8))] * chunks)
    stco = full(b"co64" if wide else b"stco", struct.pack(">I", said(chance, chunks, 32)) + places)
    table = b"".join(struct.pack(">III", first & 0xFFFFFFFF, held & 0xFFFFFFFF, 1) for first, held in runs)
    stsc = full(b"stsc", struct.pack(">I", said(chance, len(runs), 32)) + table)
    stsd = full(b"stsd", struct.pack(">I", 1) + box(coded, bytes(78)))
    handler = full(b"hdlr", bytes(4) + b"pict" + bytes(13))
    media = box(b"mdia", handler + box(b"minf", box(b"stbl", stsd + stsz + stco + stsc)))
    return box(b"trak", full(b"tkhd", bytes(72) + struct.pack(">II", 16 << 16, 16 << 16)) + media)


def lying_tables(chance: random.Random, room: int) -> bytes:
    """A sample table of few bytes whose numbers say much: runs of chunks that are not there."""
    samples = chance.choice((1, *EXTREMES)) % 60_000
    runs = [(1, chance.choice((1, samples)))]
    for _ in range(chance.choice((0, 1, 1, 3))):
        runs.append((chance.choice((*EXTREMES, runs[-1][0] + 1)), chance.choice((1, *EXTREMES))))
    runs.sort()
    track = _track(chance, samples, chance.choice((1, 2)), runs)
    return File(before=box(b"moov", track), brand=chance.choice((b"avif", b"avis"))).written()


def shared_samples(chance: random.Random, room: int) -> bytes:
    """Many tracks that all name the same many samples."""
    each = many(chance, min(room // 2, 50_000))
    track = _track(chance, each, 1, [(1, each)])
    moov = box(b"moov", repeated(track, max(len(track), room - each)))
    return File(before=box(b"free", bytes(each)) + moov, brand=chance.choice((b"avif", b"avis"))).written()


def many_frames(chance: random.Random, room: int) -> bytes:
    """One track of many samples and chunks, each written out."""
    count = many(chance, room // 24)
    runs = [(i + 1, 1) for i in range(count)]
    return File(before=box(b"moov", _track(chance, count, count, runs)), brand=b"avis").written()


def extents(chance: random.Random, room: int) -> bytes:
    """Items of many extents: of no bytes each where the file says that numbers have no size."""
    free = chance.random() < 0.3
    each = many(chance, 65_535 if free else min(room // 8, 65_535))
    body = b"" if free else struct.pack(">II", 40, 4) * each
    count = max(1, min(50_000, room // (6 + len(body))))
    kept = [struct.pack(">HHH", i, 0, said(chance, each, 16)) + body for i in range(1, count + 1)]
    file = File(locations=b"".join(kept), location_count=said(chance, 1 + len(kept), 16)).written()
    return file.replace(b"\x44\0", b"\0\0", 1) if free else file


def spans_and_free(chance: random.Random, room: int) -> bytes:
    """Many spans of the picture beside many boxes to be emptied: each of these might look at each of those."""
    spans = min(many(chance, room // 24), 20_000)
    frees = many(chance, (room - 8 * spans) // 9)
    start = 4_000
    body = b"".join(struct.pack(">II", start + 3 * i, 1) for i in range(min(spans, 65_534)))
    locations = struct.pack(">HHH", 7, 0, min(spans, 65_534)) + body
    item = full(b"infe", struct.pack(">HH4s", 7, 0, b"av01") + b"\0", version=2)
    link = full(b"iref", box(b"dimg", struct.pack(">HHH", PRIMARY, 1, 7)))
    emptied = chance.choice((box(b"free", b"x"), box(b"skip"), box(b"uuid", bytes(5))))
    inside, behind = (b"", emptied * frees) if chance.random() < 0.5 else (emptied * frees, b"")
    more = {"items": item, "item_count": 2, "locations": locations, "location_count": 2, "references": link}
    return File(in_meta=inside, behind=behind + box(b"free", bytes(3 * spans)), **more).written()  # type: ignore[arg-type]


def many_items(chance: random.Random, room: int) -> bytes:
    """Items without number, each of them to be emptied."""
    count = min(many(chance, room // 40), 59_000)
    items = [
        full(b"infe", struct.pack(">HH4s", i, 0, b"Exif") + bytes(9), version=2) for i in range(1, count)
    ]
    return File(items=b"".join(items), item_count=said(chance, count, 16)).written()


def associations(chance: random.Random, room: int) -> bytes:
    """One item or many, with properties again and again."""
    each = many(chance, 255)
    own = chance.random() < 0.5
    count = many(chance, room // (3 + each))
    rows = b"".join(
        struct.pack(">HB", PRIMARY if own else i % 50_000, each) + b"\x01" * each for i in range(count)
    )
    return File(associations=rows, association_count=said(chance, 1 + count, 32)).written()


def split_associations(chance: random.Random, room: int) -> bytes:
    """As many boxes of associations as fit, each for an item of its own, or all for the same."""
    each = many(chance, 255)
    own = chance.random() < 0.1
    count = many(chance, room // (19 + each))
    rows = (
        struct.pack(">IHB", 1, PRIMARY - 1 if own else i % 50_000, each) + b"\x01" * each
        for i in range(count)
    )
    return File(more_associations=b"".join(full(b"ipma", row) for row in rows)).written()


def profiles(chance: random.Random, room: int) -> bytes:
    """Colour profiles of many tags, each of which says that it fills the file."""
    tags = chance.choice((1, 20, 1_024, 1_025))
    entry = struct.pack(">4sII", chance.choice((b"mmod", b"desc")), 132, chance.choice((40, room)))
    table = struct.pack(">I", tags + 1) + struct.pack(">4sII", b"mmod", 140, room) + entry * tags
    profile = box(b"colr", b"prof" + bytes(128) + table + bytes(min(many(chance, room), 4 << 20)))
    return File(properties=repeated(profile, max(room, len(profile)))).written()


def silent_tracks(chance: random.Random, room: int) -> bytes:
    """Tracks that show nothing, one after another."""
    track = _track(chance, 1, 1, [(1, 1)], b"sowt")
    return File(before=box(b"moov", repeated(track, max(room, len(track)))), brand=b"avis").written()


def properties(chance: random.Random, room: int) -> bytes:
    """Properties that nobody knows."""
    return File(properties=repeated(box(chance.choice((b"free", b"uuid", b"irot")), b"\0"), room)).written()


def nested(chance: random.Random, room: int) -> bytes:
    """Boxes in boxes in boxes."""
    depth, kind = many(chance, room // 8), chance.choice((b"moov", b"trak", b"mdia", b"meta", b"iprp"))
    sizes = range(8 * depth, 0, -8)
    deep = b"".join(struct.pack(">I4s", size, kind) for size in sizes)
    return (
        File(before=box(b"moov", deep)).written() if chance.random() < 0.7 else File(in_meta=deep).written()
    )


def floods(chance: random.Random, room: int) -> bytes:
    """Boxes of nothing, at the top, in `meta` or in `moov`."""
    flood = repeated(box(chance.choice((b"free", b"mdat", b"trak", b"udta", b"mvhd"))), room)
    where = chance.randrange(3)
    if where == 0:
        return File(behind=flood).written()
    return File(in_meta=flood).written() if where == 1 else File(before=box(b"moov", flood)).written()


AVIF = (
    *(chains, crowds, lying_tables, shared_samples, many_frames, extents, spans_and_free),
    *(many_items, associations, split_associations, profiles, silent_tracks, properties, nested, floods),
)
