"""The metrics of this process for Prometheus; docs/metrics.md explains each.

Until ``start_counting`` is called nothing is counted, and prometheus_client is not loaded. The values of labels come
from lists in the program, never from a request, so they are few and contain no secret.
"""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_left
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

STEPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the histograms' buckets, in seconds."""
_NOTHING = nullcontext()
_families: list[Family] = []
_lock = threading.Lock()
"""Held by the thread that counts: a file is written at its end by whoever counts something new."""


class Family:
    """A metric with a value for each combination of label values."""

    kind = ""
    """What the names of its files begin with, by which prometheus_client knows how to add them up."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._counts = False
        self._file: Any = None
        self._children: dict[tuple[str, ...], Any] = {}
        _families.append(self)

    def begin(self, file: Any) -> None:
        """Count from now on, in a file of prometheus_client."""
        self._file, self._children = file, {}
        self._counts = True
        if not self.labels:
            self._child(())

    def _number(self, values: tuple[str, ...], end: str = "", **more: str) -> Number:
        """Return the number of a sample: its name is the metric's and ``end``, and it may have ``more`` labels."""
        labels = dict(zip(self.labels, values, strict=True)) | more
        return Number(
            self._file, json.dumps([self.name, self.name + end, labels, self.meaning], sort_keys=True)
        )

    def _child(self, values: tuple[str, ...]) -> Any:
        child = self._children.get(values)
        if child is None:
            with _lock:
                child = self._children.setdefault(values, self._new(values))
        return child

    def _new(self, values: tuple[str, ...]) -> Any:
        raise NotImplementedError


class Number:
    """A number in a file that scrapes read; only a thread that holds the lock may use it.

    The metrics of prometheus_client would do the same in three times as much processor time.
    """

    def __init__(self, file: Any, key: str) -> None:
        self._file, self._key = file, key
        self._value, _ = file.read_value(key)

    def add(self, amount: float) -> None:
        """Add to it."""
        self._value += amount
        self._file.write_value(self._key, self._value, 0.0)

    def set(self, to: float) -> None:
        """Make it another."""
        self._value = to
        self._file.write_value(self._key, to, 0.0)


class Count(Family):
    """A counter of events. It never decreases, even when workers are restarted."""

    kind = "counter"

    def _new(self, values: tuple[str, ...]) -> Number:
        return self._number(values, "_total")

    def add(self, *labels: str, amount: float = 1) -> None:
        """Add ``amount``."""
        if self._counts:
            number = self._child(labels)
            with _lock:
                number.add(amount)


class Level(Family):
    """A gauge: the current value, summed over all living processes."""

    kind = "gauge_livesum"

    def _new(self, values: tuple[str, ...]) -> Number:
        return self._number(values)

    def set(self, *labels: str, to: float) -> None:
        """Set the value of this process."""
        if self._counts:
            number = self._child(labels)
            with _lock:
                number.set(to)


class Seconds(Family):
    """A histogram of durations in seconds."""

    kind = "histogram"

    def _new(self, values: tuple[str, ...]) -> Durations:
        bounds = [self._number(values, "_bucket", le=str(bound)) for bound in STEPS]
        return Durations(self._number(values, "_sum"), [*bounds, self._number(values, "_bucket", le="+Inf")])

    def note(self, *labels: str, seconds: float) -> None:
        """Add one duration."""
        if self._counts:
            self._child(labels).note(seconds)

    def timed(self, *labels: str) -> AbstractContextManager[None]:
        """Measure the duration of a block; a block that raises is not counted."""
        return _Timer(self._child(labels)) if self._counts else _NOTHING


class Durations(NamedTuple):
    """The numbers of a histogram: the sum of all durations, and how many fell into each bucket."""

    total: Number
    buckets: list[Number]

    def note(self, seconds: float) -> None:
        """Add one duration."""
        bucket = self.buckets[bisect_left(STEPS, seconds)]
        with _lock:
            self.total.add(seconds)
            bucket.add(1)


class _Timer(AbstractContextManager[None]):
    def __init__(self, durations: Durations) -> None:
        self._durations = durations

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._durations.note(time.perf_counter() - self._began)


def start_counting(folder: Path, process: str) -> None:
    """Start counting, in files in this folder, which prometheus_client was told of.

    The names of the files contain ``process``. Processes that run at the same time need different ones; a process may
    reuse that of an ended process, and then continues its counts.
    """
    # It takes 30 ms, which a server without METRICS_BIND doesn't spend.
    from prometheus_client.mmap_dict import MmapedDict

    open_file: Any = MmapedDict
    files = {
        kind: open_file(str(folder / f"{kind}_{process}.db")) for kind in {its.kind for its in _families}
    }
    for family in _families:
        family.begin(files[family.kind])
    # Counters with alerts start at 0, because Prometheus sees no increase when a counter first appears with the value
    # 1.
    REFUSED.add("too_busy", amount=0)
    for of, outcome in product(("image", "account"), ("right", "wrong")):
        GUESSES.add(of, outcome, amount=0)


REQUESTS = Count("mayfly_requests", "Requests that the application answered.", "route", "method", "status")
REQUEST_SECONDS = Seconds("mayfly_request_seconds", "Time in the application.", "route")
RECEIVED = Count("mayfly_received_bytes", "Bytes of requests' bodies that were read.")
SENT = Count("mayfly_sent_bytes", "Bytes of answers' bodies, by Content-Length.")
REFUSED = Count("mayfly_refusals", "Requests that were refused, by the error's code.", "reason")
ERRORS = Count("mayfly_unexpected_errors", "Unexpected errors of the program, answered with 500.")
LIMITS_HIT = Count("mayfly_limits_hit", "Requests over a limit of RATE_LIMITS.", "limit")
STEP_SECONDS = Seconds("mayfly_step_seconds", "Time of a step of an upload or an open.", "step")
VIEWS_CLAIMED = Count("mayfly_views_claimed", "Views of images whose views are limited.")
CUT_OFF = Count(
    "mayfly_cut_off", "Bodies and answers that were ended, since they were too slow or the image had ended."
)
GUESSES = Count("mayfly_guesses", "Passwords that were tried.", "of", "outcome")
PURGED = Count("mayfly_purged_rows", "Rows of expired images that a purge deleted.")
SWEPT = Count(
    "mayfly_swept_objects", "Objects that a sweep removed from the object store since they were over."
)
STORE_REQUESTS = Count("mayfly_store_requests", "Requests to the object store.", "what", "outcome")
SANDBOX_DEATHS = Count("mayfly_sandbox_deaths", "Sandboxes that died or were killed in the middle of a job.")
WORKER_STARTS = Count("mayfly_worker_starts", "Worker processes that began to serve.")

WORKERS = Level("mayfly_workers", "Worker processes that live.")
EXPENSIVE_RUNNING = Level("mayfly_dear_running", "Requests that do expensive work now.", "what")
EXPENSIVE_WAITING = Level("mayfly_dear_waiting", "Requests in the queue for expensive work.", "what")
MEMORY_GIVEN = Level("mayfly_memory_given_bytes", "Memory for images that is given out.", "part")
MEMORY_MOST = Level("mayfly_memory_most_bytes", "Memory for images that may be given out.", "part")
MEMORY_WAITING = Level("mayfly_memory_waiting", "Requests that wait for memory.", "part")
CONNECTIONS_USED = Level("mayfly_connections_used", "Connections to the database that are in use.")
CONNECTIONS_MOST = Level("mayfly_connections_most", "Connections to the database that may be in use.")
CONNECTIONS_WAITING = Level("mayfly_connections_waiting", "Threads that wait for a connection.")
THREADS_BUSY = Level("mayfly_threads_busy", "Threads that answer a request.")
THREADS_MOST = Level("mayfly_threads_most", "Threads that may answer requests.")
THREADS_WAITING = Level("mayfly_threads_waiting", "Requests that wait for a thread.")
