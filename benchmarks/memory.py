"""Measures memory by process, idle and under load, and the time of a start: `python -m benchmarks.memory [TREE …]`.

Each TREE is a checkout with a .venv; several are measured in turn. As root, the page cache is dropped before the cold
start.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from benchmarks.images import noise_jpeg
from benchmarks.load import Generator
from benchmarks.processes import cost, cpu_seconds, memory, tree
from benchmarks.subjects import ONE_ADDRESS, ROOT, Served, environment, process
from tests.processes import command_of, free_port, name_of

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
CLIENTS, SIZE = 8, 1_000_000
STATES = (("ready", 4.0), ("idle", 21.0))
"""When memory is measured: a server whose workers all wait, and one that nobody has used, in seconds after it."""
MB = 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("trees", nargs="*", type=Path, default=[ROOT])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--workers", default="2")
    chosen = options.parse_args()
    figures: dict[tuple[Path, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        generator = Generator(Path(folder))
        for _ in range(chosen.rounds):
            for checkout in chosen.trees:
                for name, amount in measure(generator, checkout.resolve(), chosen.workers, chosen.seconds):
                    figures[checkout, name].append(amount)
    for (checkout, name), amounts in figures.items():
        spread = f"{min(amounts):.2f} to {max(amounts):.2f}"
        print(f"{checkout.resolve().name:12} {name:44} {statistics.median(amounts):8.2f}   {spread}")


def measure(
    generator: Generator, checkout: Path, workers: str, seconds: float
) -> Iterator[tuple[str, float]]:
    """Measure the first, a cold and a warm start with the same cluster, then the server idle and under load."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("first", "cold", "warm"):
            if name == "cold":
                drop_caches()
            with started(checkout, folder, workers) as (served, wall, processor):
                yield f"start, {name}: seconds", wall
                yield f"start, {name}: processor seconds", processor
                if name == "warm":
                    yield from unused(served)
                    yield from loaded(generator, served, seconds)


@contextmanager
def started(checkout: Path, folder: Path, workers: str) -> Iterator[tuple[Served, float, float]]:
    """Start a server; yield it, and the seconds and processor seconds until its first answer."""
    port, began = free_port(), time.monotonic()
    settings = {"DATA_DIR": str(folder), "BIND": f"127.0.0.1:{port}", "WORKERS": workers, **ONE_ADDRESS}
    command = [str(checkout / ".venv/bin/python"), "app.py"]
    with process(command, checkout, environment(settings), port, folder, look=0.002) as served:
        urlopen(f"http://127.0.0.1:{port}/healthz").close()
        yield served, time.monotonic() - began, cpu_seconds(tree(served.roots))


def drop_caches() -> None:
    if os.geteuid() == 0:
        os.sync()
        DROP_CACHES.write_text("3")


def unused(served: Served) -> Iterator[tuple[str, float]]:
    for state, seconds in STATES:
        time.sleep(seconds)
        by_kind: Counter[str] = Counter()
        for pid in tree(served.roots):
            by_kind[kind_of(pid, served)] += memory([pid])[1]
        for kind, amount in sorted(by_kind.items()):
            yield f"{state}, {kind}: MB", amount / MB
        yield f"{state}, all: MB", by_kind.total() / MB


def kind_of(pid: int, served: Served) -> str:
    """Return the kind of a process, which is counted with all others of its kind."""
    words = command_of(pid)
    if "postgres" in words:
        return "PostgreSQL"
    if pid == served.roots[0]:
        return "main process"
    name = "origin" if name_of(pid) == "mayfly-origin" else "workers"
    return name if "app.py" in words else "sandboxes"


def loaded(generator: Generator, served: Served, seconds: float) -> Iterator[tuple[str, float]]:
    """Measure the peak PSS of all processes, and the processor time of a request, while clients upload and open."""
    links, image = generator.folder / "links", noise_jpeg(SIZE)
    upload = generator.upload(image)
    with cost(served.roots, 0.25) as spent:
        load = generator.post(served.port, CLIENTS, seconds, [upload], links, 10**6)
    yield "8 clients up, 1 MB: processor ms a request", spent.cpu * 1000 / max(load.requests, 1)
    yield "8 clients up, 1 MB: peak MB", spent.pss / MB
    with cost(served.roots, 0.25) as spent:
        load = generator.get(served.port, CLIENTS, seconds, links, len(image))
    yield "8 clients open, 1 MB: processor ms a request", spent.cpu * 1000 / max(load.requests, 1)
    yield "8 clients open, 1 MB: peak MB", spent.pss / MB


if __name__ == "__main__":
    main()
