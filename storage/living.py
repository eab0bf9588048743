"""Fetches the row of a living image and, if it is small, its sealed bytes, in one round trip.

The function ``living_image`` in the database returns them; PostgreSQL plans its queries once for each connection. A
second round trip would make an open cost 10 % more.
"""

# ruff: noqa: S608 - the statement contains only names of columns, a number and hexadecimal digits

from __future__ import annotations

import struct

from sqlalchemy import Connection

from models import ROW_COLUMNS, ImageRow, raw_cursor
from storage.rows import FIELDS, HEAD, LENGTH

# In the binary format each value follows its length, which has four bytes. Columns of a fixed length come first.
FIXED = {name: column["binary"] for name, column in ROW_COLUMNS.items() if column["binary"]}
_START = struct.Struct(">h" + "".join(f"i{kind}" for kind in FIXED.values()))
_COLUMNS = ", ".join((*FIXED, "store", "details", "sealed"))
NO_LIMIT = -1
PART_HEAD = FIELDS.size + (len(FIXED) + 3) * LENGTH.size
"""How many bytes precede a part of the sealed bytes in its row: the row's header, the columns of the image, which are
NULL in such a row, and the length of the part."""


def find_living(
    connection: Connection, row_key: bytes, most: int
) -> tuple[ImageRow, bytearray | None] | None:
    """Find an image that lives by the database's clock; None if it is missing, has expired or has no view left.

    The sealed bytes are returned, too, if the image has at most ``most`` bytes, its views are not limited, and the
    bytes are in this database; else None stands for them.
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
    """Receives the result from psycopg2, one row at a time: the image's row, rows of sealed bytes, and the trailer."""

    def __init__(self) -> None:
        self.row: bytes | None = None
        self.sealed = bytearray()

    def write(self, piece: bytes) -> None:
        if self.row is None:
            # The format's header comes together with the first row, or with the trailer if there is no row.
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
