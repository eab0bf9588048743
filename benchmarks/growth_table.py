"""What was measured beside so many living images, and the table of docs/measurements/growth.md."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import number, table

TITLES = {"p50": "median, ms", "p99": "p99, ms", "cpu": "processor, ms", "wal": "WAL, KB"}
LEAST = 1.5
"""A line whose figures are all under this says nothing: it is left out."""


@dataclass(frozen=True)
class Measured:
    """One round of one kind of request; milliseconds."""

    round: int
    living: int
    what: str
    p50: float
    p99: float
    cpu: float
    """Processor time of a request, or of a whole purge: all processes of the server, its PostgreSQL included."""
    wal: float
    """KB that PostgreSQL writes ahead for each of them."""


def read(path: Path) -> list[Measured]:
    return [Measured(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def report(entries: list[Measured]) -> str:
    """Medians over the rounds, and medians of each round's ratio to the fewest images."""
    numbers = sorted({entry.living for entry in entries})
    rows = []
    for what in dict.fromkeys(entry.what for entry in entries):
        for field, title in TITLES.items():
            found = {
                living: {e.round: getattr(e, field) for e in entries if (e.living, e.what) == (living, what)}
                for living in numbers
            }
            if (
                max(value for values in found.values() for value in values.values()) < LEAST
                and field == "wal"
            ):
                continue
            least = found[numbers[0]]
            cells = [number(statistics.median(values.values())) for values in found.values()]
            ratios = [ratio(values, least) for values in list(found.values())[1:]]
            rows.append([what, title, *cells, *map(number, ratios)])
    head = ["", "", *(f"{living:,}" for living in numbers), *(f"{living:,} ×" for living in numbers[1:])]
    return table(head, rows)


def ratio(values: dict[int, float], least: dict[int, float]) -> float | None:
    """The median of the rounds' ratios; None where there is nothing to compare with."""
    ratios = [value / least[turn] for turn, value in values.items() if least[turn]]
    return statistics.median(ratios) if ratios else None
