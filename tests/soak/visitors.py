"""Visitors of one Mayfly at a steady rate: they upload, open, convert and delete, and let the rest expire."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from benchmarks.images import noise_jpeg
from tests.cast import FLOWER, cleaned
from tests.faults.wire import Answer, once

THREADS = 4
ADDRESSES = 20_000
LIFETIMES = (300, 60, 300, 10)
"""Seconds; most images live as long as LIFETIME says."""
CYCLE = 100
"""After so many visits the same things happen in the same order, so that the load is the same at all times."""


def pictures() -> list[bytes]:
    """What is uploaded in one cycle: photographs, some that go through the sandbox, one of 1 MB."""
    small = [FLOWER] * 6 + [noise_jpeg(100_000)] * 2 + [cleaned("hopper.png"), cleaned("hopper.webp")]
    return [*(small * (CYCLE // len(small)))[: CYCLE - 2], cleaned("hopper.gif"), noise_jpeg(1_000_000)]


@dataclass
class Visitors:
    """Threads that visit ``rate`` times a second in all; a visit that is late is not made up for.

    ``wrong`` counts each answer that must not be, by what was asked and its status.
    """

    port: int
    rate: float
    visits: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"upload": [], "open": []})
    _pictures: list[bytes] = field(default_factory=pictures)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Visitors:
        self._threads = [threading.Thread(target=self._go_on) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        pause, due = THREADS / self.rate, time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due + pause, time.monotonic())
            with self._lock:
                self.visits += 1
                number = self.visits
            self._visit(number)

    def _visit(self, number: int) -> None:
        """Upload and open an image; now and then delete it, ask for it smaller, or use up its only view."""
        host = number * 7919 % ADDRESSES
        said = {"X-Forwarded-For": f"10.0.{host // 250}.{host % 250 + 1}", "Accept": "application/json"}
        once_only = number % 10 == 3
        query = f"lifetime={LIFETIMES[number % len(LIFETIMES)]}{'&views=1' if once_only else ''}"
        sent = self._pictures[number % CYCLE]
        made = self._ask("upload", "POST", f"/upload?{query}", 201, said, sent)
        if made.status != 201:
            return
        told = made.told
        path = f"/image/{told['hash']}"
        opened = self._ask("open", "POST" if once_only else "GET", path, 200, said)
        if opened.status == 200 and sha256(opened.body).hexdigest() != told["sha256"]:
            self._note("other bytes")
        if number % 20 == 5:
            self._ask("convert", "GET", f"{path}?width=64", 200, said)
        if number % 10 == 7:
            self._ask("delete", "DELETE", f"/images/{told['image_key']}", 200, said)
        if once_only or number % 10 == 7:
            self._ask("gone", "POST", path, 404, said)

    def _ask(
        self, what: str, method: str, path: str, due: int, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        began = time.monotonic()
        answer = once(self.port, method, path, body or None, headers)
        if answer.status != due:
            self._note(f"{what} {answer.status}")
        elif what in self.milliseconds:
            self.milliseconds[what].append((time.monotonic() - began) * 1000)
        return answer

    def _note(self, what: str) -> None:
        with self._lock:
            self.wrong[what] += 1
