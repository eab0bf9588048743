"""Hostile files for some minutes: `python -m tests.imaging.fuzz [SECONDS] [SEED]`; `make fuzz`.

Two thirds of the time go to files that know the formats' structure and are judged by what they cost, the rest to
mutations of real pictures, which must be refused or open. Ends with 1 when a bound or a promise is broken.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable

from tests.imaging.corpus import corpus
from tests.imaging.fuzz.files import SEED, files
from tests.imaging.fuzz.judge import MB, PARTS, Cost, cost_of
from tests.imaging.fuzz.sound_or_refused import judge

SHOWN = 5
ALL = 1 << 40
Entry = tuple[str, str, int, Cost]
ORDERS: dict[str, Callable[[Entry], float]] = {
    "seconds": lambda entry: entry[3].seconds,
    "megabytes": lambda entry: entry[3].memory,
}


class Tally:
    """What was seen so far."""

    def __init__(self) -> None:
        self.verdicts = Counter[str]()
        self.costs: list[Entry] = []
        self.broken = 0

    def dear(self, seconds: float, seed: int) -> None:
        """Judge what files cost that know the structure."""
        end = time.monotonic() + seconds
        for name, data in files(seed):
            if time.monotonic() > end:
                return
            for part, (work, bound) in PARTS.items():
                cost = cost_of(work, data)
                self.costs.append((part, name, len(data), cost))
                self.verdicts[f"{part}: {cost.said.split(':')[0]}"] += 1
                if bound.broken_by(cost, len(data)):
                    self.broken += 1
                    _say(f"BROKEN {_line(part, name, len(data), cost)}")

    def odd(self, seconds: float, seed: int) -> None:
        """Judge whether mutations are refused or open."""
        end = time.monotonic() + seconds
        for name, data in corpus(ALL, seed):
            if time.monotonic() > end:
                return
            try:
                self.verdicts[judge(data)] += 1
            except Exception as error:
                self.broken += 1
                _say(f"UNSOUND {name}: {type(error).__name__}: {error}")

    def table(self) -> None:
        """Print the tally, and the worst files of each part by seconds and by megabytes."""
        for verdict, times in self.verdicts.most_common():
            _say(f"{times:7} {verdict}")
        for part in PARTS:
            seen = [entry for entry in self.costs if entry[0] == part]
            for what, key in ORDERS.items():
                _say(f"worst by {what}, in the {part}:")
                for entry in sorted(seen, key=key, reverse=True)[:SHOWN]:
                    _say("  " + _line(*entry))


def _line(part: str, name: str, size: int, cost: Cost) -> str:
    return f"{part} {name:26} {size:9} bytes {cost.seconds:7.3f} s {cost.memory / MB:7.1f} MB  {cost.said}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(seconds: float = 300, seed: int = SEED) -> int:
    """Fuzz for so many seconds and return how many bounds and promises were broken."""
    warnings.simplefilter("ignore")
    tally = Tally()
    tally.dear(seconds * 2 / 3, seed)
    tally.odd(seconds / 3, seed)
    tally.table()
    return tally.broken


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])) > 0)
