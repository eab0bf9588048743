"""Fetches the row of a living image and, where the image is small, its sealed bytes, in one round trip.

PostgreSQL's function ``living_image`` returns them; its queries are planned once for each connection. A second round
trip would make an open cost 10 % more.
"""

# ruff: noqa: S608 - what stands in the statement is a number and hexadecimal

from __future__ import annotations

import struct

from sqlalchemy import Connection

from models import ROW_COLUMNS, ImageRow, raw_cursor
from storage.rows import FIELDS, HEAD, LENGTH

# In the binary format each column stands behind its length, four bytes. Those with a fixed length are asked for first.
FIXED = {name: column["binary"] for name, column in ROW_COLUMNS.items() if column["binary"]}
_START = struct.Struct(">h" + "".join(f"i{kind}" for kind in FIXED.values()))
_COLUMNS = ", ".join((*FIXED, "store", "details", "sealed"))
NO_LIMIT = -1
PART_HEAD = FIELDS.size + (len(FIXED) + 3) * LENGTH.size
"""How many bytes stand before a part of the sealed bytes: the head of its row, the image's fields, which are NULL then,
and its own length."""


def find_living(
    connection: Connection, row_key: bytes, most: int
) -> tuple[ImageRow, bytearray | None] | None:
    """Find an image that lives by the database's clock; None for one that is missing or expired alike.

    Its sealed bytes come along if the image has at most ``most`` bytes, its views are not limited, and they are there.
    """
    sink = _LivingImage()
    with raw_cursor(connection) as cursor:
        cursor.copy_expert(
            f"COPY (SELECT {_COLUMNS} FROM living_image('\\x{row_key.hex()}', {most})) TO STDOUT (FORMAT binary)",
            sink,
        )
    if sink.row is None:
        return None
    return _row(row_key, sink.row), sink.sealed or None


class _LivingImage:
    """Takes what psycopg2 reads, a row at a time: the image's, then the parts, then the end."""

    def __init__(self) -> None:
        self.row: bytes | None = None
        self.sealed = bytearray()

    def write(self, piece: bytes) -> None:
        if self.row is None:
            # The format's header comes with the first row, or with the end where there is none.
            row = piece[len(HEAD) :]
            self.row = row if len(row) > FIELDS.size else None
        elif len(piece) > FIELDS.size:
            self.sealed += memoryview(piece)[PART_HEAD:]


def _row(row_key: bytes, row: bytes) -> ImageRow:
    found = dict(zip(FIXED, _START.unpack_from(row)[2::2], strict=True))
    if found["views_left"] == NO_LIMIT:
        found["views_left"] = None
    store, at = _field(row, _START.size)
    details, _ = _field(row, at)
    return ImageRow(row_key=row_key, store=store.decode(), details=details, **found)


def _field(row: bytes, at: int) -> tuple[bytes, int]:
    start = at + LENGTH.size
    end = start + LENGTH.unpack_from(row, at)[0]
    return row[start:end], end
