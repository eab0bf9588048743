"""Single steps by themselves, each against its alternatives: `python -m benchmarks.micro.<step>`."""

import statistics
import time
from collections.abc import Callable

Step = Callable[[], object]


def interleaved(steps: dict[str, Step], seconds: float = 1.0, least: int = 5) -> dict[str, float]:
    """The median milliseconds of each step; they take turns, so that a slow moment of the machine hits all."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds * len(steps)
    turn = 0
    while turn < least or time.perf_counter() < end:
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
        turn += 1
    return {name: statistics.median(each) * 1e3 for name, each in times.items()}


def print_rows(title: str, columns: list[str], rows: dict[str, list[str]]) -> None:
    print(f"\n| {title} | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
