"""Uploads, opens and purges beside 1,000 to 1,000,000 living images: `python -m benchmarks.growth [--rounds N]`.

A server with a PostgreSQL of its own for each number, all at once, so that in a round each is measured in turn and the
machine's moods meet all of them. Rounds and images are kept in the folder: a run that was stopped goes on.
"""

import argparse
import json
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, text

import embedded
from app import Mayfly, create_app
from benchmarks.filling import DATA, MAX_LIFETIME, fill
from benchmarks.growth_table import Measured, read, report
from benchmarks.images import noise_jpeg
from benchmarks.load import Generator
from benchmarks.processes import Cost, cost, postmasters
from benchmarks.subjects import OFTEN
from config import Config
from tests.cast import SERVER_KEY
from tests.processes import free_port, serving

LIVING = (1_000, 10_000, 100_000, 1_000_000)
UPLOADS, OPENS, LOOKS = 600, 1_500, 200
CLIENTS = 4
LIFETIME = 10
ADDRESSES = 200
"""Uploads come from so many, each with few images alive: a quota counts the rows of its own address alone."""
SIZE = 100_000
WAL = text("SELECT pg_current_wal_insert_lsn() - '0/0'")
MOST_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running Mayfly beside so many living images."""

    living: int
    port: int
    metrics: int
    roots: list[int]
    app: Mayfly
    links: Path


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--most", type=int, default=max(LIVING))
    options.add_argument("--folder", type=Path, default=Path("var/growth"))
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers end with the block that started them
    chosen.folder.mkdir(parents=True, exist_ok=True)
    path = chosen.folder / "rounds.jsonl"
    done = max((entry.round for entry in read(path)), default=0)
    if done < chosen.rounds:
        with ExitStack() as stack:
            generator = Generator(chosen.folder)
            servers = [
                stack.enter_context(filled(chosen.folder / str(living), living))
                for living in LIVING
                if living <= chosen.most
            ]
            for turn in range(done + 1, chosen.rounds + 1):
                place = turn % len(servers)
                found = list(measured(generator, servers[place:] + servers[:place], turn))
                with path.open("a") as file:
                    file.writelines(json.dumps(asdict(entry)) + "\n" for entry in found)
                print(f"round {turn}", flush=True)
    print(report(read(path)))


@contextmanager
def filled(folder: Path, living: int) -> Iterator[Server]:
    """Serve with so many living images; no purge runs that was not asked for."""
    data_dir, metrics = (folder / "data").absolute(), free_port()
    settings: dict[str, Any] = {
        "DATA_DIR": str(data_dir),
        "SECRET_KEYS": SERVER_KEY,
        "MAX_LIFETIME": f"{MAX_LIFETIME}s",
        "PURGE_INTERVAL": "off",
        "TRUSTED_PROXIES": "1",
        "METRICS_BIND": f"127.0.0.1:{metrics}",
        "RATE_LIMITS": f"uploads={OFTEN} opens={OFTEN} cleanup={OFTEN}",
        "MAX_IMAGES_PER_CLIENT": "",
        "MAX_BYTES_PER_CLIENT": "",
    }
    with serving(**settings) as server:
        url = embedded.url(data_dir)
        engine, began = create_engine(url), time.monotonic()
        added = fill(engine, living, folder / "links")
        engine.dispose()
        print(f"{living:,} images: {added:,} added in {time.monotonic() - began:.0f} s", flush=True)
        while requests.get(f"{server.url}/cleanup", timeout=MOST_SECONDS).json()["deleted"]:
            pass  # what a round left that was stopped
        app = create_app(Config(database_url=url, secret_keys=(SERVER_KEY,), purge_interval=0))
        roots = [server.process.pid, *postmasters(data_dir)]
        yield Server(living, server.port, metrics, roots, app, folder / "links")
        app.shards.home.engine.dispose()


@dataclass
class Spent:
    """Filled in when a block is over: what the processes took, and bytes of WAL."""

    cost: Cost
    wal: int = 0


@contextmanager
def spending(server: Server) -> Iterator[Spent]:
    with server.app.shards.home.engine.connect() as connection, cost(server.roots, None) as found:
        spent = Spent(found)
        before = connection.execute(WAL).scalar_one()
        yield spent
        spent.wal = int(connection.execute(WAL).scalar_one() - before)


def measured(generator: Generator, servers: list[Server], turn: int) -> Iterator[Measured]:
    """One round: uploads beside each number, then opens, then what an operator asks, then the purge of the uploads."""
    for server in servers:
        yield sent(generator, server, turn)
    expired = time.monotonic() + LIFETIME + 2
    for server in servers:
        yield opens(generator, server, turn)
    for server in servers:
        yield looked(server, turn, "/healthz", asking(f"http://127.0.0.1:{server.port}/healthz"), LOOKS)
        yield looked(server, turn, "/readyz", asking(f"http://127.0.0.1:{server.port}/readyz"), LOOKS)
        yield looked(server, turn, "a scrape of METRICS_BIND", scrape(server), 2)
        yield looked(server, turn, "what flask status asks", partial(status, server.app), 2)
    time.sleep(max(0.0, expired - time.monotonic()))
    for server in servers:
        yield looked(server, turn, f"a purge of {UPLOADS}", partial(purge, server), 1)


def uploads(folder: Path) -> list[Path]:
    """Requests that upload an image that lives for seconds, each from an address of its own."""
    files = [folder / f"upload-{address}.http" for address in range(ADDRESSES)]
    image = noise_jpeg(SIZE)
    for address, file in enumerate(files):
        if not file.exists():
            head = (
                f"POST /upload?lifetime={LIFETIME} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/plain\r\n"
                f"X-Forwarded-For: 198.51.100.{address}\r\nContent-Type: image/jpeg\r\n"
                f"Content-Length: {len(image)}\r\n\r\n"
            )
            file.write_bytes(head.encode() + image)
    return files


def sent(generator: Generator, server: Server, turn: int) -> Measured:
    """Upload as many images as the purge of this round removes."""
    files, links = uploads(generator.folder), generator.folder / "sent"
    with spending(server) as spent:
        load = generator.post(server.port, CLIENTS, MOST_SECONDS, files, links, UPLOADS)
    if load.requests != UPLOADS:
        raise SystemExit(f"uploads were answered {load.statuses}")
    return entry(server, turn, "upload", (load.p50_ms, load.p99_ms), spent, UPLOADS)


def opens(generator: Generator, server: Server, turn: int) -> Measured:
    """Open images that were chosen anew out of all."""
    some = generator.folder / "some"
    links = server.links.read_text().splitlines()
    some.write_text("\n".join(random.sample(links, min(OPENS, server.living))))
    with spending(server) as spent:
        load = generator.get(server.port, CLIENTS, MOST_SECONDS, some, len(DATA), OPENS)
    if load.requests != OPENS:
        raise SystemExit(f"opens were answered {load.statuses}")
    return entry(server, turn, "open", (load.p50_ms, load.p99_ms), spent, OPENS)


def looked(server: Server, turn: int, what: str, ask: Callable[[], object], times: int) -> Measured:
    """Ask one after the other; the processor time of who asks in this process is PostgreSQL's part alone."""
    took = []
    with spending(server) as spent:
        for _ in range(times):
            began = time.perf_counter()
            ask()
            took.append((time.perf_counter() - began) * 1e3)
    return entry(server, turn, what, (statistics.median(took), max(took)), spent, times)


def entry(
    server: Server, turn: int, what: str, latencies: tuple[float, float], spent: Spent, times: int
) -> Measured:
    return Measured(
        turn, server.living, what, *latencies, spent.cost.cpu / times * 1e3, spent.wal / times / 1e3
    )


def asking(url: str) -> Callable[[], object]:
    """Ask for a page; on a busy machine the uploads of a round wait for its purge so long that /readyz is 503."""

    def ask() -> None:
        assert requests.get(url, timeout=MOST_SECONDS).status_code in {200, 503}

    return ask


def scrape(server: Server) -> Callable[[], object]:
    return asking(f"http://127.0.0.1:{server.metrics}/metrics")


def status(app: Mayfly) -> None:
    with app.app_context():
        app.status()


def purge(server: Server) -> None:
    removed = requests.get(f"http://127.0.0.1:{server.port}/cleanup", timeout=MOST_SECONDS).json()["deleted"]
    if removed != UPLOADS:
        raise SystemExit(f"a purge removed {removed}")


if __name__ == "__main__":
    main()
