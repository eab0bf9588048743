"""What clients notice while the primary of a real cluster is switched over, killed, frozen and cut off."""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cast import SERVER_KEY
from tests.cluster.clients import Clients
from tests.cluster.cluster import WAYS, Cluster, running
from tests.cluster.network import own
from tests.cluster.table import line, say
from tests.cluster.writers import Writers, longest
from tests.processes import serving, until

MOST_SECONDS = {"switched-over": 3, "killed": 10, "frozen": 25, "cut-off": 25}
"""For how long uploads should be answered with 503. A busy machine may take longer, which the table shows; nothing
else may be wrong."""
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
    *("seconds of 503: median", "most", "aim", "times over it"),
    *("seconds without an upload: median", "most"),
    *("no server took writes: median", "most", "what Mayfly and its way add: median", "most"),
)


@dataclass
class Happened:
    """What the clients of one way to the primary saw of one event."""

    event: str
    way: str
    gap: float
    """The longest time between two uploads that were answered with 201, in seconds."""
    without: float
    """For how long none of the cluster's servers took a write, in seconds."""
    seen: dict[str, int]
    refused: float | None = None
    """From the begin of the first upload that got a 503 to the end of the last one, in seconds; None in older
    results."""

    @property
    def faultless(self) -> bool:
        return not {name for name, amount in self.seen.items() if amount} - {"stored", "away"}


def rows(happened: list[Happened]) -> list[str]:
    """The table, one row for each event and way."""
    told = [line(*COLUMNS), line(*["---"] * 2, *["---:"] * (len(COLUMNS) - 2))]
    kinds = dict.fromkeys((each.event, each.way) for each in happened)
    return told + [_row([each for each in happened if (each.event, each.way) == kind]) for kind in kinds]


def _row(alike: list[Happened]) -> str:
    aim, seen = MOST_SECONDS[alike[0].event], Counter[str]()
    for each in alike:
        seen += Counter(each.seen)
    counts = [f"{seen[name]:,}" for name in NAMED]
    others = sum(amount for name, amount in seen.items() if name not in NAMED)
    refused = [each.gap if each.refused is None else each.refused for each in alike]
    return line(
        *(alike[0].event, alike[0].way, len(alike), *counts, others),
        *(*_spread(refused), aim, sum(seconds > aim for seconds in refused)),
        *_spread([each.gap for each in alike]),
        *_spread([each.without for each in alike]),
        *_spread([each.gap - each.without for each in alike]),
    )


def _spread(seconds: list[float]) -> tuple[str, str]:
    return f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}"


def kill(cluster: Cluster) -> None:
    """Kill Patroni, PostgreSQL and their children; Patroni is started again, as systemd does where it is told to."""
    cluster.primary().send(signal.SIGKILL)


def freeze(cluster: Cluster) -> None:
    """Stop them, so that nobody answers and nobody closes a connection, as when a disk hangs."""
    cluster.primary().freeze()


def cut_off(cluster: Cluster) -> None:
    """Cut the machine's link, so that nobody acknowledges either, as when it dies."""
    cluster.primary().machine.cut()


EVENTS: dict[str, Callable[[Cluster], None]] = {
    "switched-over": Cluster.switch_over,
    "killed": kill,
    "frozen": freeze,
    "cut-off": cut_off,
}


def options(parser: argparse.ArgumentParser) -> None:
    """Describe what this form takes."""
    parser.add_argument("--times", type=int, default=20, help="of each event (20)")
    parser.add_argument("--events", nargs="+", choices=EVENTS, default=list(EVENTS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    parser.add_argument("--results", type=Path, help="a file of earlier results, to which these are added")


def run(arguments: argparse.Namespace) -> bool:
    """Let all events happen in turn, and print the table; True where no answer was wrong."""
    happened = _earlier(arguments.results)
    events = [event for event in arguments.events if event != "cut-off" or own()]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cluster = stack.enter_context(running(Path(folder)))
        writers = stack.enter_context(writing(cluster))
        urls = {way: cluster.addresses[way] for way in arguments.ways}
        everybody = {way: stack.enter_context(clients(url)) for way, url in urls.items()}
        for _, event in itertools.product(range(arguments.times), events):
            fresh = list(happen(cluster, event, everybody, writers))
            happened += fresh
            _keep(fresh, arguments.results)
    say(*rows(happened))
    return all(each.faultless for each in happened)


def _earlier(results: Path | None) -> list[Happened]:
    if results is None or not results.exists():
        return []
    return [Happened(**json.loads(told)) for told in results.read_text().splitlines()]


def _keep(fresh: list[Happened], results: Path | None) -> None:
    told = [json.dumps(asdict(each)) for each in fresh]
    say(*told)
    if results:
        with results.open("a") as file:
            file.writelines(f"{each}\n" for each in told)


@contextmanager
def writing(cluster: Cluster) -> Iterator[Writers]:
    """Write to both servers without Mayfly."""
    writers = Writers([(node.machine.address, node.port) for node in cluster.nodes])
    writers.start()
    try:
        yield writers
    finally:
        writers.stop()


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


def happen(
    cluster: Cluster, event: str, everybody: dict[str, Clients], writers: Writers
) -> Iterator[Happened]:
    """Trigger one event, wait for the recovery, and return what the clients of each way saw."""
    cluster.wait_until_whole()
    began, before = time.monotonic(), cluster.primary()
    wrong = {way: Counter(busy.wrong) for way, busy in everybody.items()}
    time.sleep(QUIET_SECONDS)
    EVENTS[event](cluster)
    assert until(lambda: cluster.leader() not in (None, before), PATIENCE), cluster.logs()
    _wait_for_uploads(everybody)
    if before.away:
        time.sleep(QUIET_SECONDS)
        before.come_back()
    cluster.wait_until_whole()
    time.sleep(QUIET_SECONDS)
    without = longest(writers.written, began)
    for way, busy in everybody.items():
        busy.look_again(began)
        seen = busy.wrong - wrong[way] + busy.counted(began)
        yield Happened(event, way, busy.longest_gap(began), without, dict(seen), busy.seconds_refused(began))


def _wait_for_uploads(everybody: dict[str, Clients]) -> None:
    happened = time.monotonic()
    for busy in everybody.values():
        assert until(lambda busy=busy: busy.stored_since(happened) > 3, PATIENCE), "nothing is stored"  # type: ignore[misc]
