"""What counting costs: ``python -m benchmarks.counting``, in microseconds of processor time for one open."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from config import share_counts_in
from services import counts

ROUNDS, TIMES = 9, 20_000
ROUTE = "/image/<first:name>"


def one_open() -> None:
    """Count what an open of a small image does, in its order."""
    counts.RECEIVED.add(amount=0)
    with counts.STEP_SECONDS.timed("find"):
        pass
    with counts.STEP_SECONDS.timed("open"):
        pass
    counts.REQUESTS.add(ROUTE, "GET", "200")
    counts.REQUEST_SECONDS.note(ROUTE, seconds=0.001)
    counts.SENT.add(amount=100_000)


def microseconds(call: Callable[[], None]) -> float:
    """Return what a call takes in the quietest round."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            call()
        rounds.append((time.process_time() - began) / TIMES * 1e6)
    return min(rounds)


def main() -> None:
    off = microseconds(one_open)
    with tempfile.TemporaryDirectory() as folder:
        share_counts_in(Path(folder))
        counts.start_counting("0")
        on = microseconds(one_open)
    sys.stdout.write(f"without METRICS_BIND {off:.1f} us, with it {on:.1f} us an open\n")


if __name__ == "__main__":
    main()
