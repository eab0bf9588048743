"""Measures processor time of an upload and an open without shards and with 1, 2 and 4: ``python -m benchmarks.shards``.

Each database is a PostgreSQL of its own, or all are on one with ``--servers 1``. The order is random in each round.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import embedded
from app import Mayfly, create_app, migrate
from benchmarks.catalog import PICTURE
from config import Config
from tests.cast import SERVER_KEY
from tests.processes import children_of
from tests.shards import Urls, databases, postmaster_of

COUNTS = (0, 1, 2, 4)
NAMES = "abcd"
Spent = tuple[float, float]


def application(urls: Urls, count: int) -> Mayfly:
    shards = dict(list(urls.items())[:count])
    config = Config(database_url=urls["a"], shards=shards, secret_keys=(SERVER_KEY,), purge_interval=0)
    return create_app(replace(config, rate_limits={}, max_images_per_client=0, max_bytes_per_client=0))


def spent(postmasters: list[int]) -> Spent:
    """Return processor time in seconds: of this process and the backends with a client, and of this process alone.

    /proc/PID/schedstat counts nanoseconds. /proc/PID/stat counts ticks of 10 ms, which is more than an open takes:
    https://docs.kernel.org/scheduler/sched-stats.html
    """
    backends = 0
    for pid in [child for postmaster in postmasters for child in children_of(postmaster)]:
        process = Path(f"/proc/{pid}")
        if "[local]" in (process / "cmdline").read_text():
            backends += int((process / "schedstat").read_text().split()[0])
    own = time.process_time()
    return own + backends / 1e9, own


def milliseconds(postmasters: list[int], request: Callable[[], object], times: int) -> Spent:
    before = spent(postmasters)
    for _ in range(times):
        request()
    total, own = ((after - at) / times * 1000 for after, at in zip(spent(postmasters), before, strict=True))
    return total, own


def measured(
    apps: dict[int, Mayfly], postmasters: list[int], rounds: int, times: int
) -> dict[int, list[list[Spent]]]:
    figures: dict[int, list[list[Spent]]] = {count: [[], []] for count in apps}
    for _ in range(rounds):
        for count in random.sample(sorted(apps), len(apps)):
            client, links = apps[count].test_client(), []

            def upload() -> None:
                links.append(client.post("/upload", data=PICTURE).get_json()["hash"])  # noqa: B023 - called here

            def read() -> None:
                assert client.get(f"/image/{links.pop()}").data  # noqa: B023

            for figure, request in zip(figures[count], (upload, read), strict=True):
                figure.append(milliseconds(postmasters, request, times))
    return figures


def made(stack: ExitStack, servers: list[str]) -> Urls:
    """Make four databases, on one server or one on each."""
    for url in servers:
        migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
    if len(servers) > 1:
        return dict(zip(NAMES, servers, strict=True))
    return stack.enter_context(databases(servers[0], *NAMES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--times", type=int, default=400)
    parser.add_argument("--servers", type=int, choices=(1, 4), default=4)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folders = [folder / str(number) for number in range(asked.servers)]
        servers = [stack.enter_context(embedded.running(each, durable=False)) for each in folders]
        urls = made(stack, servers)
        apps = {count: application(urls, count) for count in COUNTS}
        postmasters = list(map(postmaster_of, folders))
        measured(apps, postmasters, 2, 20)
        figures = measured(apps, postmasters, asked.rounds, asked.times)
        for app in apps.values():
            app.shards.dispose()
    for count, each in figures.items():
        told = [told_of(rounds, without) for rounds, without in zip(each, figures[0], strict=True)]
        sys.stdout.write(f"{count} shards: upload {told[0]}, open {told[1]}\n")


def told_of(rounds: list[Spent], without: list[Spent]) -> str:
    """Write the median, and the median of how much more a round took than the round without shards beside it."""
    more = [
        statistics.median(one[which] / other[which] for one, other in zip(rounds, without, strict=True)) - 1
        for which in (0, 1)
    ]
    return f"{statistics.median(total for total, _ in rounds):.2f} ms ({more[0]:+.1%}, here alone {more[1]:+.1%})"


if __name__ == "__main__":
    main()
