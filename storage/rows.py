"""Ciphertext in PostgreSQL, over COPY in its binary form: psycopg2's parameters would send each byte as two digits."""

# ruff: noqa: S608 - the names in statements are those of our own tables, and a row key is written in hexadecimal

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

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
PART = struct.Struct(">ih")
TRAILER = FIELDS.pack(-1)
ROW_BYTES = 8092
"""How many sealed bytes fit into a page of 8192 bytes, beside the headers, the row key and the part number."""
SMALL = 32 * ROW_BYTES
"""A piece of up to so many bytes is cut into rows that fill a page: storing it takes half the work, and fetching it no
more. A larger piece is one row, which PostgreSQL itself cuts up (TOAST): storing it takes more work, and fetching it
less, since psycopg2 reads few rows then."""
READ_SIZE = 256 * 1024
_FILLED = text(
    "SELECT slot FROM generate_series(0, :slots - 1) AS slot"
    " WHERE pg_relation_size(format('%s_%s', CAST(:ring AS text), lpad(slot::text, 3, '0'))::regclass) > 0"
)


class RowStore:
    """``bytea`` rows of a page or of a piece, in the table of the image's slot.

    PostgreSQL holds a field in memory several times over. Cut into pieces, an image takes no more of that memory than a
    piece does, however large it is.
    """

    in_database = True

    def __init__(self, *, survives_crash: bool = True) -> None:
        """Keep sealed bytes in tables that PostgreSQL logs, or in those that it empties when it recovers from a crash.

        What is lost with a crash needn't be on the disk before an upload is answered.
        """
        self.name = "rows" if survives_crash else "unlogged"
        self._ring = LOGGED if survives_crash else UNLOGGED
        self._first = b"" if survives_crash else b"SET LOCAL synchronous_commit = off"

    def slot(self, ring_slot: int, _expires_at: float) -> int:
        """Return the number of the slot's table, which the row knows."""
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
        """Copy the pieces of one image into the slot's table; as ``put_all``."""
        self.put_all(connection, slot, [(row_key, pieces)], before, after)

    def put_all(
        self,
        connection: Connection,
        slot: int,
        images: Iterable[tuple[bytes, Iterable[Bytes]]],
        before: bytes = b"",
        after: bytes = b"",
    ) -> None:
        """Copy images, each a row key and its pieces, with statements ``before``, such as their INSERTs, and ``after``.

        All are one message, which PostgreSQL runs as one transaction: all take effect, or none does, in one round
        trip instead of five.
        """
        copy = f"COPY {self._table(slot)} (row_key, part, sealed) FROM STDIN WITH (FORMAT binary)"
        with raw_cursor(connection) as cursor:
            source = _Source(_framed(images))
            cursor.copy_expert(
                b";".join(filter(None, (self._first, before, copy.encode(), after))), source, size=READ_SIZE
            )

    def fetch(self, connection: Connection, slot: int, row_key: bytes, size: int) -> memoryview | bytearray:
        """Copy the sealed bytes out of the slot's table; raises CiphertextGone."""
        rows = f"SELECT sealed FROM {self._table(slot)} WHERE row_key = '\\x{row_key.hex()}' ORDER BY part"
        sink = _FetchedBytes(size)
        with raw_cursor(connection) as cursor:
            cursor.copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT binary)", sink)
        if sink.missing:
            raise CiphertextGone
        return sink.sealed

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Delete single rows of a slot within the caller's transaction."""
        connection.execute(
            text(f"DELETE FROM {self._table(slot)} WHERE row_key = ANY(:keys)"), {"keys": row_keys}
        )

    def filled(self, connection: Connection) -> list[int]:
        """List the slots whose table takes any room, by the sizes of their files."""
        return list(connection.scalars(_FILLED, {"ring": self._ring, "slots": SLOTS}))

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Truncate the slot's table, which costs the same whatever is in it.

        The lock is taken without waiting, since other statements would queue behind a lock that waits. Where an upload
        has copied into the slot, the lock is refused until that upload commits; then ``may_go`` sees its row.
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


def _framed(images: Iterable[tuple[bytes, Iterable[Bytes]]]) -> Iterator[Bytes]:
    """Write the pieces as rows of the binary format, each piece as it is asked for."""
    head = HEAD
    for row_key, pieces in images:
        start = ROW.pack(3, len(row_key)) + row_key
        part = 0
        for piece in pieces:
            source = memoryview(piece)
            if len(source) > SMALL:
                yield head + start + PART.pack(2, part) + LENGTH.pack(len(source))
                yield source
                part += 1
            else:
                framed: list[Bytes] = [head]
                for at in range(0, len(source), ROW_BYTES):
                    row = source[at : at + ROW_BYTES]
                    framed += (start, PART.pack(2, part), LENGTH.pack(len(row)), row)
                    part += 1
                yield b"".join(framed)
            head = b""
    yield head + TRAILER


class _Source:
    """Hands what an iterator yields to psycopg2, slice by slice, without ever joining it."""

    def __init__(self, buffers: Iterator[Bytes]) -> None:
        self._buffers = buffers
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._buffers, b""))
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)


class _FetchedBytes:
    """Takes what psycopg2 reads, and joins the one field of each row; ``missing`` counts the bytes still to come.

    A field that is all of the sealed bytes is kept as psycopg2 read it.
    """

    def __init__(self, size: int) -> None:
        self.sealed: memoryview | bytearray = bytearray()
        self.missing = size
        self._header = len(HEAD)

    def write(self, piece: bytes) -> None:
        # libpq hands over one whole row at a time; the header comes with the first one, or on its own.
        field = memoryview(piece)[self._header :][FIELDS.size + LENGTH.size :]
        self._header = max(0, self._header - len(piece))
        if len(field) == self.missing and not self.sealed:
            self.sealed = field
        elif isinstance(self.sealed, bytearray):
            self.sealed += field
        self.missing -= len(field)
