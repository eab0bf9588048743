"""Compares Mayfly with plain Flask and PostgreSQL alone, and writes docs/measurements/benchmarks.md.

`python -m benchmarks.run [--quick]`, or `make bench`.
"""

import argparse
import io
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from benchmarks import postgres_alone
from benchmarks.figures import Figures
from benchmarks.images import SIZES, noise_jpeg
from benchmarks.load import Generator, Load
from benchmarks.peer import bepasty
from benchmarks.processes import Cost, cost
from benchmarks.report import ALONE, BARE, PEER, print_table, write
from benchmarks.subjects import SUBJECTS, Served, Subject

MOST_BYTES = 1_500_000_000  # a cell's uploads, so that no disk fills


@dataclass
class Plan:
    """What is measured, how often and for how long."""

    sizes: dict[str, int] = field(default_factory=lambda: SIZES)
    clients: tuple[int, ...] = (1, 8, 32)
    rounds: int = 3
    seconds: float = 3.0
    subjects: dict[str, Subject] = field(default_factory=lambda: SUBJECTS)


QUICK = Plan({name: SIZES[name] for name in ("100 KB", "1 MB")}, (8,), 1, 1.5)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="100 KB and 1 MB, 8 clients, one round; writes nothing"
    )
    options.add_argument("--peer", action="store_true", help="bepasty too, with 8 clients")
    options.add_argument("--rounds", type=int)
    options.add_argument("--seconds", type=float)
    chosen = options.parse_args()
    plan = QUICK if chosen.quick else Plan()
    plan.rounds, plan.seconds = chosen.rounds or plan.rounds, chosen.seconds or plan.seconds
    if chosen.peer:
        plan.subjects = SUBJECTS | {PEER: bepasty}
    began, figures = time.monotonic(), Figures()
    with tempfile.TemporaryDirectory() as temporary:
        generator = Generator(Path(temporary))
        for turn in range(plan.rounds):
            for size_name, size in plan.sizes.items():
                measure_round(generator, figures, plan, turn, size_name, size)
            figures.minutes = (time.monotonic() - began) / 60
            if not chosen.quick:
                write(
                    figures, turn + 1, plan.seconds
                )  # after each round, so that a stopped run leaves a report
    print_table(figures)


def measure_round(
    generator: Generator, figures: Figures, plan: Plan, turn: int, size_name: str, size: int
) -> None:
    """Measure all subjects with images of one size, each with a new cluster; the order rotates with the rounds."""
    order = [ALONE, *plan.subjects]
    for subject in order[turn % len(order) :] + order[: turn % len(order)]:
        print(f"round {turn + 1}: {size_name}, {subject}", flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "data"
            if subject == ALONE:
                measure_alone(folder, figures, plan, size_name, size)
                continue
            clients = (8,) if subject == PEER else plan.clients
            with plan.subjects[subject](folder) as served:
                for number, verb, load, spent in measure(generator, served, clients, plan.seconds, size):
                    figures.add((subject, verb, size_name, number), load, spent)


def measure(
    generator: Generator, served: Served, clients: tuple[int, ...], seconds: float, size: int
) -> Iterator[tuple[int, str, Load, Cost]]:
    """Measure uploads, then opens of the resulting links, for each number of clients."""
    links = generator.folder / "links"
    image = noise_jpeg(size)
    uploads, most = [generator.upload(image, served.upload)], max(MOST_BYTES // size, 64)
    generator.post(served.port, 4, 0.5, uploads, links, most)
    length = check(served, links, image)
    generator.get(served.port, 4, 0.5, links, length, served.opened)
    for number in clients:
        watching = 0.25 if number == max(clients) else None
        with cost(served.roots, watching) as spent:
            load = generator.post(served.port, number, seconds, uploads, links, most)
        yield number, "up", load, spent
        with cost(served.roots, watching) as spent:
            load = generator.get(served.port, number, seconds, links, length, served.opened)
        yield number, "open", load, spent


def check(served: Served, links: Path, image: bytes) -> int:
    """Check that the first link returns the uploaded picture; return its length in bytes as it is served."""
    link = links.read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}{link}{served.opened}") as answer:
        came: bytes = answer.read()
    if came != image and pixels(came) != pixels(image):
        raise SystemExit(f"{link[:7]}… gives another picture than was sent")
    return len(came)


def pixels(image: bytes) -> bytes:
    with Image.open(io.BytesIO(image)) as picture:
        return picture.tobytes()


def measure_alone(folder: Path, figures: Figures, plan: Plan, size_name: str, size: int) -> None:
    with postgres_alone.running(folder) as url:
        figures.settings = postgres_alone.settings(url)
        postgres_alone.in_and_out(url, size, 0.5)
        loops = postgres_alone.in_and_out(url, size, plan.seconds)
        for verb, loop in zip(("up", "open"), loops, strict=True):
            figures.add_loop((ALONE, verb, size_name, postgres_alone.CONNECTIONS), loop, size)
        if plan.clients[0] == 1:
            bare = postgres_alone.in_and_out(url, size, plan.seconds / 2, ("insert", "select"), 1)
            for verb, loop in zip(("up", "open"), bare, strict=True):
                figures.add_loop((BARE, verb, size_name, 1), loop, size)


if __name__ == "__main__":
    main()
