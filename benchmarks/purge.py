"""Measures what it costs to remove expired images, by the purge and by a `DELETE` of the same bytes.

`python -m benchmarks.purge [--runs N] [--megabytes N ...]` prints the table of docs/measurements/purge.md.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

import embedded
from app import Mayfly, create_app, migrate
from benchmarks.images import noise_jpeg
from benchmarks.report import number, table
from config import Config
from models import ciphertexts, slot_of
from models.ciphertext import SHORTEST_SPAN

MEGABYTE = 1_000_000
SLOTS_FILLED = 10  # as many as five minutes of uploads fill
FIRST = 900  # seconds from now until the first image would expire
PLAIN = """CREATE TABLE plain (key bytea PRIMARY KEY, expires_at timestamptz NOT NULL, bytes bytea NOT NULL);
CREATE INDEX ON plain (expires_at);
ALTER TABLE plain SET (autovacuum_enabled = false, toast.autovacuum_enabled = false)"""
COPIED = "INSERT INTO plain SELECT row_key, now() - interval '1 second', sealed FROM {}"
EXPIRED = """UPDATE images SET expires_at = now(), created_at = now() - interval '5 minutes'
WHERE slot = ANY(%s)"""


@dataclass(frozen=True)
class Cost:
    """The cost of a statement: its duration in seconds, and its WAL in bytes."""

    seconds: float
    wal: int


Removal = tuple[Cost, Cost]  # of the removal, and of the VACUUM after it


WAYS = ("purge", "`DELETE`")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--megabytes", type=int, nargs="+", default=[10, 100, 1000])
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name, embedded.running(Path(name)):
        app = create_app(Config(data_dir=Path(name), purge_interval=0))
        migrate(app)
        base = administrator(Path(name))
        execute(base, PLAIN)
        for megabytes in chosen.megabytes:
            runs = [both(app, base, megabytes) for _ in range(chosen.runs)]
            rows += [
                row(f"{megabytes} MB", way, found)
                for way, found in zip(WAYS, zip(*runs, strict=True), strict=True)
            ]
        base.close()
        app.shards.home.engine.dispose()
    print(table(["", "", "remove, ms", "WAL, MB", "VACUUM, ms", "its WAL, MB"], rows))


def administrator(data_dir: Path) -> connection:
    """Connect as the embedded server's superuser, who may run CHECKPOINT."""
    url = embedded.url(data_dir).replace("postgresql+psycopg2://mayfly@", "postgresql://postgres@")
    base = psycopg2.connect(url)
    base.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return base


def execute(base: connection, statement: str, *values: object) -> int:
    """Run a statement, and return how many rows it changed."""
    with base.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.rowcount


def both(app: Mayfly, base: connection, megabytes: int) -> tuple[Removal, Removal]:
    """Remove the same sealed bytes by the purge, then by the `DELETE`, each after a checkpoint."""
    slots = fill(app, megabytes)
    for slot in slots:
        execute(base, COPIED.format(ciphertexts(slot)))
    execute(base, EXPIRED, slots)
    # TRUNCATE writes the new names of the files into the catalog, which is vacuumed like any table.
    touched = ["images", "pg_class", *map(ciphertexts, slots)]
    by_purge = removal(base, app.purge, touched, megabytes)
    delete = "DELETE FROM plain WHERE expires_at <= now()"
    return by_purge, removal(base, lambda: execute(base, delete), ["plain"], megabytes)


def fill(app: Mayfly, count: int) -> list[int]:
    """Upload `count` images of 1 MB, evenly over SLOTS_FILLED slots; return the numbers of the slots."""
    begin = (int(time.time()) + FIRST) // SHORTEST_SPAN
    ends = [int((begin + turn + 0.5) * SHORTEST_SPAN) for turn in range(SLOTS_FILLED)]
    client, image = app.test_client(), noise_jpeg(MEGABYTE)
    for turn in range(count):
        lifetime = ends[turn % SLOTS_FILLED] - int(time.time())
        answer = client.post(f"/upload?lifetime={lifetime}", data=image)
        if answer.status_code != 201:
            raise SystemExit(f"an upload was answered with {answer.status_code}: {answer.text}")
    return [slot_of(end, Config.max_lifetime) for end in ends]


def removal(base: connection, remove: Callable[[], int], tables: list[str], expected: int) -> Removal:
    def checked() -> None:
        if (removed := remove()) != expected:
            raise SystemExit(f"{removed} of {expected} images were removed")

    execute(base, "VACUUM images")
    execute(base, "CHECKPOINT")
    return measured(base, checked), measured(base, lambda: execute(base, f"VACUUM {', '.join(tables)}"))


def measured(base: connection, call: Callable[[], object]) -> Cost:
    before, began = inserted(base), time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    return Cost(seconds, inserted(base) - before)


def inserted(base: connection) -> int:
    """Return how many bytes of WAL were written since the cluster was made."""
    with base.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        (found,) = cursor.fetchall()
        return int(found[0])


def row(case: str, way: str, runs: tuple[Removal, ...]) -> list[str]:
    """Return a row of the table with the medians of the runs."""
    cells = []
    for works in zip(*runs, strict=True):
        cells.append(number(statistics.median(work.seconds for work in works) * 1e3))
        cells.append(number(statistics.median(work.wal for work in works) / 1e6))
    return [case, way, *cells]


if __name__ == "__main__":
    main()
