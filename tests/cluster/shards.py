"""Databases die, come and go under load: `python -m tests.cluster.shards [--times 3]`.

Two Mayfly servers share up to three PostgreSQL servers, each with a folder of its own. First all but one database are
killed, each being the survivor in turn; then the list grows from two to three and shrinks again, server by server as
docs/operations.md has it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

import embedded
from tests.cast import FLOWER, SERVER_KEY
from tests.processes import Served, free_port, serving
from tests.shards import name_of

LIFE = 120
NAMES = "abc"
MARGIN = 5
"""Seconds before its end in which an image is not asked for any more."""
CHECKED = 200
"""How many images are opened, at most, to see that none is lost."""


class Database:
    """A PostgreSQL server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: AbstractContextManager[str] | None = None
        self.start()

    def start(self) -> None:
        self._running = embedded.running(self._folder)
        self.url = self._running.__enter__()

    def kill(self) -> None:
        pid = int((self._folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


@dataclass
class Node:
    """A Mayfly that is started anew with other settings, out of rotation meanwhile."""

    port: int = field(default_factory=free_port)
    served: Served | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    def start(self, folder: Path, shards: dict[str, str], before: dict[str, str]) -> None:
        settings = {
            "SHARDS": written(shards),
            "SHARDS_BEFORE": written(before),
            "SECRET_KEYS": SERVER_KEY,
            "DATA_DIR": str(folder),
            "LIFETIME": f"{LIFE}s",
            "MAX_LIFETIME": f"{LIFE}s",
            "LOG_LEVEL": "warning",
            "WORKERS": "1",
        }
        self.served = self.stack.enter_context(serving(port=self.port, **settings))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.served = None
        time.sleep(1)  # what is under way ends
        self.stack.close()


def written(urls: dict[str, str]) -> str:
    return " ".join(f"{name}={url}" for name, url in urls.items())


@dataclass
class Load:
    """Uploads and opens without a pause, and judges each answer; ``dead`` are the shards that may answer 503."""

    nodes: list[Node]
    counts: Counter[str] = field(default_factory=Counter)
    images: dict[str, float] = field(default_factory=dict)
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        deeds = (self._upload, self._upload, self._open, self._open)
        threads = [threading.Thread(target=self._go_on, args=(deed,), daemon=True) for deed in deeds]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)

    def _go_on(self, deed: object) -> None:
        while not self._over.wait(0.05):
            assert callable(deed)
            deed()

    def _ask(self, kind: str, method: str, path: str, data: bytes | None = None) -> requests.Response | None:
        node = random.choice([node for node in self.nodes if node.served])
        began = time.monotonic()
        try:
            answer = requests.request(method, f"http://127.0.0.1:{node.port}{path}", data=data, timeout=60)
        except requests.RequestException:
            self.counts[f"{kind} broken"] += 1
            return None
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.counts[f"{kind} {answer.status_code}"] += 1
        return answer

    def _upload(self) -> None:
        answer = self._ask("upload", "POST", "/upload", FLOWER)
        if answer is not None and answer.status_code == 201:
            with self._lock:
                self.images[answer.json()["hash"]] = time.monotonic() + LIFE - MARGIN

    def _open(self) -> None:
        living = self._living()
        if living:
            answer = self._ask("open", "GET", f"/image/{random.choice(living)}")
            if answer is not None and answer.status_code == 200 and answer.content != FLOWER:
                self.counts["open wrong"] += 1

    def _living(self) -> list[str]:
        with self._lock:
            self.images = {link: end for link, end in self.images.items() if end > time.monotonic()}
            return list(self.images)

    def lost(self, names: dict[str, str]) -> str:
        """Open some of the living images, and tell of which shards how many did not open."""
        asked = random.sample(living := self._living(), min(CHECKED, len(living)))
        bad: Counter[str] = Counter()
        for link in asked:
            answer = self._ask("check", "GET", f"/image/{link}")
            if answer is None or (answer.status_code != 200 and link in self._living()):
                bad[name_of(link, names)] += 1
        return f"{len(living)} acknowledged and alive, {len(asked)} asked for, not opened: {dict(bad) or 0}"

    def told(self, what: str) -> None:
        tell(f"{what}: {dict(sorted(self.counts.items()))}, slowest answer {self.slowest:.1f} s")
        self.counts.clear()
        self.slowest = 0.0


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def deaths(load: Load, databases: dict[str, Database], urls: dict[str, str]) -> None:
    """Kill all databases but one, and start them again; each one is the survivor once."""
    for survivor in urls:
        dead = [name for name in urls if name != survivor]
        for name in dead:
            databases[name].kill()
            time.sleep(3)
        load.told(f"{' and '.join(dead)} killed, {survivor} alive")
        for name in dead:
            databases[name].start()
        time.sleep(3)
        tell(f"  all started again: {load.lost(urls)}")
        load.told("  meanwhile")


def roll(nodes: list[Node], folder: Path, shards: dict[str, str], before: dict[str, str]) -> None:
    for node in nodes:
        node.stop()
        node.start(folder, shards, before)


def growth(load: Load, folder: Path, two: dict[str, str], three: dict[str, str]) -> None:
    """From two databases to three and back, without a miss."""
    for old, new, what in ((three, two, "3 to 2"), (two, three, "2 to 3")):
        for shards, before in ((old, new), (new, old)):
            roll(load.nodes, folder, shards, before)
        time.sleep(LIFE)
        roll(load.nodes, folder, new, {})
        time.sleep(5)
        load.told(f"{what} databases")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        databases = {each: Database(folder / each) for each in NAMES}
        for database in databases.values():
            stack.callback(database.end)
        urls = {each: database.url for each, database in databases.items()}
        load = Load([Node(), Node()])
        for node in load.nodes:
            stack.callback(node.stop)
            node.start(folder, urls, {})
        with load.running():
            for _ in range(times):
                deaths(load, databases, urls)
                growth(load, folder, {each: urls[each] for each in "ab"}, urls)


if __name__ == "__main__":
    main()
