"""Processor time of an upload and an open with 1, 2 and 4 shards, and with none: ``python -m benchmarks.shards``.

All databases are on one PostgreSQL, whose backends are counted too; rounds take turns, in another order each time.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import embedded
from app import Mayfly, create_app, migrate
from benchmarks.catalog import PICTURE
from config import Config
from tests.cast import SERVER_KEY
from tests.processes import children_of
from tests.shards import Urls, databases

COUNTS = (0, 1, 2, 4)


def application(urls: Urls, count: int) -> Mayfly:
    shards = dict(list(urls.items())[:count])
    return create_app(
        Config(
            database_url=urls["a"],
            shards=shards,
            secret_keys=(SERVER_KEY,),
            purge_interval=0,
            rate_limits={},
            max_images_per_client=0,
            max_bytes_per_client=0,
        )
    )


def spent(postmaster: int) -> float:
    """Seconds of processor time of this process and of the backends that have a client.

    /proc/PID/schedstat counts nanoseconds, and /proc/PID/stat ticks of 10 ms, which is more than a hundred opens take:
    https://docs.kernel.org/scheduler/sched-stats.html
    """
    backends = 0
    for pid in children_of(postmaster):
        process = Path(f"/proc/{pid}")
        if "[local]" in (process / "cmdline").read_text():
            backends += int((process / "schedstat").read_text().split()[0])
    return time.process_time() + backends / 1e9


def milliseconds(postmaster: int, request: Callable[[], object], times: int) -> float:
    before = spent(postmaster)
    for _ in range(times):
        request()
    return (spent(postmaster) - before) / times * 1000


def measured(
    apps: dict[int, Mayfly], postmaster: int, rounds: int, times: int
) -> dict[int, list[list[float]]]:
    figures: dict[int, list[list[float]]] = {count: [[], []] for count in apps}
    for _ in range(rounds):
        for count in random.sample(sorted(apps), len(apps)):
            client, links = apps[count].test_client(), []

            def upload() -> None:
                links.append(client.post("/upload", data=PICTURE).get_json()["hash"])  # noqa: B023 - called here

            def read() -> None:
                assert client.get(f"/image/{links.pop()}").data  # noqa: B023

            for figure, request in zip(figures[count], (upload, read), strict=True):
                figure.append(milliseconds(postmaster, request, times))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--times", type=int, default=100)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(embedded.running(folder, durable=False))
        migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
        urls = stack.enter_context(databases(url, *"abcd"))
        apps = {count: application(urls, count) for count in COUNTS}
        postmaster = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        measured(apps, postmaster, 2, 20)
        figures = measured(apps, postmaster, asked.rounds, asked.times)
        for app in apps.values():
            app.shards.dispose()
    for count, (uploads, opens) in figures.items():
        told = [
            f"{statistics.median(each):.2f} ms ({ratio(each, of):+.1%})"
            for each, of in zip((uploads, opens), figures[0], strict=True)
        ]
        sys.stdout.write(f"{count} shards: upload {told[0]}, open {told[1]}\n")


def ratio(figures: list[float], of: list[float]) -> float:
    """By how much rounds took more than those without shards in the same turn, as a median."""
    return statistics.median(one / other for one, other in zip(figures, of, strict=True)) - 1


if __name__ == "__main__":
    main()
