"""A living image's row and, where it is small, its sealed bytes, in one round trip.

PostgreSQL plans a function's questions once for each connection, and a second trip costs as much as a tenth of an open.
"""

# ruff: noqa: S608 - what stands in the statement is a number and hexadecimal

from __future__ import annotations

import struct
import time

from sqlalchemy import Connection

from models import ImageRow, raw_cursor
from storage.rows import FIELDS, HEAD, LENGTH

COLUMNS = """slot, size, views_left, created_at, expires_at,
    expires_at - extract(epoch FROM clock_timestamp())::float8, manage_tag, store, details, sealed"""
# The columns (the function's, migration 0005, and the seconds left), each behind its length of four bytes; the last
# three have no fixed one.
FIXED = struct.Struct(">h ih iq ih id id id i32s")
NO_LIMIT = -1
PART_HEAD = FIELDS.size + 10 * LENGTH.size
"""What stands before a part of the sealed bytes: nine fields that are NULL, and its own length."""


def find_living_whole(
    connection: Connection, row_key: bytes, most: int
) -> tuple[ImageRow, bytearray | None] | None:
    """Find an image that lives by the database's clock; None for one that is missing or expired alike.

    Its sealed bytes come along if the image has at most ``most`` bytes, its views are not limited, and they are there.
    """
    sink, asked_at = _Sink(), time.monotonic()
    with raw_cursor(connection) as cursor:
        cursor.copy_expert(
            f"COPY (SELECT {COLUMNS} FROM living_image('\\x{row_key.hex()}', {most}))"
            " TO STDOUT (FORMAT binary)",
            sink,
        )
    if sink.row is None:
        return None
    return _row(row_key, sink.row, asked_at), sink.sealed or None


class _Sink:
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


def _row(row_key: bytes, row: bytes, asked_at: float) -> ImageRow:
    _, _, slot, _, size, _, views, _, created_at, _, expires_at, _, left, _, manage_tag = FIXED.unpack_from(
        row
    )
    store, at = _field(row, FIXED.size)
    details, _ = _field(row, at)
    return ImageRow(
        row_key=row_key,
        manage_tag=manage_tag,
        store=store.decode(),
        slot=slot,
        size=size,
        views_left=None if views == NO_LIMIT else views,
        created_at=created_at,
        expires_at=expires_at,
        details=details,
        ends_at=asked_at + left,
    )


def _field(row: bytes, at: int) -> tuple[bytes, int]:
    start = at + LENGTH.size
    end = start + LENGTH.unpack_from(row, at)[0]
    return row[start:end], end
