"""What is counted and timed in this process, for Prometheus; each metric is explained in docs/metrics.md.

Until ``start_counting`` is called nothing is counted, and prometheus_client is not even loaded. The values of labels
come from lists in the program, never from a request: none is a secret, and there are few.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any

STEPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of histograms, in seconds."""
_NOTHING = nullcontext()
_families: list[Family] = []


class Family:
    """A metric with a value for each combination of its labels."""

    kind = ""
    options: dict[str, Any] = {}  # noqa: RUF012 - each class has its own, which nobody changes

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name, self.meaning, self.labels = name, meaning, labels
        self._metric: Any = None
        self._children: dict[tuple[str, ...], Any] = {}
        _families.append(self)

    def begin(self, library: Any) -> None:
        """Count from now on, by a metric of prometheus_client."""
        make = getattr(library, self.kind)
        self._metric = make(self.name, self.meaning, self.labels, registry=None, **self.options)
        self._children = {} if self.labels else {(): self._metric}

    def _child(self, values: tuple[str, ...]) -> Any:
        # Asking prometheus_client for it costs more than counting does.
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = self._metric.labels(*values)
        return child


class Count(Family):
    """Something that happens; the number only grows, over restarts of workers too."""

    kind = "Counter"

    def add(self, *labels: str, amount: float = 1) -> None:
        """Count ``amount`` more."""
        if self._metric is not None:
            self._child(labels).inc(amount)


class Level(Family):
    """How much there is at the moment, in all processes that live together."""

    kind = "Gauge"
    options = {"multiprocess_mode": "livesum"}  # noqa: RUF012

    def set(self, *labels: str, to: float) -> None:
        """Say how much there is in this process."""
        if self._metric is not None:
            self._child(labels).set(to)


class Seconds(Family):
    """How long something took, as a histogram."""

    kind = "Histogram"
    options = {"buckets": STEPS}  # noqa: RUF012

    def note(self, *labels: str, seconds: float) -> None:
        """Count one that took so long."""
        if self._metric is not None:
            self._child(labels).observe(seconds)

    def timed(self, *labels: str) -> AbstractContextManager[None]:
        """Time a block; one that raises is not counted."""
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
    """Count from now on, in files of the folder that prometheus_client was told of.

    ``process`` stands in their names. Of processes that run at the same time each needs another one; one that comes
    after another has ended may take its, and counts on.
    """
    import prometheus_client  # it takes 30 ms, which a server without METRICS_BIND doesn't spend
    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]
    for family in _families:
        family.begin(prometheus_client)
    # What alerts look at is there from the beginning: the first of something that was never told is no increase.
    REFUSED.add("too_busy", amount=0)
    for of, outcome in product(("image", "account"), ("right", "wrong")):
        GUESSES.add(of, outcome, amount=0)


REQUESTS = Count("mayfly_requests", "Answers of the application.", "route", "method", "status")
REQUEST_SECONDS = Seconds("mayfly_request_seconds", "Time in the application.", "route")
RECEIVED = Count("mayfly_received_bytes", "Bytes of requests' bodies that were read.")
SENT = Count("mayfly_sent_bytes", "Bytes of answers' bodies, as announced.")
REFUSED = Count("mayfly_refusals", "Requests that were refused, by the error's code.", "reason")
ERRORS = Count("mayfly_unexpected_errors", "Mistakes of the program, answered with 500.")
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
EXPENSIVE_RUNNING = Level("mayfly_dear_running", "Requests that have a turn at what is dear.", "what")
EXPENSIVE_WAITING = Level("mayfly_dear_waiting", "Requests that wait for a turn at what is dear.", "what")
MEMORY_GIVEN = Level("mayfly_memory_given_bytes", "Memory for images that is given out.", "part")
MEMORY_MOST = Level("mayfly_memory_most_bytes", "Memory for images that may be given out.", "part")
MEMORY_WAITING = Level("mayfly_memory_waiting", "Requests that wait for memory.", "part")
CONNECTIONS_USED = Level("mayfly_connections_used", "Connections to the database that are in use.")
CONNECTIONS_MOST = Level("mayfly_connections_most", "Connections to the database that may be in use.")
CONNECTIONS_WAITING = Level("mayfly_connections_waiting", "Threads that wait for a connection.")
THREADS_BUSY = Level("mayfly_threads_busy", "Threads that answer a request.")
THREADS_MOST = Level("mayfly_threads_most", "Threads that may answer requests.")
THREADS_WAITING = Level("mayfly_threads_waiting", "Requests that wait for a thread.")
