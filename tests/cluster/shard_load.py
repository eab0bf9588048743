"""Uploads to and opens from several of Mayfly without a pause, each answer judged by which databases are away."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import requests

from tests.cast import FLOWER
from tests.shards import name_of

PATIENCE = 60
PAUSE = 0.1
LAST_LOOK = 3
"""So many seconds before its end each image is opened once more."""
AWAY, MISSING = 503, 404


class Serving(Protocol):
    """A Mayfly."""

    @property
    def url(self) -> str:
        """Where it answers."""

    @property
    def in_rotation(self) -> bool:
        """Whether it is asked at all."""


class Image(NamedTuple):
    """An image whose upload was acknowledged, and until when it surely lives, by time.monotonic()."""

    link: str
    end: float


@dataclass
class Load:
    """Clients of all nodes; ``names`` are the shards of the newest list, ``away`` those that may answer 503."""

    nodes: Collection[Serving]
    life: float
    names: Collection[str] = ()
    away: Collection[str] = ()
    seen: Counter[str] = field(default_factory=Counter)
    slowest_upload: float = 0
    waits: list[float] = field(default_factory=list)
    """How long each 503 of an image that is away took, in seconds."""
    _images: deque[Image] = field(default_factory=deque)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        deeds = (self._upload, self._upload, self._open_any, self._open_last)
        threads = [threading.Thread(target=self._go_on, args=(deed,)) for deed in deeds]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def start_anew(self) -> None:
        """Forget what was counted."""
        self.seen.clear()
        self.slowest_upload = 0
        self.waits = []

    def _go_on(self, deed: Callable[[], None]) -> None:
        while not self._over.wait(PAUSE):
            deed()

    def _ask(self, method: str, path: str, data: bytes | None = None) -> tuple[int, bytes]:
        node = random.choice([node for node in self.nodes if node.in_rotation])
        try:
            answer = requests.request(method, node.url + path, data=data, timeout=PATIENCE)
            return answer.status_code, answer.content
        except requests.RequestException:
            return 0, b""

    def _upload(self) -> None:
        began = time.monotonic()
        status, told = self._ask("POST", "/upload", FLOWER)
        self.slowest_upload = max(self.slowest_upload, time.monotonic() - began)
        if status == 201:  # its end is in whole seconds, rounded down
            self._images.append(Image(json.loads(told)["hash"], began + self.life - 1))
            self.seen["acknowledged"] += 1
        else:
            self.seen[f"upload {status}"] += 1

    def _open_any(self) -> None:
        images = list(self._images)
        if images:
            self._open(random.choice(images))

    def _open_last(self) -> None:
        """Open each image whose end is near."""
        while self._images and self._images[0].end - time.monotonic() < LAST_LOOK:
            image = self._images.popleft()
            if self._open(image):
                self.seen["opened last"] += 1

    def _open(self, image: Image) -> bool:
        """Open an image; True where that was done, or where it was too late for it."""
        away, began = self.away, time.monotonic()
        status, told = self._ask("GET", f"/image/{image.link}")
        if status == 200 and told == FLOWER:
            self.seen["opened"] += 1
        elif status == AWAY and name_of(image.link, self.names) in {*away, *self.away}:
            self.seen["away"] += 1
            self.waits.append(time.monotonic() - began)
        elif status != MISSING:
            self.seen[f"open {status}"] += 1
        elif time.monotonic() < image.end:
            self.seen["lost"] += 1
        return status == 200
