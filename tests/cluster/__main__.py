"""``make cluster``: what clients notice while the primary of a real cluster is switched over, killed and frozen."""

from __future__ import annotations

import argparse
import itertools
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cast import SERVER_KEY
from tests.cluster.clients import AWAY, Clients
from tests.cluster.cluster import Cluster, running
from tests.processes import serving, until

MOST_SECONDS = {"switched-over": 3, "killed": 10, "frozen": 25}
"""For how long nothing should be stored. A busy machine may take longer, which the table shows; nothing else may be."""
QUIET_SECONDS = 2
"""Of undisturbed answers before and after each event."""
PATIENCE = 60
NAMED = ("stored", "away", "lost", "views too many", "stale")
COLUMNS = (
    *(
        "the primary is",
        "way to it",
        "times",
        "stored",
        "503",
        "lost",
        "views too many",
        "stale",
        "other errors",
    ),
    *("seconds without an upload: median", "most", "aim", "times over it"),
)


class Tally:
    """What clients of one way to the primary saw of one event, over all its times."""

    def __init__(self, event: str, way: str) -> None:
        self.event, self.way = event, way
        self.gaps: list[float] = []
        self.seen: Counter[str] = Counter()

    @property
    def errors(self) -> int:
        """Answers that must not be, and have no column of their own."""
        return sum(amount for name, amount in self.seen.items() if name not in NAMED)

    @property
    def faultless(self) -> bool:
        return not set(self.seen) - {"stored", "away"}

    def row(self) -> str:
        aim = MOST_SECONDS[self.event]
        counts = [self.seen[name] for name in NAMED]
        gaps = [f"{statistics.median(self.gaps):.1f}", f"{max(self.gaps):.1f}"]
        over = sum(gap > aim for gap in self.gaps)
        return _line(self.event, self.way, len(self.gaps), *counts, self.errors, *gaps, aim, over)


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def kill(cluster: Cluster) -> None:
    """Kill Patroni, PostgreSQL and their children; Patroni is started again, as systemd does."""
    cluster.primary().send(signal.SIGKILL)


def freeze(cluster: Cluster) -> None:
    """Stop them, so that nobody answers and nobody closes a connection, as when a machine or its disk hangs."""
    cluster.primary().freeze()


EVENTS: dict[str, Callable[[Cluster], None]] = {
    "switched-over": Cluster.switch_over,
    "killed": kill,
    "frozen": freeze,
}


def main() -> None:
    """Let all events happen in turn, and print the table; the status is 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="of each event (20)")
    parser.add_argument("--events", nargs="+", choices=EVENTS, default=list(EVENTS))
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cluster = stack.enter_context(running(Path(folder)))
        everybody = {way: stack.enter_context(clients(url)) for way, url in cluster.addresses.items()}
        tallies = {event: {way: Tally(event, way) for way in everybody} for event in arguments.events}
        for _, event in itertools.product(range(arguments.times), arguments.events):
            happen(cluster, event, everybody, tallies[event])
    told = [tally for of_event in tallies.values() for tally in of_event.values()]
    _say(_line(*COLUMNS))
    _say(_line(*["---"] * len(COLUMNS)))
    for tally in told:
        _say(tally.row())
    if not all(tally.faultless for tally in told):
        sys.exit("an answer was wrong: see the table")


@contextmanager
def clients(url: str) -> Iterator[Clients]:
    """Serve a Mayfly on a database, with clients that never rest."""
    with serving(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY, PURGE_INTERVAL="2s") as served:
        busy = Clients(served.url)
        busy.start()
        try:
            yield busy
        finally:
            busy.stop()


def happen(cluster: Cluster, event: str, everybody: dict[str, Clients], tallies: dict[str, Tally]) -> None:
    """Let one event happen, wait until all is well again, and count what each way's clients saw."""
    cluster.wait_until_whole()
    began, before = time.monotonic(), cluster.primary()
    wrong = {way: Counter(busy.wrong) for way, busy in everybody.items()}
    time.sleep(QUIET_SECONDS)
    EVENTS[event](cluster)
    assert until(lambda: cluster.leader() not in (None, before), PATIENCE), cluster.logs()
    _wait_for_uploads(everybody)
    if before.frozen:
        time.sleep(QUIET_SECONDS)
        before.thaw()
    cluster.wait_until_whole()
    time.sleep(QUIET_SECONDS)
    for way, busy in everybody.items():
        _count(tallies[way], busy, wrong[way], began)
        _say(f"{tallies[way].row()} {dict(tallies[way].seen)}")


def _wait_for_uploads(everybody: dict[str, Clients]) -> None:
    happened = time.monotonic()
    for busy in everybody.values():
        assert until(lambda busy=busy: busy.stored_since(happened) > 3, PATIENCE), "nothing is stored"  # type: ignore[misc]


def _count(tally: Tally, busy: Clients, wrong: Counter[str], began: float) -> None:
    busy.look_again(began)
    stored = sorted(image.at for image in busy.images if image.at >= began)
    away = sum(answer.status == AWAY for answer in busy.answers if answer.began >= began)
    tally.gaps.append(max(later - earlier for earlier, later in itertools.pairwise(stored)))
    tally.seen += busy.wrong - wrong
    tally.seen += Counter(stored=len(stored), away=away)


if __name__ == "__main__":
    main()
