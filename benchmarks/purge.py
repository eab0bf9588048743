"""What removing expired images costs, and what uploads and opens feel of it: `python -m benchmarks.purge`.

Writes docs/purge.md.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import postgres_alone, purge_cost, purge_load, purge_report
from benchmarks.database import running
from benchmarks.load import Generator
from benchmarks.purge_cost import Case, Results
from benchmarks.purge_lag import Lag, Watch
from benchmarks.subjects import mayfly

SPREAD = 10  # slots of 30 s: the five minutes that images live by default
SMALL = [Case(10, SPREAD), Case(100, SPREAD), Case(100, 1), Case(100, SPREAD, fresh=True)]
BARE = 100  # megabytes
PLAN = [*SMALL * 3, Case(1000, SPREAD)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--rounds", type=int, default=5, help="of uploads and opens, with and without purges"
    )
    options.add_argument("--seconds", type=float, default=2.6, help="a window of them")
    options.add_argument("--dry", action="store_true", help="print the page instead of writing it")
    chosen = options.parse_args()
    began, busy = time.monotonic(), os.getloadavg()[1]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = settings_of(folder / "settings")
        results, lag = removals(folder)
        bare = statistics.median(purge_cost.bare_truncate(folder, BARE) for _ in range(3))
        rounds = purge_load.measure(folder / "served", Generator(folder), chosen.rounds, chosen.seconds)
    minutes = (time.monotonic() - began) / 60
    found = purge_report.Found(results, (BARE, bare), rounds, lag, settings, minutes, busy)
    print(purge_report.text(found))
    if not chosen.dry:
        purge_report.write(found)


def settings_of(folder: Path) -> dict[str, str]:
    with running(folder) as url:
        return postgres_alone.settings(url)


def removals(folder: Path) -> tuple[Results, Lag | None]:
    """The costs; meanwhile a second server, which hardly does anything, shows how soon images go by themselves."""
    with mayfly(folder / "lag") as served:
        watch = Watch(served, folder / "lag")
        watch.start()
        results = purge_cost.measure(folder / "cost", PLAN)
        watch.join()
    return results, watch.lag


if __name__ == "__main__":
    main()
