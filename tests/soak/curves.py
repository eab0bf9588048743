"""The samples as curves, and whether their second half grows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from tests.soak.samples import Sample

MIB = 2**20
BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40
SHARE = 1.02
"""What grows by less than that, and by less than the figures of CURVES beside, between two quarters does not grow."""


@dataclass(frozen=True)
class Curve:
    """One figure of the samples, and how much of it is noise, in units of ``unit``; inf where it is shown alone."""

    name: str
    title: str
    noise: float
    unit: int = 1


CURVES = (
    Curve("mayfly", "Mayfly's processes, PSS, MiB", 4, MIB),
    Curve("postgresql", "PostgreSQL, PSS, MiB", 4, MIB),
    Curve("disk", "the disk of DATA_DIR, MiB", 32, MIB),
    Curve("wal", "WAL, MiB", 32, MIB),
    Curve("slots", "tables of sealed bytes, MiB", 16, MIB),
    Curve("images", "images with its indexes, MiB", 1, MIB),
    Curve("catalogs", "PostgreSQL's catalogs, MiB", 1, MIB),
    Curve("files", "open files", 8),
    Curve("threads", "threads", 4),
    Curve("connections", "connections to PostgreSQL", 2),
    Curve("living", "living images", inf),
    Curve("cpu_ms", "processor time a visit, ms", inf),
)
HEAD = "| | from 0 | third quarter | last quarter | most | |\n| --- | --- | ---: | ---: | ---: | --- |"


def table(samples: list[Sample]) -> str:
    """Write a line for each curve, with a small picture from nothing to its highest, and whether it grows."""
    lines = [HEAD]
    for curve in CURVES:
        values = values_of(curve, samples)
        third, last = quarters(values)
        figures = " | ".join(f"{figure:,.1f}" for figure in (third, last, max(values)))
        said = "**grows**" if grows(curve, samples) else ""
        lines.append(f"| {curve.title} | {picture(values)} | {figures} | {said} |")
    return "\n".join(lines)


def growing(samples: list[Sample]) -> list[str]:
    """Name what takes more in the last quarter than in the third one."""
    return [curve.title for curve in CURVES if grows(curve, samples)]


def grows(curve: Curve, samples: list[Sample]) -> bool:
    """Compare the medians of the last two quarters: the first half is for filling what is filled once."""
    third, last = quarters(values_of(curve, samples))
    return last > third * SHARE and last > third + curve.noise


def values_of(curve: Curve, samples: list[Sample]) -> list[float]:
    return [getattr(sample, curve.name) / curve.unit for sample in samples]


def quarters(values: list[float]) -> tuple[float, float]:
    """Return the medians of the third and of the last quarter."""
    half, most = values[len(values) // 2 :], len(values)
    cut = max(1, most // 4)
    return statistics.median(half[:-cut] or half), statistics.median(half[-cut:])


def picture(values: list[float]) -> str:
    """Draw values as blocks, the highest block being the highest value and the lowest one 0."""
    most = max(values) or 1
    return "".join(BLOCKS[round(value / most * (len(BLOCKS) - 1))] for value in _thinned(values))


def _thinned(values: list[float]) -> Iterator[float]:
    for turn in range(min(WIDTH, len(values))):
        start, end = (len(values) * place // min(WIDTH, len(values)) for place in (turn, turn + 1))
        yield statistics.median(values[start:end])
