"""Writes several `ipma` boxes, which associate properties with items, as one: some encoders write one for each item.

Decoders refuse two `ipma` of the same version and flags (ISO/IEC 23008-12, 9.3.1). One box is shorter than several: the
bytes that are left over become a `free` box behind `iprp`, so that every offset in the file stays valid.
"""

from imaging.formats.heif_boxes import Box
from imaging.formats.heif_meta import Cursor, Meta
from imaging.formats.parts import Part
from imaging.formats.reading import take

HEADER = 8

Group = dict[int, bytes]


def joined(view: memoryview, meta: Meta) -> list[Part]:
    """Return the parts that replace boxes of one kind by one box; none where there is nothing to join."""
    boxes = [part for part in meta.in_iprp if part.kind == b"ipma"]
    kinds = [bytes(take(view, box.body, 4)) for box in boxes]
    place = meta.iprp
    if place is None or len({*kinds}) == len(kinds) or place.body - place.start != HEADER:
        return []
    if meta.in_iprp[-len(boxes) :] != boxes:
        return []
    groups: dict[bytes, Group] = {}
    for kind, box in zip(kinds, boxes, strict=True):
        if not _read(view, box, groups.setdefault(kind, {})):
            return []
    new = b"".join(_written(kind, group) for kind, group in groups.items())
    start, end = boxes[0].start, place.end
    size = (start + len(new) - place.start).to_bytes(4, "big")
    spare = end - start - len(new)
    free = spare.to_bytes(4, "big") + b"free" + bytes(spare - HEADER)
    return [Part(place.start, place.start + 4, size), Part(start, end, new + free)]


def _read(view: memoryview, box: Box, group: Group) -> bool:
    """Add the associations of a box to those of its kind; return False where an item would have them twice."""
    cursor = Cursor(view, box)
    size = 2 if cursor.flags & 1 else 1
    for _ in range(cursor.next(4)):
        item, count = cursor.next(4 if cursor.version else 2), cursor.next(1)
        if item in group:
            return False
        group[item] = bytes(take(cursor.view, cursor.at, size * count))
        cursor.at += size * count
    return True


def _written(kind: bytes, group: Group) -> bytes:
    """Return one box of a kind, its items sorted by their numbers."""
    wide, size = (4 if kind[0] else 2), (2 if kind[3] & 1 else 1)
    rows = b"".join(
        item.to_bytes(wide, "big") + bytes([len(group[item]) // size]) + group[item] for item in sorted(group)
    )
    body = kind + len(group).to_bytes(4, "big") + rows
    return (HEADER + len(body)).to_bytes(4, "big") + b"ipma" + body
