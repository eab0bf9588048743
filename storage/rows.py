"""Ciphertext in PostgreSQL, over COPY in its binary form: psycopg2's parameters would send each byte as two digits."""

# ruff: noqa: S608 - the names in statements come from the ring, and a row key is written in hexadecimal

from __future__ import annotations

import struct
from collections.abc import Callable

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from models import SLOTS, ciphertexts, raw_cursor
from storage.protocol import Bytes, CiphertextGone

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEAD = SIGNATURE + struct.pack(">ii", 0, 0)
FIELDS = struct.Struct(">h")
LENGTH = struct.Struct(">i")
TRAILER = FIELDS.pack(-1)
READ_SIZE = 256 * 1024
_FILLED = text(
    "SELECT slot FROM generate_series(0, :slots - 1) AS slot"
    " WHERE pg_relation_size(format('ciphertexts_%s', lpad(slot::text, 3, '0'))::regclass) > 0"
)


class RowStore:
    """One ``bytea`` row an image, in the table of its slot."""

    name = "rows"

    def put(self, connection: Connection, slot: int, row_key: bytes, sealed: Bytes) -> None:
        """Copy ``sealed`` into the slot's table within the caller's transaction."""
        head = HEAD + FIELDS.pack(2) + LENGTH.pack(len(row_key)) + row_key + LENGTH.pack(len(sealed))
        statement = f"COPY {ciphertexts(slot)} (row_key, sealed) FROM STDIN WITH (FORMAT binary)"
        with raw_cursor(connection) as cursor:
            cursor.copy_expert(statement, _Source(head, sealed, TRAILER), size=READ_SIZE)

    def fetch(self, connection: Connection, slot: int, row_key: bytes) -> memoryview:
        """Copy the sealed bytes out of the slot's table; raises CiphertextGone."""
        table = ciphertexts(slot)
        statement = f"COPY (SELECT sealed FROM {table} WHERE row_key = '\\x{row_key.hex()}') TO STDOUT (FORMAT binary)"
        sink = _Sink()
        with raw_cursor(connection) as cursor:
            cursor.copy_expert(statement, sink)
        return sink.field()

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Delete single rows of a slot within the caller's transaction."""
        connection.execute(
            text(f"DELETE FROM {ciphertexts(slot)} WHERE row_key = ANY(:keys)"), {"keys": row_keys}
        )

    def filled(self, connection: Connection) -> list[int]:
        """List the slots whose table takes any room, by the sizes of their files."""
        return list(connection.scalars(_FILLED, {"slots": SLOTS}))

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Truncate the slot's table: files are swapped, whatever their size.

        The lock is taken without waiting, so that nobody queues behind it. An upload that has copied into the slot
        holds it off until it commits, and then ``may_go`` sees its row.
        """
        table = ciphertexts(slot)
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


class _Source:
    """Hands buffers to psycopg2 slice by slice, without ever joining them."""

    def __init__(self, *buffers: Bytes) -> None:
        self._buffers = [memoryview(buffer) for buffer in buffers]

    def read(self, size: int) -> bytes:
        while self._buffers:
            piece, rest = self._buffers[0][:size], self._buffers[0][size:]
            if len(rest):
                self._buffers[0] = rest
            else:
                del self._buffers[0]
            if len(piece):
                return bytes(piece)
        return b""


class _Sink:
    """Takes what psycopg2 reads: the header and the trailer are small, the row comes in one piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def field(self) -> memoryview:
        # libpq hands over whole rows; the header comes with the first one, or on its own.
        data = memoryview(self._pieces[0])[len(HEAD) :] or memoryview(self._pieces[1])
        if FIELDS.unpack_from(data)[0] != 1:
            raise CiphertextGone
        length = LENGTH.unpack_from(data, FIELDS.size)[0]
        start = FIELDS.size + LENGTH.size
        return data[start : start + length]
