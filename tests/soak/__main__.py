"""``python -m tests.soak --minutes 60``: a Mayfly under steady load, and whether anything grows in the second half.

A look every ten seconds goes to ``samples.jsonl`` in the folder. A soak that was stopped goes on there, with the data
that it had.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.cast import SERVER_KEY
from tests.processes import serving
from tests.soak.curves import growing, table
from tests.soak.samples import Sample, Watcher, keep, kept
from tests.soak.visitors import Visitors

MOST_MINUTES = 24 * 60


def main() -> int:
    """Soak, print the curves; 1 where something grows or was answered wrong."""
    asked = _arguments().parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    path = asked.folder / "samples.jsonl"
    if not asked.report:
        with suppress(KeyboardInterrupt):
            soak(asked.folder, path, asked.minutes * 60, asked.every, asked.rate)
    return report(kept(path))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=_minutes, default=60, help="of load in all, earlier runs included")
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--rate", type=float, default=12, help="visits a second")
    parser.add_argument(
        "--folder", type=Path, default=Path("var/soak"), help="where the data and samples are"
    )
    parser.add_argument("--report", action="store_true", help="print the curves of what there is, and end")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"up to {MOST_MINUTES} minutes")
    return minutes


def soak(folder: Path, path: Path, seconds: float, every: float, rate: float) -> None:
    """Serve and visit until there are ``seconds`` of load in the file of samples."""
    there = kept(path)
    so_far, run = (there[-1].seconds, there[-1].run + 1) if there else (0.0, 1)
    data_dir = (folder / "data").absolute()
    usual: dict[str, Any] = {"RATE_LIMITS": "", "MAX_IMAGES_PER_CLIENT": "", "MAX_BYTES_PER_CLIENT": ""}
    with serving(DATA_DIR=str(data_dir), SECRET_KEYS=SERVER_KEY, TRUSTED_PROXIES="1", **usual) as server:
        began = time.monotonic()
        with Visitors(server.port, rate) as visitors:
            watcher = Watcher(server, data_dir, visitors, run)
            now = so_far
            while now < seconds:
                time.sleep(min(every, seconds - now))
                now = so_far + time.monotonic() - began
                keep(path, watcher.look(now))


def report(samples: list[Sample]) -> int:
    """Print the curves; 1 where something grows, or was answered wrong."""
    if len(samples) < 4:
        sys.stdout.write("There are fewer than four samples: let it go on.\n")
        return 1
    ends = {sample.run: sample for sample in samples}.values()
    visits, wrong = sum(sample.visits for sample in ends), [sample.wrong for sample in ends if sample.wrong]
    sys.stdout.write(
        f"{samples[-1].seconds / 60:.0f} minutes in {len(ends)} runs, {visits:,} visits,"
        f" answered wrong: {wrong or 'none'}\n\n{table(samples)}\n"
    )
    return int(bool(growing(samples) or wrong))


if __name__ == "__main__":
    sys.exit(main())
