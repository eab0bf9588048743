"""Measures PostgreSQL alone, storing and fetching the same bytes by COPY: `python -m benchmarks.postgres_alone`."""

import multiprocessing
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection

import embedded
from benchmarks.images import SIZES, noise_jpeg

CONNECTIONS = 4
PIECE = 1 << 18  # what measures best, see docs/decisions/0012-steps-parse-seal-copy.md
HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">iihi", 0, 0, 2, 32)
SCHEMA = """DROP TABLE IF EXISTS alone;
CREATE TABLE alone (key bytea PRIMARY KEY, bytes bytea NOT NULL);
ALTER TABLE alone ALTER COLUMN bytes SET STORAGE EXTERNAL"""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run the embedded PostgreSQL with Mayfly's settings; yield its URL for libpq."""
    folder.mkdir(exist_ok=True)
    with embedded.running(folder) as url:
        yield url.replace("+psycopg2", "")


@dataclass(frozen=True)
class Loop:
    """The results of one loop: turns in all, turns of the slowest connection, duration, and latencies of a turn."""

    turns: int
    least: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.turns / self.seconds


class Bytes:
    """The bytes to store, whole and as the pieces of a COPY, which are made before the measurement."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        pieces = [whole[start : start + PIECE] for start in range(0, len(whole), PIECE)]
        self.pieces = [struct.pack(">i", len(whole)), *pieces, struct.pack(">h", -1)]

    def came_out(self, length: int) -> None:
        if length < len(self.whole):
            raise RuntimeError(f"{length} bytes came out of {len(self.whole)}")


class Source:
    """A file for psycopg2 to read one COPY row from."""

    def __init__(self, key: bytes, data: Bytes) -> None:
        self.pieces = iter([HEAD + key + data.pieces[0], *data.pieces[1:]])

    def read(self, _size: int = -1, /) -> bytes:
        return next(self.pieces, b"")

    readline = read  # psycopg2's type stubs need it


class Sink:
    def __init__(self) -> None:
        self.length = 0

    def write(self, piece: bytes) -> None:
        self.length += len(piece)


def key_of(worker: int, turn: int) -> bytes:
    return sha256(f"{worker}-{turn}".encode()).digest()


def copy_in(base: connection, data: Bytes, key: bytes) -> None:
    with base, base.cursor() as cursor:
        cursor.copy_expert("COPY alone FROM STDIN WITH (FORMAT binary)", Source(key, data), size=PIECE)


def copy_out(base: connection, data: Bytes, key: bytes) -> None:
    sink = Sink()
    with base, base.cursor() as cursor:
        cursor.copy_expert(
            f"COPY (SELECT bytes FROM alone WHERE key = '\\x{key.hex()}') TO STDOUT (FORMAT binary)", sink
        )
    data.came_out(sink.length)


def insert(base: connection, data: Bytes, key: bytes) -> None:
    with base, base.cursor() as cursor:
        cursor.execute("INSERT INTO alone VALUES (%s, %s)", (key, data.whole))


def select(base: connection, data: Bytes, key: bytes) -> None:
    with base, base.cursor() as cursor:
        cursor.execute("SELECT bytes FROM alone WHERE key = %s", (key,))
        (row,) = cursor.fetchall()
    data.came_out(len(row[0]))


STATEMENTS: dict[str, Callable[[connection, Bytes, bytes], None]] = {
    "copy_in": copy_in,
    "copy_out": copy_out,
    "insert": insert,
    "select": select,
}


def turns(
    url: str, statement: str, size: int, seconds: float, kept: int, worker: int
) -> tuple[list[float], float]:
    """Run the loop of one connection: over the keys of `kept` existing rows, or with a new key in each turn."""
    data, work = Bytes(noise_jpeg(size)), STATEMENTS[statement]
    times: list[float] = []
    base = psycopg2.connect(url)
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        key = key_of(worker, len(times) % kept if kept else len(times))
        start = time.perf_counter()
        work(base, data, key)
        times.append(time.perf_counter() - start)
    took = time.perf_counter() - begun
    base.close()
    return times, took


def loop(
    url: str, statement: str, size: int, seconds: float, kept: int = 0, connections: int = CONNECTIONS
) -> Loop:
    """Run the same loop on each connection, each in its own process, since Python's global lock would limit threads."""
    noise_jpeg(size)  # cached before the fork
    with multiprocessing.get_context("fork").Pool(connections) as pool:
        work = partial(turns, url, statement, size, seconds, kept)
        results = pool.map(work, range(connections), chunksize=1)
    times = [each for worker, _ in results for each in worker]
    rate = sum(len(worker) / took for worker, took in results)
    times.sort()
    late = times[max(0, -(-99 * len(times) // 100) - 1)]
    least = min(len(worker) for worker, _ in results)
    return Loop(len(times), least, len(times) / rate, statistics.median(times) * 1e3, late * 1e3)


def in_and_out(
    url: str,
    size: int,
    seconds: float,
    names: tuple[str, str] = ("copy_in", "copy_out"),
    connections: int = CONNECTIONS,
) -> tuple[Loop, Loop]:
    """Measure uploads into an empty table, then opens of what was uploaded."""
    with psycopg2.connect(url) as base, base.cursor() as cursor:
        cursor.execute(SCHEMA)
    base.close()
    into = loop(url, names[0], size, seconds, 0, connections)
    return into, loop(
        url, names[1], size, seconds, into.least, connections
    )  # each process has stored so many rows


def settings(url: str) -> dict[str, str]:
    """Return the server's version, and the settings on which durability and speed depend."""
    names = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level"]
    names += ["shared_buffers", "max_wal_size", "min_wal_size", "checkpoint_timeout", "wal_compression"]
    base = psycopg2.connect(url)
    with base.cursor() as cursor:
        cursor.execute("SELECT name, current_setting(name) FROM unnest(%s) AS name", (names,))
        found = dict(cursor.fetchall())
    base.close()
    return found


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as url:
        for name, size in SIZES.items():
            into, out = in_and_out(url, size, seconds)
            print(f"{name}: {into.rate:,.1f} uploads/s, {out.rate:,.1f} opens/s")


if __name__ == "__main__":
    main()
