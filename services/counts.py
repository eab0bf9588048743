"""The metrics of this process for Prometheus; docs/metrics.md explains each.

Until ``start_counting`` is called nothing is counted, and prometheus_client is not loaded. The values of labels come
from lists in the program, never from a request, so they are few and contain no secret.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any

STEPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the histograms' buckets, in seconds."""
_NOTHING = nullcontext()
_families: list[Family] = []


class Family:
    """A metric with a value for each combination of label values."""

    kind = ""
    options: dict[str, Any] = {}  # noqa: RUF012 - each class has its own, which nobody changes

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._metric: Any = None
        self._children: dict[tuple[str, ...], Any] = {}
        _families.append(self)

    def begin(self, library: Any) -> None:
        """Start counting, with a metric of prometheus_client."""
        make = getattr(library, self.kind)
        self._metric = make(self.name, self.meaning, self.labels, registry=None, **self.options)
        self._children = {} if self.labels else {(): self._metric}

    def _child(self, values: tuple[str, ...]) -> Any:
        # Looking it up in prometheus_client would cost more than counting does.
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = self._metric.labels(*values)
        return child


class Count(Family):
    """A counter of events. It never decreases, even when workers are restarted."""

    kind = "Counter"

    def add(self, *labels: str, amount: float = 1) -> None:
        """Add ``amount``."""
        if self._metric is not None:
            self._child(labels).inc(amount)


class Level(Family):
    """A gauge: the current value, summed over all living processes."""

    kind = "Gauge"
    options = {"multiprocess_mode": "livesum"}  # noqa: RUF012

    def set(self, *labels: str, to: float) -> None:
        """Set the value of this process."""
        if self._metric is not None:
            self._child(labels).set(to)


class Seconds(Family):
    """A histogram of durations in seconds."""

    kind = "Histogram"
    options = {"buckets": STEPS}  # noqa: RUF012

    def note(self, *labels: str, seconds: float) -> None:
        """Add one duration."""
        if self._metric is not None:
            self._child(labels).observe(seconds)

    def timed(self, *labels: str) -> AbstractContextManager[None]:
        """Measure the duration of a block; a block that raises is not counted."""
        return _NOTHING if self._metric is None else _Timer(self._child(labels))


class _Timer(AbstractContextManager[None]):
    def __init__(self, child: Any) -> None:
        self._child = child

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._child.observe(time.perf_counter() - self._began)


def start_counting(process: str) -> None:
    """Start counting, in files in the folder that ``share_counts_in`` has set.

    The names of the files contain ``process``. Processes that run at the same time need different ones; a process may
    reuse that of an ended process, and then continues its counts.
    """
    import prometheus_client  # it takes 30 ms, which a server without METRICS_BIND doesn't spend
    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]
    for family in _families:
        family.begin(prometheus_client)
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
