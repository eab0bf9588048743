"""The `meta` box: which items there are, where their bytes lie, what they are to each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imaging.boxes import Box, boxes, only
from imaging.errors import BrokenImage
from imaging.reading import number, require, take

IN_FILE, IN_IDAT = 0, 1


class Item(NamedTuple):
    """One item: its type, the infe box that declares it, and where its bytes lie in the file."""

    kind: bytes
    entry: Box
    extents: list[tuple[int, int]]


class Reference(NamedTuple):
    """`source` refers to each of `targets` in the manner of `kind` (thmb, auxl, cdsc, dimg, ...)."""

    kind: bytes
    source: int
    targets: list[int]


@dataclass(slots=True)
class Meta:
    """A `meta` box, read."""

    primary: int
    items: dict[int, Item]
    references: list[Reference] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    idat: Box | None = None
    reach: int = 0  # where the last byte lies that the index names

    def properties_of(self, item: int) -> list[Box]:
        """Return the properties of an item, in their order; `BrokenImage` when one is not there."""
        numbers = self.associations.get(item, [])
        require(all(n <= len(self.properties) for n in numbers), "a property is missing")
        return [self.properties[n - 1] for n in numbers if n]


class Cursor:
    """Reads one number after another from a full box; past the box's end is `BrokenImage`."""

    def __init__(self, view: memoryview, box: Box) -> None:
        self.view = view[: box.end]
        self.version = number(self.view, box.body, 1)
        self.flags = number(self.view, box.body + 1, 3)
        self.at = box.body + 4

    def next(self, size: int) -> int:
        """Return the next number of `size` bytes (0 bytes read as 0)."""
        self.at += size
        return number(self.view, self.at - size, size)


def read_meta(view: memoryview, box: Box) -> Meta:
    """Read a `meta` box; `BrokenImage` when an item's bytes do not lie in the file."""
    parts = list(boxes(view, box.body + 4, box.end))
    idat = next((part for part in parts if part.kind == b"idat"), None)
    places = _locations(view, only(parts, b"iloc"), idat)
    first = Cursor(view, only(parts, b"pitm"))
    meta = Meta(first.next(4 if first.version else 2), _items(view, only(parts, b"iinf"), places), idat=idat)
    meta.reach = max((end for spans in places.values() for _, end in spans), default=0)
    require(meta.primary in meta.items, "its main picture is missing")
    for part in parts:
        if part.kind == b"iref":
            meta.references = list(_references(view, part))
    _read_properties(view, only(parts, b"iprp"), meta)
    return meta


def _items(view: memoryview, box: Box, places: dict[int, list[tuple[int, int]]]) -> dict[int, Item]:
    cursor = Cursor(view, box)
    count = cursor.next(4 if cursor.version else 2)
    items = {}
    for entry in boxes(view, cursor.at, box.end):
        one = Cursor(view, entry)
        require(entry.kind == b"infe" and one.version >= 2, "an item is not known")
        name = one.next(4 if one.version > 2 else 2)
        one.next(2)
        items[name] = Item(bytes(take(one.view, one.at, 4)), entry, places.get(name, []))
    require(len(items) == count, "its items are not as many as announced")
    return items


def _locations(view: memoryview, box: Box, idat: Box | None) -> dict[int, list[tuple[int, int]]]:
    cursor = Cursor(view, box)
    wide = cursor.version == 2
    offset_size, length_size = divmod(cursor.next(1), 16)
    base_size, index_size = divmod(cursor.next(1), 16)
    require({offset_size, length_size, base_size, index_size} <= {0, 4, 8}, "its iloc is not known")
    places = {}
    for _ in range(cursor.next(4 if wide else 2)):
        name = cursor.next(4 if wide else 2)
        method = cursor.next(2) & 15 if cursor.version else IN_FILE
        cursor.next(2)
        base, low, high = _bounds(view, method, idat)
        base += cursor.next(base_size)
        spans = []
        for _ in range(cursor.next(2)):
            cursor.next(index_size if cursor.version else 0)
            start = base + cursor.next(offset_size)
            spans.append((start, start + cursor.next(length_size)))
        require(all(low <= start < end <= high for start, end in spans), "it ends too early")
        places[name] = spans
    return places


def _bounds(view: memoryview, method: int, idat: Box | None) -> tuple[int, int, int]:
    if method == IN_FILE:
        return 0, 0, len(view)
    if method == IN_IDAT and idat:
        return idat.body, idat.body, idat.end
    raise BrokenImage("an item lies nowhere")


def _references(view: memoryview, box: Box) -> Iterator[Reference]:
    cursor = Cursor(view, box)
    size = 4 if cursor.version else 2
    for entry in boxes(view, cursor.at, box.end):
        numbers = take(view, entry.body, entry.end - entry.body)
        count = number(numbers, size, 2)
        targets = [number(numbers, size + 2 + size * i, size) for i in range(count)]
        yield Reference(entry.kind, number(numbers, 0, size), targets)


def _read_properties(view: memoryview, box: Box, meta: Meta) -> None:
    parts = list(boxes(view, box.body, box.end))
    container = only(parts, b"ipco")
    meta.properties = list(boxes(view, container.body, container.end))
    for part in parts:
        if part.kind == b"ipma":
            _associate(Cursor(view, part), meta)


def _associate(cursor: Cursor, meta: Meta) -> None:
    size = 2 if cursor.flags & 1 else 1
    for _ in range(cursor.next(4)):
        item = cursor.next(4 if cursor.version else 2)
        numbers = [cursor.next(size) for _ in range(cursor.next(1))]
        meta.associations.setdefault(item, []).extend(n & (0x7FFF if size == 2 else 0x7F) for n in numbers)
