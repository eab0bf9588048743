"""Bytes into PostgreSQL and out by psycopg2, and how rows may hold them: `python -m benchmarks.micro.copy`."""

import itertools
import struct
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection, cursor

from benchmarks.database import running
from benchmarks.images import SIZES, noise_jpeg
from benchmarks.micro import Step, interleaved, print_rows

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)
TABLES = {
    "whole": "bytes bytea",
    "toasted": "bytes bytea",
    "pages": "place int, bytes bytea",
    "megabytes": "place int, bytes bytea",
}
CHUNKS = {"pages": 8000, "megabytes": 1_000_000}
numbers = itertools.count()


class Source:
    """Hands out views of what it was given, cut to the size that COPY asks for."""

    def __init__(self, *buffers: bytes | memoryview) -> None:
        self.buffers = [memoryview(buffer) for buffer in buffers]

    def read(self, size: int = -1, /) -> bytes:
        while self.buffers:
            piece, rest = self.buffers[0][:size], self.buffers[0][size:]
            if len(rest):
                self.buffers[0] = rest
            else:
                del self.buffers[0]
            if len(piece):
                return bytes(piece)
        return b""

    readline = read  # the stubs ask for it


class Sink:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


def new_key() -> bytes:
    return next(numbers).to_bytes(32)


def fields(key: bytes, *values: bytes) -> bytes:
    """The head of a COPY row, whose last field's bytes follow."""
    return (
        struct.pack(">hi", 2 + len(values), 32)
        + key
        + b"".join(struct.pack(">i", len(v)) + v for v in values)
    )


def copy_whole(to: cursor, table: str, data: bytes, size: int) -> None:
    head = SIGNATURE + fields(new_key()) + struct.pack(">i", len(data))
    to.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", Source(head, data, END), size=size)


def copy_chunks(to: cursor, table: str, data: bytes) -> None:
    key, view = new_key(), memoryview(data)
    parts: list[bytes | memoryview] = [SIGNATURE]
    for place, start in enumerate(range(0, len(data), CHUNKS[table])):
        piece = view[start : start + CHUNKS[table]]
        parts += [fields(key, place.to_bytes(4)) + struct.pack(">i", len(piece)), piece]
    to.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", Source(b"".join([*parts, END])), size=1 << 18)


def insert(to: cursor, table: str, data: bytes) -> None:
    to.execute(f"INSERT INTO {table} VALUES (%s, %s)", (new_key(), psycopg2.Binary(data)))


def copy_out(of: cursor, query: str, least: int) -> None:
    sink = Sink()
    of.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", sink)
    if len(b"".join(sink.pieces)) < least:
        raise RuntimeError("too little came out")


def select(of: cursor, query: str, least: int) -> None:
    of.execute(query)
    if sum(len(row[0]) for row in of.fetchall()) < least:
        raise RuntimeError("too little came out")


def in_transaction(base: connection, work: Callable[..., None], *arguments: object) -> None:
    with base, base.cursor() as own:
        work(own, *arguments)


def into(base: connection, data: bytes) -> dict[str, Step]:
    ways: dict[str, Step] = {"INSERT, parameter": partial(in_transaction, base, insert, "whole", data)}
    for name, size in (
        ("8 KB", 8192),
        ("64 KB", 65536),
        ("256 KB", 1 << 18),
        ("1 MB", 1 << 20),
        ("whole", 1 << 30),
    ):
        ways[f"COPY, size={name}"] = partial(in_transaction, base, copy_whole, "whole", data, size)
    ways["COPY, size=256 KB, default STORAGE"] = partial(
        in_transaction, base, copy_whole, "toasted", data, 1 << 18
    )
    ways["COPY, 8 KB rows"] = partial(in_transaction, base, copy_chunks, "pages", data)
    ways["COPY, 1 MB rows"] = partial(in_transaction, base, copy_chunks, "megabytes", data)
    return ways


def kept(number: int, table: str = "whole") -> str:
    """The query for one of the rows that were put there for the way out."""
    order = " ORDER BY place" if table in CHUNKS else ""
    return f"SELECT bytes FROM {table} WHERE key = '\\x{number:064x}'{order}"


def out(base: connection, least: int) -> dict[str, Step]:
    ways: dict[str, Step] = {"COPY": partial(in_transaction, base, copy_out, kept(0), least)}
    for number, table in enumerate(CHUNKS, 1):
        name = f"COPY, {'8 KB' if table == 'pages' else '1 MB'} rows"
        ways[name] = partial(in_transaction, base, copy_out, kept(number, table), least)
    return ways


def fresh_tables(base: connection) -> None:
    with base, base.cursor() as own:
        for table, columns in TABLES.items():
            key = "key, place" if table in CHUNKS else "key"
            own.execute(
                f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (key bytea, {columns}, PRIMARY KEY ({key}))"
            )
            if table != "toasted":
                own.execute(f"ALTER TABLE {table} ALTER COLUMN bytes SET STORAGE EXTERNAL")
            if table == "pages":
                own.execute("ALTER TABLE pages SET (toast_tuple_target = 8160)")
                own.execute("ALTER TABLE pages ALTER COLUMN bytes SET STORAGE MAIN")


def main() -> None:
    global numbers
    in_rows: dict[str, list[str]] = {}
    out_rows: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as url:
        base = psycopg2.connect(url)
        for size in SIZES.values():
            data = noise_jpeg(size)
            fresh_tables(base)
            numbers = itertools.count()
            with base, base.cursor() as own:  # keys 0, 1 and 2, for the way out
                copy_whole(own, "whole", data, 1 << 20)
                copy_chunks(own, "pages", data)
                copy_chunks(own, "megabytes", data)
            # SELECT by itself: what it does to the allocator slows down whoever comes next
            with_select: dict[str, Step] = {"SELECT": partial(in_transaction, base, select, kept(0), size)}
            for name, took in (interleaved(with_select, 0.4) | interleaved(out(base, size), 0.4)).items():
                out_rows.setdefault(name, []).append(f"{took:.2f}")
            for name, took in interleaved(into(base, data), 0.4, 8).items():
                in_rows.setdefault(name, []).append(f"{took:.2f}")
        base.close()
    print_rows("into PostgreSQL, one connection, durable, ms", list(SIZES), in_rows)
    print_rows("out of it, ms", list(SIZES), out_rows)


if __name__ == "__main__":
    main()
