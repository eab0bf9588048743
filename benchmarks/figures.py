"""The results by cell, and their medians and ratios over all rounds."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks.load import Load
from benchmarks.postgres_alone import Loop
from benchmarks.processes import Cost

Cell = tuple[str, str, str, int]  # subject, "up" or "open", size, clients


@dataclass(frozen=True)
class Round:
    """The results of one cell in one round. Processor time and memory are the server's, including PostgreSQL."""

    requests: int
    rate: float
    bytes_rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    rss: int
    pss: int
    failed: int = 0
    generator_share: float = 0.0  # of one core


@dataclass
class Figures:
    cells: dict[Cell, list[Round]] = field(default_factory=lambda: defaultdict(list))
    settings: dict[str, str] = field(default_factory=dict)
    minutes: float = 0.0

    def add(self, cell: Cell, load: Load, spent: Cost) -> None:
        seconds = load.seconds or 1.0  # 0 if no request was answered
        speed = (load.rate, load.body_bytes / seconds, load.p50_ms, load.p99_ms)
        taken = (spent.cpu / max(load.requests, 1) * 1e3, spent.rss, spent.pss)
        share = load.generator_cpu_s / seconds
        self.cells[cell].append(Round(load.requests, *speed, *taken, load.failed, share))

    def add_loop(self, cell: Cell, loop: Loop, size: int) -> None:
        self.cells[cell].append(
            Round(loop.turns, loop.rate, loop.rate * size, loop.p50_ms, loop.p99_ms, 0, 0, 0)
        )

    def rounds(self, cell: Cell, what: str) -> list[float]:
        return [float(getattr(each, what)) for each in self.cells[cell]]

    def median(self, cell: Cell, what: str) -> float:
        return statistics.median(self.rounds(cell, what))

    def ratio(self, cell: Cell, to: Cell, what: str = "rate") -> float | None:
        """Return the median of the ratios of each round: the machine's speed drifts between rounds."""
        pairs = zip(self.rounds(cell, what), self.rounds(to, what), strict=True)
        ratios = [one / other for one, other in pairs if other]
        return statistics.median(ratios) if ratios else None

    def difference(self, cell: Cell, to: Cell, what: str = "p50_ms") -> float:
        pairs = zip(self.rounds(cell, what), self.rounds(to, what), strict=True)
        return statistics.median(one - other for one, other in pairs)

    def sizes(self) -> list[str]:
        return list(dict.fromkeys(cell[2] for cell in self.cells))

    def columns(self) -> list[tuple[str, str]]:
        """Return the columns of the tables: upload and open of each size."""
        return [(verb, size) for size in self.sizes() for verb in ("up", "open")]
