"""The results as the table that docs/reliability.md shows."""

from __future__ import annotations

from collections.abc import Iterable

from tests.attack.result import MIB, Bounds, Result, percentile

HEADER = (
    "| attack | tried | others p50, s | p99, s | refused | unanswered | `/healthz` p99, s"
    " | worker, MiB | sandboxes, MiB | main, MiB | verdict |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
)


def row(result: Result, bounds: Bounds) -> str:
    """Write an attack as a line of the table; what an attack did not measure is a dash."""
    verdict = "; ".join(result.complaints(bounds)).replace("|", "/") or "holds"
    cells = [
        result.attack.title,
        result.tried,
        *(_seconds(result, percent) for percent in (50, 99)),
        f"{result.refused} of {len(result.others + result.healthz)}",
        result.unanswered,
        f"{percentile(result.healthz, 99):.3f}",
        *_memory(result),
        verdict,
    ]
    return f"| {' | '.join(map(str, cells))} |"


def met(result: Result) -> str:
    """Tell what the attackers were answered."""
    return ", ".join(f"{count} × {status}" for status, count in sorted(result.statuses.items())) or "nothing"


def summary(results: Iterable[Result], bounds: Bounds) -> str:
    """Count the attacks that went beyond their bounds."""
    verdicts = [bool(result.complaints(bounds)) for result in results]
    return f"{len(verdicts)} attacks, {sum(verdicts)} beyond their bounds"


def _seconds(result: Result, percent: int) -> str:
    return f"{percentile(result.others, percent):.3f}" if result.others else "–"


def _memory(result: Result) -> list[str]:
    found = result.memory
    return [str(size // MIB) for size in (found.worker, found.sandboxes, found.main)] if found else ["–"] * 3
