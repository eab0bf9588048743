"""What a running Mayfly and its PostgreSQL take: memory, files, connections, and the room of each kind on the disk."""

from __future__ import annotations

import json
import os
import statistics
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg2

import embedded
from benchmarks.processes import cpu_seconds, memory, postmasters, tree
from tests.processes import Served
from tests.soak.visitors import Visitors

_SIZES = """
    SELECT coalesce(sum(pg_relation_size(oid)) FILTER (WHERE relname ~ '^(ciphertexts_|pk_ciphertexts_)'), 0),
        coalesce(sum(pg_relation_size(oid)) FILTER (WHERE relname ~ '^(images|pk_images|ix_images)'), 0),
        coalesce(sum(pg_relation_size(oid)) FILTER (WHERE relnamespace = 'pg_catalog'::regnamespace), 0),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') - 1,
        (SELECT count(*) FROM images WHERE expires_at > now())
    FROM pg_class WHERE relkind IN ('r', 'i', 't')
"""


@dataclass(frozen=True)
class Sample:
    """One look. Memory is PSS in bytes; ``disk`` is all of DATA_DIR, of which WAL and tables are parts."""

    seconds: float
    """Of load so far, that of earlier runs included."""
    run: int
    visits: int
    wrong: dict[str, int]
    upload_ms: float
    """Medians since the look before."""
    open_ms: float
    cpu_ms: float
    """Processor time of all processes for each visit since the look before."""
    living: int
    mayfly: int
    postgresql: int
    disk: int
    wal: int
    slots: int
    images: int
    catalogs: int
    files: int
    threads: int
    connections: int


class Watcher:
    """Looks at one server, its embedded PostgreSQL and its visitors."""

    def __init__(self, server: Served, data_dir: Path, visitors: Visitors, run: int) -> None:
        self._server, self._data_dir, self._visitors, self._run = server, data_dir, visitors, run
        self._before = (0, self._cpu())

    def look(self, seconds: float) -> Sample:
        """Take a sample ``seconds`` after the first beginning of the load."""
        ours, theirs = self._processes()
        everyone = [*ours, *theirs]
        slots, images, catalogs, connections, living = self._asked()
        visits, spent = self._visitors.visits, self._cpu()
        cpu_ms = (spent - self._before[1]) / max(1, visits - self._before[0]) * 1000
        self._before = visits, spent
        return Sample(
            seconds=round(seconds, 1),
            run=self._run,
            visits=visits,
            wrong=dict(self._visitors.wrong),
            upload_ms=self._median("upload"),
            open_ms=self._median("open"),
            cpu_ms=round(cpu_ms, 3),
            living=living,
            mayfly=memory(ours)[1],
            postgresql=memory(theirs)[1],
            disk=_taken(self._data_dir),
            wal=sum(_taken(folder) for folder in self._data_dir.rglob("pg_wal")),
            slots=slots,
            images=images,
            catalogs=catalogs,
            files=sum(_entries(pid, "fd") for pid in everyone),
            threads=sum(_entries(pid, "task") for pid in everyone),
            connections=connections,
        )

    def _processes(self) -> tuple[list[int], list[int]]:
        theirs = tree(postmasters(self._data_dir))
        return [pid for pid in tree([self._server.process.pid]) if pid not in theirs], theirs

    def _cpu(self) -> float:
        ours, theirs = self._processes()
        return cpu_seconds([*ours, *theirs])

    def _median(self, what: str) -> float:
        found = self._visitors.milliseconds[what]
        times, found[:] = list(found), []
        return round(statistics.median(times), 2) if times else 0.0

    def _asked(self) -> tuple[int, ...]:
        url = embedded.url(self._data_dir).replace("postgresql+psycopg2://", "postgresql://")
        connection = psycopg2.connect(url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(_SIZES)
                (row,) = cursor.fetchall()
                return tuple(map(int, row))
        finally:
            connection.close()


def _taken(folder: Path) -> int:
    """How many bytes the files of a folder take on the disk; those that go meanwhile count nothing."""
    total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(top) / name).lstat().st_blocks * 512
    return total


def _entries(pid: int, folder: str) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        return sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())
    return 0


def keep(path: Path, sample: Sample) -> None:
    """Add a sample to the file of all."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(sample)) + "\n")


def kept(path: Path) -> list[Sample]:
    """Read every sample of a file; none where there is no file."""
    if not path.exists():
        return []
    return [Sample(**json.loads(line)) for line in path.read_text().splitlines()]
