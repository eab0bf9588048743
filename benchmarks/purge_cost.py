"""What it costs to remove expired images: Mayfly's purge, and a bulk DELETE of as many bytea rows in one table."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection

import embedded
from app import migrate
from benchmarks.purge_expired import MEGABYTE, Images
from models import ciphertexts

PLAIN = """CREATE TABLE plain (key bytea PRIMARY KEY, expires_at timestamptz NOT NULL, bytes bytea NOT NULL);
CREATE INDEX ON plain (expires_at);
ALTER TABLE plain SET (autovacuum_enabled = false, toast.autovacuum_enabled = false)"""
REMOVED = re.compile(r"^tuples: (\d+) removed|(\d+) dead item identifiers", re.MULTILINE)
COPIED = "INSERT INTO plain SELECT row_key, now() - interval '1 second', sealed FROM {}"


@dataclass(frozen=True)
class Work:
    """Seconds, and bytes of WAL."""

    seconds: float
    wal: int


@dataclass(frozen=True)
class Case:
    """So many expired images of 1 MB in so many slots; ``fresh`` where no checkpoint came after their upload."""

    megabytes: int
    slots: int
    fresh: bool = False


@dataclass(frozen=True)
class Removal:
    """One removal, the VACUUM after it, and how many dead tuples that found."""

    removing: Work
    vacuum: Work
    dead: int


Results = dict[Case, list[tuple[Removal, Removal]]]  # by the purge, and by the DELETE


def measure(folder: Path, plan: list[Case]) -> Results:
    """Each case of the plan once, in its order, in one database."""
    results: Results = {}
    with embedded.running(folder):
        images = Images(folder)
        migrate(images.app)
        with images.base.cursor() as cursor:
            cursor.execute(PLAIN)
        for case in plan:
            print(f"removing {case}", flush=True)
            results.setdefault(case, []).append(both(images, case))
        images.close()
    return results


def both(images: Images, case: Case) -> tuple[Removal, Removal]:
    """Both ways to remove the same sealed bytes, one after the other."""
    slots = images.fill(case.megabytes, case.slots)
    with images.base.cursor() as cursor:
        for slot in slots:
            cursor.execute(COPIED.format(ciphertexts(slot)))
    images.expire(slots)
    images.settle(checkpoint=not case.fresh)
    # TRUNCATE writes the new names of the files into the catalog, which is vacuumed like any table.
    tables = ["images", "pg_class", *map(ciphertexts, slots)]
    by_purge = removal(images.base, lambda: purge(images, case), tables)
    images.settle(checkpoint=not case.fresh)
    return by_purge, removal(images.base, lambda: delete(images.base, case), ["plain"])


def purge(images: Images, case: Case) -> None:
    removed = images.app.purge()
    if removed != case.megabytes or images.filled():
        raise SystemExit(f"the purge removed {removed} of {case.megabytes} and left slots {images.filled()}")


def delete(base: connection, case: Case) -> None:
    with base.cursor() as cursor:
        cursor.execute("DELETE FROM plain WHERE expires_at <= now()")
        if cursor.rowcount != case.megabytes:
            raise SystemExit(f"the DELETE removed {cursor.rowcount} of {case.megabytes}")


def removal(base: connection, remove: Callable[[], None], tables: list[str]) -> Removal:
    removing = measured(base, remove)
    base.notices.clear()
    vacuum = measured(base, lambda: vacuumed(base, tables))
    return Removal(removing, vacuum, sum(map(dead_in, base.notices)))


def dead_in(notice: str) -> int:
    """Dead tuples of one table; whoever read a page before the VACUUM may have left no more of them than an item."""
    return max((int(count or items) for count, items in REMOVED.findall(notice)), default=0)


def vacuumed(base: connection, tables: list[str]) -> None:
    with base.cursor() as cursor:
        cursor.execute(f"VACUUM (VERBOSE) {', '.join(tables)}")


def measured(base: connection, call: Callable[[], None]) -> Work:
    before, began = inserted(base), time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    return Work(seconds, inserted(base) - before)


def bare_truncate(folder: Path, megabytes: int) -> float:
    """Seconds that the file system takes to truncate one file, which is what a purge can't be faster than."""
    path = folder / "bare"
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MEGABYTE))
        file.flush()
        os.fsync(file.fileno())
        began = time.perf_counter()
        file.truncate(0)
        seconds = time.perf_counter() - began
    path.unlink()
    return seconds


def inserted(base: connection) -> int:
    """Bytes of WAL since the cluster was made."""
    with base.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        (found,) = cursor.fetchall()
        return int(found[0])
