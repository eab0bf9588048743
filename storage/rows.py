"""Sealed bytes in PostgreSQL. They go in and out by COPY in its binary format.

As parameters of a statement, psycopg2 would send each byte as two hexadecimal digits.
"""

# ruff: noqa: S608 - the statements contain only names of our own tables and row keys in hexadecimal

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from models import LOGGED, SLOTS, UNLOGGED, ciphertexts, raw_cursor
from storage.protocol import Bytes, CiphertextGone

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEAD = SIGNATURE + struct.pack(">ii", 0, 0)
FIELDS = struct.Struct(">h")
LENGTH = struct.Struct(">i")
ROW = struct.Struct(">hi")
PART = struct.Struct(">ihi")
TRAILER = FIELDS.pack(-1)
ROW_BYTES = 8092
"""How many sealed bytes fit into a page of 8192 bytes beside its headers, the row key and the part number."""
ROWS_AT_ONCE = 32
"""So many rows, 256 KB, go to PostgreSQL in one message, and come from it joined to one row, since each message costs
either side time. With more rows, a connection would keep larger buffers."""
_FILLED = text(
    "SELECT slot FROM generate_series(0, :slots - 1) AS slot"
    " WHERE pg_relation_size(format('%s_%s', CAST(:ring AS text), lpad(slot::text, 3, '0'))::regclass) > 0"
)


class RowStore:
    """Stores sealed bytes as ``bytea`` rows in the table of the image's slot; each row fills a page.

    PostgreSQL would split a longer field itself, into chunks of 2 KB with an index of their own (TOAST), which makes an
    upload of 1 MB cost half as much again.
    """

    in_database = True

    def __init__(self, *, survives_crash: bool = True) -> None:
        """Use the logged tables, or, with ``survives_crash=False``, the unlogged ones.

        Without them an upload is answered before its commit is on the disk, since a crash would lose the image anyway.
        """
        self.name = "rows" if survives_crash else "unlogged"
        self._ring = LOGGED if survives_crash else UNLOGGED
        self._first = b"" if survives_crash else b"SET LOCAL synchronous_commit = off"

    def slot(self, ring_slot: int, _expires_at: float) -> int:
        """Return ``images.slot``, which is the number of the slot's table."""
        return ring_slot

    def put(
        self,
        connection: Connection,
        slot: int,
        row_key: bytes,
        pieces: Iterable[Bytes],
        before: bytes = b"",
        after: bytes = b"",
    ) -> None:
        """Store the pieces of one image, as ``put_all`` does."""
        self.put_all(connection, slot, [(row_key, pieces)], before, after)

    def put_all(
        self,
        connection: Connection,
        slot: int,
        images: Iterable[tuple[bytes, Iterable[Bytes]]],
        before: bytes = b"",
        after: bytes = b"",
    ) -> None:
        """Store images, each given by its row key and its pieces; the statements ``before`` and ``after`` run with
        them.

        All of it is one message, which PostgreSQL runs as one transaction in one round trip instead of five.
        """
        copy = f"COPY {self._table(slot)} (row_key, part, sealed) FROM STDIN WITH (FORMAT binary)"
        with raw_cursor(connection) as cursor:
            statements = filter(None, (self._first, before, copy.encode(), after))
            cursor.copy_expert(b";".join(statements), _Source(_framed(images)))

    def fetch(self, connection: Connection, slot: int, row_key: bytes, size: int) -> bytearray:
        """Return the ``size`` sealed bytes of an image; raises CiphertextGone."""
        sink = _FetchedBytes()
        with raw_cursor(connection) as cursor:
            cursor.copy_expert(f"COPY ({self.query(slot, row_key, size)}) TO STDOUT (FORMAT binary)", sink)
        if len(sink.sealed) != size:
            raise CiphertextGone
        return sink.sealed

    def query(self, slot: int, row_key: bytes, size: int) -> str:
        """Return the query that ``fetch`` sends; of a large image it joins ROWS_AT_ONCE rows to one."""
        image = f"FROM {self._table(slot)} WHERE row_key = '\\x{row_key.hex()}'"
        if size <= ROWS_AT_ONCE * ROW_BYTES:
            return f"SELECT sealed {image} ORDER BY part"
        rows = f"SELECT sealed {image} AND part >= first AND part < first + {ROWS_AT_ONCE} ORDER BY part"
        return (
            f"SELECT (SELECT string_agg(sealed, '') FROM ({rows}) AS rows)"
            f" FROM generate_series(0, (SELECT max(part) {image}), {ROWS_AT_ONCE}) AS first"
        )

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Delete the sealed bytes of some images of a slot, within the caller's transaction."""
        connection.execute(
            text(f"DELETE FROM {self._table(slot)} WHERE row_key = ANY(:keys)"), {"keys": row_keys}
        )

    def filled(self, connection: Connection) -> list[int]:
        """List the slots whose table is not empty, by the size of its file."""
        return list(connection.scalars(_FILLED, {"ring": self._ring, "slots": SLOTS}))

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Truncate the slot's table, unless the lock is not free or ``may_go`` returns False; return whether it did.

        This does not wait for the lock, because other statements would queue behind a waiting lock. While an upload
        into the slot is not committed, the lock is not free; after the commit ``may_go`` sees the row of the upload.
        """
        table = self._table(slot)
        try:
            connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT"))
        except OperationalError as error:
            if isinstance(error.orig, LockNotAvailable):
                return False
            raise
        if not may_go():
            return False
        connection.execute(text(f"TRUNCATE {table}"))
        return True

    def _table(self, slot: int) -> str:
        return ciphertexts(slot, self._ring)


def _framed(images: Iterable[tuple[bytes, Iterable[Bytes]]]) -> Iterator[bytes]:
    """Yield the pieces as rows of the binary format, at most ROWS_AT_ONCE together; a piece is sealed when needed."""
    head = HEAD
    for row_key, pieces in images:
        start, parts = ROW.pack(3, len(row_key)) + row_key, count()
        for piece in pieces:
            for group in _slices(memoryview(piece), ROWS_AT_ONCE * ROW_BYTES):
                framed: list[Bytes] = [head]
                for row in _slices(group, ROW_BYTES):
                    framed += (start, PART.pack(2, next(parts), len(row)), row)
                yield b"".join(framed)
                head = b""
    yield head + TRAILER


def _slices(whole: memoryview, size: int) -> Iterator[memoryview]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


class _Source:
    """A file for psycopg2 to read from: each call returns what ``_framed`` yields next, whatever size is asked for."""

    def __init__(self, rows: Iterator[bytes]) -> None:
        self._rows = rows

    def read(self, _size: int) -> bytes:
        return next(self._rows, b"")


class _FetchedBytes:
    """A file for psycopg2 to write to; it joins the single field of each row."""

    def __init__(self) -> None:
        self.sealed = bytearray()
        self._header = len(HEAD)

    def write(self, piece: bytes) -> None:
        # libpq passes one whole row at a time. The format's header comes with the first row, or alone.
        self.sealed += memoryview(piece)[self._header :][FIELDS.size + LENGTH.size :]
        self._header = max(0, self._header - len(piece))
