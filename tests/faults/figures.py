"""The counts of the fault tests: how often a fault was injected, and how often something was lost or wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass

FULL = os.environ.get("FAULTS") == "full"
"""`make faults` runs the long form of every fault test, `make test` a short one."""


@dataclass(frozen=True)
class Figure:
    """One line of docs/reliability.md."""

    fault: str
    tried: int
    lost: int
    wrong: int
    seen: str


FIGURES: list[Figure] = []


def note(fault: str, *, tried: int, lost: int = 0, wrong: int = 0, seen: str = "") -> None:
    """Keep a figure for the table at the end of the run; whoever asserts does so after noting."""
    FIGURES.append(Figure(fault, tried, lost, wrong, seen))


def table() -> list[str]:
    """Write the figures as the table that the docs show."""
    rows = [f"| {f.fault} | {f.tried} | {f.lost} | {f.wrong} | {f.seen} |" for f in FIGURES]
    return ["| fault | tried | lost | wrong | seen |", "| --- | ---: | ---: | ---: | --- |", *rows]
