"""gunicorn against granian on the sketch: `python -m benchmarks.servers [--rounds N] [--seconds S]`."""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from benchmarks import sketch
from benchmarks.database import running
from benchmarks.images import noise_jpeg
from benchmarks.load import Generator
from benchmarks.processes import accepts, cost, free_port, postmasters, wait_until

GUNICORN = "gunicorn -k gthread -b 127.0.0.1:{port} {options} benchmarks.sketch:create_app()"
GRANIAN = "granian --interface wsgi --port {port} --no-log {options} --factory benchmarks.sketch:create_app"
CANDIDATES = {
    "gunicorn 2 x 4": (GUNICORN, "-w 2 --threads 4"),
    "gunicorn 2 x 16": (GUNICORN, "-w 2 --threads 16"),
    "granian 2 x 4": (GRANIAN, "--workers 2 --blocking-threads 4"),
    "granian 2 x 4, backpressure 4": (GRANIAN, "--workers 2 --blocking-threads 4 --backpressure 4"),
    "granian 2 x 4, backpressure 8": (GRANIAN, "--workers 2 --blocking-threads 4 --backpressure 8"),
    "granian 2 x 8": (GRANIAN, "--workers 2 --blocking-threads 8"),
    "granian 2 x 16": (GRANIAN, "--workers 2 --blocking-threads 16"),
    "granian 2 x 32, 2 at once": (GRANIAN, "--workers 2 --blocking-threads 32"),
    "granian 2 x 32, 3 at once": (GRANIAN, "--workers 2 --blocking-threads 32"),
    "granian 2 x 32, 4 at once": (GRANIAN, "--workers 2 --blocking-threads 32"),
}
MEASURED = [(100_000, 8), (100_000, 32), (1_000_000, 8), (1_000_000, 32)]
MEMORY = (10_000_000, 32)


@contextmanager
def served(name: str, url: str) -> Iterator[tuple[int, int]]:
    """Starts a candidate and yields its port and process id; ends it as Ctrl-C does."""
    port = free_port()
    template, options = CANDIDATES[name]
    at_once = name.split()[-3] if name.endswith("at once") else "1000"
    command = template.format(port=port, options=options).split()
    server = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=os.environ | {"DATABASE_URL": url, "SKETCH_AT_ONCE": at_once},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: accepts(port), 20)
        yield port, server.pid
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()


def empty(url: str) -> None:
    with psycopg2.connect(url) as base, base.cursor() as cursor:
        cursor.execute("TRUNCATE sketch")
    base.close()


def measure(name: str, url: str, load: Generator, seconds: float) -> Iterator[tuple[str, float]]:
    links = load.folder / "links"
    with served(name, url) as (port, pid):
        load.post(port, 8, 0.5, load.requests("warm", [noise_jpeg(100_000)]), links)
        for size, clients in MEASURED:
            files = load.requests("body", [noise_jpeg(size, seed) for seed in range(2)])
            with cost([pid], None) as up_cost:
                up = load.post(port, clients, seconds, files, links)
            with cost([pid], None) as open_cost:
                opened = load.get(port, clients, seconds, links, size)
            where = f"{size // 1000} KB x{clients}"
            yield f"up {where}", up.rate
            yield f"open {where}", opened.rate
            yield f"up {where} p99/p50", up.p99_ms / up.p50_ms
            yield f"open {where} p99/p50", opened.p99_ms / opened.p50_ms
            yield f"up {where} cpu ms", up_cost.cpu / up.requests * 1e3
            yield f"open {where} cpu ms", open_cost.cpu / opened.requests * 1e3
            if up.failed or opened.failed:
                yield f"FAILED {where}", up.failed + opened.failed
            empty(url)


def measure_memory(name: str, url: str, folder: Path, load: Generator) -> Iterator[tuple[str, float]]:
    size, clients = MEMORY
    files = load.requests("body", [noise_jpeg(size, 0)])
    with served(name, url) as (port, pid), cost([pid, *postmasters(folder)]) as spent:
        up = load.post(port, clients, 30, files, load.folder / "links", most=64)
    yield "up 10 MB x32", up.rate
    yield "RSS MB", spent.rss / 1e6
    yield "PSS MB", spent.pss / 1e6
    empty(url)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=1.5)
    options.add_argument("--only", nargs="*", default=list(CANDIDATES))
    chosen = options.parse_args()
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        load = Generator(folder)
        with running(folder / "data") as url:
            with psycopg2.connect(url) as base, base.cursor() as cursor:
                cursor.execute(sketch.SCHEMA)
            for _ in range(chosen.rounds):
                for name in chosen.only:
                    for what, figure in measure(name, url, load, chosen.seconds):
                        figures[what][name].append(figure)
            for name in chosen.only:
                for what, figure in measure_memory(name, url, folder, load):
                    figures[what][name].append(figure)
    print("| | " + " | ".join(chosen.only) + " |\n| --- |" + " --- |" * len(chosen.only))
    for what, by_name in figures.items():
        row = (f"{statistics.median(by_name[name]):.4g}" if by_name[name] else "" for name in chosen.only)
        print(f"| {what} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
