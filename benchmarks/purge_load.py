"""Latencies of uploads and opens while 100 MB of expired images are removed every second, against without."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.images import SIZES, noise_jpeg
from benchmarks.load import Generator, Load
from benchmarks.purge_expired import Images
from benchmarks.subjects import Served, mayfly

CLIENTS = 8
EVERY = 1.0  # seconds
FIRST = 0.3  # seconds from a window's begin to its first purge
AT_ONCE = 100  # images of 1 MB a purge
WINDOWS = ("without", "with", "without again")
"""The third shows how far apart two windows are between which nothing differs."""


@dataclass
class Rounds:
    """What the generator saw, by verb and window; one entry a round."""

    loads: dict[tuple[str, str], list[Load]] = field(default_factory=dict)
    purges: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, verb: str, window: str, load: Load) -> None:
        if load.failed or load.wrong_length or not load.requests:
            raise SystemExit(f"{verb}, {window}: not every answer was good: {load}")
        self.loads.setdefault((verb, window), []).append(load)


def measure(folder: Path, generator: Generator, rounds: int, seconds: float) -> Rounds:
    """Rounds of uploads and of opens, each with the three windows in an order that turns."""
    found = Rounds(seconds=seconds)
    with mayfly(folder, PURGE_INTERVAL="off") as served:
        images = Images(folder)
        calls = Calls(generator, served)
        calls.run("up", 1)
        for turn in range(rounds):
            for verb in ("up", "open"):
                print(f"round {turn + 1}: {verb}", flush=True)
                one(found, images, calls, verb, WINDOWS[turn % 3 :] + WINDOWS[: turn % 3])
        images.close()
    return found


def one(found: Rounds, images: Images, calls: "Calls", verb: str, windows: tuple[str, ...]) -> None:
    """The windows of one verb; the images that are to go are there before the first one."""
    batches = [images.fill(AT_ONCE, 1) for _ in range(int((found.seconds - FIRST) // EVERY) + 1)]
    calls.run("up", 0.5)  # what is opened, and must live longer than the windows
    for window in windows:
        images.settle()
        if window != "with":
            found.add(verb, window, calls.run(verb, found.seconds))
            continue
        with purging(images, batches, calls.port, found.purges):
            found.add(verb, window, calls.run(verb, found.seconds))


class Calls:
    """The generator's runs against one server."""

    def __init__(self, generator: Generator, served: Served) -> None:
        self.port = served.port
        self._generator = generator
        self._image = noise_jpeg(SIZES["100 KB"])
        self._files = generator.requests("upload", [self._image])
        self._links = generator.folder / "links"

    def run(self, verb: str, seconds: float) -> Load:
        if verb == "up":
            return self._generator.post(self.port, CLIENTS, seconds, self._files, self._links)
        return self._generator.get(self.port, CLIENTS, seconds, self._links, len(self._image))


@contextmanager
def purging(images: Images, batches: list[list[int]], port: int, times: list[float]) -> Iterator[None]:
    """Have a batch expire, and be purged by /cleanup, every second while the block runs.

    All expiries are moved beforehand, so that this costs the window nothing.
    """
    for turn, batch in enumerate(batches):
        images.expire(batch, FIRST / 2 + turn * EVERY)
    begin, deleted = time.monotonic(), 0

    def purge() -> None:
        nonlocal deleted
        for turn in range(len(batches)):
            time.sleep(max(0.0, begin + FIRST + turn * EVERY - time.monotonic()))
            asked = time.monotonic()
            deleted += cleaned_up(port)
            times.append(time.monotonic() - asked)

    thread = threading.Thread(target=purge)
    thread.start()
    yield
    thread.join()
    left = set(images.filled()) & {slot for batch in batches for slot in batch}
    if deleted != AT_ONCE * len(batches) or left:
        raise SystemExit(f"purged {deleted} of {AT_ONCE * len(batches)} images, slots left: {left}")


def cleaned_up(port: int) -> int:
    """Ask for a purge as a cron job would; tells how many images went."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cleanup", timeout=30) as answer:
        return int(json.load(answer)["deleted"])
