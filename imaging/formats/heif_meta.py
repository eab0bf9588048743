"""The `meta` box: which items there are, where their bytes lie, and how they refer to each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imaging.errors import CUT, BrokenImage
from imaging.formats.heif_boxes import Box, Boxes, only
from imaging.formats.parts import Span
from imaging.formats.reading import number, require, take

IN_FILE, IN_IDAT = 0, 1
NONE = -1
"""Stands for no item: real numbers are not negative."""

Bounds = tuple[int, int, int]


class Item(NamedTuple):
    """One item: its type, the infe box that declares it, and where its bytes lie in the file."""

    kind: bytes
    entry: Box
    extents: list[Span]


class Reference(NamedTuple):
    """`source` refers to each of `targets`; `kind` says what for (thmb, auxl, cdsc, dimg, ...)."""

    kind: bytes
    source: int
    targets: tuple[int, ...]


@dataclass(slots=True)
class Meta:
    """What a `meta` box holds; `parts` are the boxes inside it."""

    parts: list[Box]
    primary: int
    items: dict[int, Item]
    references: list[Reference] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    idat: Box | None = None
    iprp: Box | None = None
    in_iprp: list[Box] = field(default_factory=list)
    reach: int = 0  # where the last byte of all items ends

    def properties_of(self, item: int) -> list[Box]:
        """Return the properties of an item, in their order; raises `BrokenImage` when one is missing."""
        numbers = self.associations.get(item, [])
        require(all(n <= len(self.properties) for n in numbers), "a property is missing")
        return [self.properties[n - 1] for n in numbers if n]


class Cursor:
    """Reads one number after another from a full box; raises `BrokenImage` beyond the end of the box."""

    def __init__(self, view: memoryview, box: Box) -> None:
        self.view = view[: box.end]
        self.version = number(self.view, box.body, 1)
        self.flags = number(self.view, box.body + 1, 3)
        self.at = box.body + 4

    def next(self, size: int) -> int:
        """Return the next number of `size` bytes (0 bytes read as 0)."""
        self.at += size
        return number(self.view, self.at - size, size)


def read_meta(file: Boxes, box: Box) -> Meta:
    """Read a `meta` box; raises `BrokenImage` when an item's bytes do not lie in the file."""
    parts = file.between(box.body + 4, box.end)
    idat = next((part for part in parts if part.kind == b"idat"), None)
    places = _locations(file, only(parts, b"iloc"), idat)
    items = _items(file, only(parts, b"iinf"), places)
    meta = Meta(parts, _primary(file, parts), items, idat=idat)
    meta.reach = max((end for spans in places.values() for _, end in spans), default=0)
    require(meta.primary in meta.items or meta.primary == NONE, "its main picture is missing")
    for part in parts:
        if part.kind == b"iref":
            meta.references += _references(file, part)
    _read_properties(file, only(parts, b"iprp"), meta)
    return meta


def _primary(file: Boxes, parts: list[Box]) -> int:
    """Return the number of the main picture; a sequence may have none."""
    if not any(part.kind == b"pitm" for part in parts):
        return NONE
    cursor = Cursor(file.view, only(parts, b"pitm"))
    return cursor.next(4 if cursor.version else 2)


def _items(file: Boxes, box: Box, places: dict[int, list[Span]]) -> dict[int, Item]:
    cursor = Cursor(file.view, box)
    count = cursor.next(4 if cursor.version else 2)
    entries, items = file.between(cursor.at, box.end), {}
    for entry in entries:
        one = Cursor(file.view, entry)
        require(entry.kind == b"infe" and one.version >= 2, "an item is not known")
        name = one.next(4 if one.version > 2 else 2)
        one.next(2)
        items[name] = Item(bytes(take(one.view, one.at, 4)), entry, places.get(name, []))
    require(len(items) == len(entries) == count, "its items are not as many as announced")
    return items


def _locations(file: Boxes, box: Box, idat: Box | None) -> dict[int, list[Span]]:
    cursor = Cursor(file.view, box)
    wide = cursor.version == 2
    offset_size, length_size = divmod(cursor.next(1), 16)
    base_size, index_size = divmod(cursor.next(1), 16)
    sizes = offset_size, base_size, index_size
    # Where lengths have no bytes, a short file could list any number of extents, all of them empty.
    require({*sizes} <= {0, 4, 8} and length_size in (4, 8), "its iloc is not known")
    places: dict[int, list[Span]] = {}
    count = cursor.next(4 if wide else 2)
    file.budget.spend(count)
    for _ in range(count):
        name = cursor.next(4 if wide else 2)
        require(name not in places, "an item lies in two places")
        method = cursor.next(2) & 15 if cursor.version else IN_FILE
        cursor.next(2)
        base, low, high = _bounds(file.view, method, idat)
        base += cursor.next(base_size)
        extents = cursor.next(2)
        file.budget.spend(extents)
        spans = []
        for _ in range(extents):
            cursor.next(index_size if cursor.version else 0)
            start = base + cursor.next(offset_size)
            spans.append((start, start + cursor.next(length_size)))
        require(all(low <= start < end <= high for start, end in spans), CUT)
        places[name] = spans
    return places


def _bounds(view: memoryview, method: int, idat: Box | None) -> Bounds:
    """Return what an item's offsets count from, and the span that its bytes must lie in."""
    if method == IN_FILE:
        return 0, 0, len(view)
    if method == IN_IDAT and idat:
        return idat.body, idat.body, idat.end
    raise BrokenImage("an item lies nowhere")


def _references(file: Boxes, box: Box) -> Iterator[Reference]:
    cursor = Cursor(file.view, box)
    size = 4 if cursor.version else 2
    for entry in file.between(cursor.at, box.end):
        source, count = number(file.view, entry.body, size), number(file.view, entry.body + size, 2)
        at = entry.body + size + 2
        yield Reference(entry.kind, source, file.numbers(at, entry.end, size, count))


def _read_properties(file: Boxes, box: Box, meta: Meta) -> None:
    meta.iprp, meta.in_iprp = box, file.inside(box)
    meta.properties = file.inside(only(meta.in_iprp, b"ipco"))
    for part in meta.in_iprp:
        if part.kind == b"ipma":
            _associate(file, Cursor(file.view, part), meta)


def _associate(file: Boxes, cursor: Cursor, meta: Meta) -> None:
    size = 2 if cursor.flags & 1 else 1
    count = cursor.next(4)
    file.budget.spend(count)
    for _ in range(count):
        item = cursor.next(4 if cursor.version else 2)
        named = cursor.next(1)
        file.budget.spend(named)
        numbers = [cursor.next(size) for _ in range(named)]
        meta.associations.setdefault(item, []).extend(n & (0x7FFF if size == 2 else 0x7F) for n in numbers)
