"""Clients that continue during every fault, and checks of what they stored."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from models import LOGGED, SLOTS, UNLOGGED, ciphertexts
from tests.databases import value
from tests.faults.wire import once, upload
from tests.processes import Served, until

LOADERS = 4


@dataclass
class Load:
    """Clients that upload and read what was confirmed, and what they saw."""

    server: Served
    image: bytes
    uploads: Counter[int] = field(default_factory=Counter)
    reads: Counter[int] = field(default_factory=Counter)
    confirmed: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(LOADERS) as pool:
            loaders = [pool.submit(self._run) for _ in range(LOADERS)]
            try:
                yield
            finally:
                self.done.set()
            for loader in loaders:
                loader.result()

    def _run(self) -> None:
        while not self.done.is_set():
            answer = upload(self.server.port, self.image, lifetime="50m")
            self.uploads[answer.status] += 1
            if answer.status == 201:
                self.confirmed.append(answer.told["hash"])
            if self.confirmed:
                self.reads[self._read(random.choice(self.confirmed))] += 1

    def _read(self, link: str) -> int:
        answer = once(self.server.port, "GET", f"/image/{link}")
        return answer.status if answer.status != 200 or answer.body == self.image else -1

    def goes_on(self) -> bool:
        before = self.uploads[201]
        return until(lambda: self.uploads[201] > before + 10 * LOADERS, 60)

    def lost(self, most: int = 10**6) -> list[str]:
        """Those of the newest confirmed images that don't open."""
        return [link for link in self.confirmed[-most:] if self._read(link) != 200]


def wrongs(log: str) -> str:
    """The part of a log that tells of errors nobody expected."""
    return log[log.find("unexpected") :][:5000]


def halves(database_url: str) -> int:
    """Count images that are no receipts and whose sealed bytes are not all there, and sealed bytes without an image."""
    bytes_of = " UNION ALL ".join(
        f"SELECT row_key, octet_length(sealed) AS length FROM {ciphertexts(slot, ring)}"
        for ring in (LOGGED, UNLOGGED)
        for slot in range(SLOTS)
    )
    stored = f"SELECT row_key, sum(length) AS length FROM ({bytes_of}) AS pieces GROUP BY row_key"
    joined = f"images FULL JOIN ({stored}) AS sealed USING (row_key)"
    # The seal adds a head, a tag and the padding: crypto/README.md.
    whole = "sealed.length = 57 + 16 * (images.size / 16 + 1)"
    receipt = "images.views_left = 0 AND sealed.length IS NULL"
    wrong = f"({whole}) IS NOT TRUE AND ({receipt}) IS NOT TRUE"
    return int(value(database_url, f"SELECT count(*) FROM {joined} WHERE {wrong}"))
