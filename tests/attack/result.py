"""The result of an attack, and whether the server stayed within the bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config import Config
from tests import memory_formula
from tests.attack.others import PATIENCE_SECONDS, Seen
from tests.attack.registry import Attack

MIB = 2**20
SERVED = {200, 201}
WORKERS = 2
"""Server processes of a Mayfly that is attacked."""


@dataclass(frozen=True)
class Bounds:
    """The bounds: seconds of others' requests at the 99th percentile, and bytes of memory of the processes."""

    others: float
    healthz: float
    worker: int = field(default=memory_formula.worker(Config()))
    sandboxes: int = field(default=memory_formula.sandboxes(Config(workers=WORKERS)))


STRICT = Bounds(others=1.0, healthz=0.1)
GENEROUS = Bounds(others=8.0, healthz=4.0)
"""For the short form, on a machine that may be busy; requests that are refused or not answered are still counted."""


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak: of the main process, of the largest worker, of all sandboxes together."""

    main: int
    worker: int
    sandboxes: int


@dataclass(frozen=True)
class Result:
    """An attack, what the attackers counted, what others met, and the memory where it could be seen."""

    attack: Attack
    tried: int
    statuses: Mapping[str, int]
    wrong: Sequence[str]
    others: Seen
    healthz: Seen
    memory: Memory | None

    @property
    def refused(self) -> int:
        """Requests of others that got an answer other than was due."""
        return sum(status > 0 and status not in SERVED for _, status in self.others + self.healthz)

    @property
    def unanswered(self) -> int:
        """Requests of others that got no answer in time, or half of one."""
        return sum(status <= 0 for _, status in self.others + self.healthz)

    def complaints(self, bounds: Bounds) -> list[str]:
        """Name what went beyond the bounds."""
        told = list(self.wrong)
        if self.refused:
            told.append(f"{self.refused} refused")
        if self.unanswered:
            told.append(f"{self.unanswered} without an answer in {PATIENCE_SECONDS:.0f} s")
        told += _above("others wait", percentile(self.others, 99), bounds.others)
        told += _above("/healthz waits", percentile(self.healthz, 99), bounds.healthz)
        if self.memory:
            told += _larger("a worker", self.memory.worker, bounds.worker)
            told += _larger("the sandboxes", self.memory.sandboxes, bounds.sandboxes)
        return told


def percentile(seen: Seen, percent: int) -> float:
    """Return the seconds within which so many of a hundred requests ended; 0 where there was none."""
    times = sorted(seconds for seconds, _ in seen)
    return times[min(len(times) - 1, len(times) * percent // 100)] if times else 0.0


def _above(what: str, seconds: float, bound: float) -> list[str]:
    return [f"{what} {seconds:.2f} s (bound: {bound:g} s)"] if seconds > bound else []


def _larger(what: str, size: int, bound: int) -> list[str]:
    return [f"{what}: {size // MIB} MiB (bound: {bound // MIB} MiB)"] if size > bound else []
