"""What SURVIVE_CRASH=false saves: `python -m benchmarks.unlogged [rounds]`, both servers up at once, in turns."""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

import embedded
from benchmarks.images import SIZES, noise_jpeg
from benchmarks.load import Generator
from benchmarks.processes import postmasters, tree
from benchmarks.subjects import Served, mayfly

UPLOADS = {"100 KB": 100, "1 MB": 30}
CLIENTS, OPENING_SECONDS = 8, 0.7
FIGURES = ("workers, ms", "PostgreSQL, ms", "all, ms", "WAL, KB", "a second")
Round = tuple[float, ...]


@dataclass(frozen=True)
class Subject:
    """A running Mayfly and its folder."""

    served: Served
    folder: Path

    def spent(self) -> tuple[float, float]:
        """Processor time so far, in seconds: of Mayfly's processes, and of PostgreSQL's."""
        database = set(tree(postmasters(self.folder)))
        mine = set(tree(self.served.roots)) - database
        return _seconds(mine), _seconds(database)

    def wal(self) -> int:
        """How many bytes of WAL were written since the cluster was made."""
        url = embedded.url(self.folder).replace("+psycopg2", "")
        with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            found: Any = cursor.fetchone()
            return int(found[0])


def _seconds(pids: set[int]) -> float:
    spent = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            spent += sum(
                int((task / "schedstat").read_text().split()[0])
                for task in Path(f"/proc/{pid}/task").iterdir()
            )
    return spent / 1e9


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        subjects = {}
        for survives in ("true", "false"):
            folder = Path(temporary) / survives
            served = stack.enter_context(mayfly(folder, SURVIVE_CRASH=survives))
            subjects[survives] = Subject(served, folder)
        generator = Generator(Path(temporary))
        for size, uploads in UPLOADS.items():
            cells: dict[tuple[str, str], list[Round]] = defaultdict(list)
            for turn in range(rounds + 1):
                order = list(subjects) if turn % 2 else list(reversed(subjects))
                for name in order:
                    for verb, figures in measured(generator, subjects[name], size, uploads):
                        if turn:  # the first one warms up
                            cells[verb, name].append(figures)
            show(size, cells)


def measured(generator: Generator, subject: Subject, size: str, uploads: int) -> Iterator[tuple[str, Round]]:
    """One round of uploads and one of opens: the figures of one request."""
    image, links, port = noise_jpeg(SIZES[size]), generator.folder / "links", subject.served.port
    upload = generator.upload(image)
    for verb in ("up", "open"):
        before, wal = subject.spent(), subject.wal()
        if verb == "up":
            load = generator.post(port, CLIENTS, 120, [upload], links, uploads)
        else:
            load = generator.get(port, CLIENTS, OPENING_SECONDS, links, len(image))
        assert not load.failed, load
        workers, database = (
            (after - earlier) / load.requests * 1e3
            for after, earlier in zip(subject.spent(), before, strict=True)
        )
        written = (subject.wal() - wal) / load.requests / 1e3
        yield verb, (workers, database, workers + database, written, load.rate)


def show(size: str, cells: dict[tuple[str, str], list[Round]]) -> None:
    """Print medians, and the median of each figure's ratios within the rounds."""
    for verb in ("up", "open"):
        survives, ends = cells[verb, "true"], cells[verb, "false"]
        for number, figure in enumerate(FIGURES):
            pairs = [(one[number], other[number]) for one, other in zip(survives, ends, strict=True)]
            ratios = sorted(other / one for one, other in pairs if one)
            medians = [statistics.median(values) for values in zip(*pairs, strict=True)]
            ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
            sys.stdout.write(
                f"| {verb} {size} | {figure} | {medians[0]:.2f} | {medians[1]:.2f} | {ratio} |\n"
            )


if __name__ == "__main__":
    main()
