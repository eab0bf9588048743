"""METRICS_BIND: the main process serves the metrics of all processes to Prometheus.

Each worker counts in files of its own, in a folder under DATA_DIR that only this user can read.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count as numbers
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from app import Mayfly, create_app
from config import VERSION, Config
from environment import ConfigError, folder_of_counts, share_counts_in
from front import Front
from imaging import sandbox_deaths
from services import EXPENSIVE, ServiceError, counts, waiting_for_connections

if TYPE_CHECKING:
    from prometheus_client import Metric

UPDATE_SECONDS = 1.0
"""How often a worker updates its gauges."""
_held: list[IO[str]] = []
"""The file whose lock shows that this process lives; it is never closed."""


def count(app: Mayfly, front: Front) -> None:
    """Start counting in this worker, if METRICS_BIND is set."""
    if app.settings.metrics_bind is None:
        return
    counts.start_counting(_number_in(folder_of_counts()))
    counts.WORKER_STARTS.add()
    counts.WORKERS.set(to=1)
    threading.Thread(target=_update_gauges, args=(app, front), name="levels", daemon=True).start()


@contextmanager
def shared_folder(data_dir: Path) -> Iterator[Path]:
    """Make a folder for the counts of this server's processes, and remove folders that killed servers have left.

    Processes that are forked while the block runs count there. Raises ConfigError if the folder can't be made.
    """
    with ExitStack() as stack:
        try:
            parent = data_dir / "metrics"
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(parent / "lock", wait=True):
                for left in parent.glob("*/"):
                    with suppress(BlockingIOError), _locked(left / "lock"):  # a running server holds its lock
                        shutil.rmtree(left)
                folder = Path(tempfile.mkdtemp(dir=parent))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                stack.enter_context(_locked(folder / "lock"))
        except OSError as error:
            raise ConfigError(
                f"METRICS_BIND needs a folder in {data_dir} ({error.strerror}): let this user write there,"
                " or set DATA_DIR"
            ) from None
        share_counts_in(folder)
        yield folder


@contextmanager
def _locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a file lock, which also ends with this process; without ``wait``, raise BlockingIOError if it is taken."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _number_in(folder: Path) -> str:
    """Take the lowest number that no living process has, so that the number of files doesn't grow with each restart."""
    for number in numbers():
        file = (folder / f"{number}.alive").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        _held.append(file)
        return str(number)
    raise AssertionError  # never reached: the loop is endless


@contextmanager
def served(config: Config, bind: tuple[str, int], folder: Path, ended: Counter[str]) -> Iterator[None]:
    """Serve the metrics on METRICS_BIND while the block runs; raises ConfigError if the address can't be used.

    ``ended`` are the counts of unserved connections (``connections.watch``).
    """
    from prometheus_client import CollectorRegistry, start_http_server

    scrape = _Scrape(create_app(config), folder, ended)
    registry, (host, port) = CollectorRegistry(), bind
    registry.register(scrape)
    try:
        server, _ = start_http_server(port, host, registry)
    except (OSError, socket.gaierror) as error:
        raise ConfigError(
            f"METRICS_BIND {host}:{port} can't be served: {error.strerror}; free it or set METRICS_BIND"
        ) from None
    # Don't fork a worker during a scrape, whose thread may hold locks of libraries; and close the port in the child.
    os.register_at_fork(
        before=scrape.lock.acquire, after_in_parent=scrape.lock.release, after_in_child=server.socket.close
    )
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Scrape:
    """Answers a scrape with the counts of the workers and with values that are looked up at that moment."""

    def __init__(self, app: Mayfly, folder: Path, ended: Counter[str]) -> None:
        self.lock = threading.Lock()
        self._app = app
        self._folder = folder
        self._ended = ended

    def collect(self) -> Iterable[Metric]:
        """Return all metrics; one scrape at a time."""
        from prometheus_client.multiprocess import MultiProcessCollector

        with self.lock:
            self._forget_the_dead()
            # A new worker creates its files a moment before it writes to them, and an empty file can't be read.
            files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
            counted = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
            return [*counted, _unserved(self._ended), *_current_metrics(self._app)]

    def _forget_the_dead(self) -> None:
        """Remove the gauges of ended processes from the sums; their counters stay."""
        from prometheus_client.multiprocess import mark_process_dead

        for alive in self._folder.glob("*.alive"):
            with suppress(BlockingIOError), _locked(alive):
                mark_process_dead(alive.stem, str(self._folder))  # type: ignore[no-untyped-call]


def _unserved(ended: Counter[str]) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    name, meaning = "mayfly_connections_unserved_total", "Connections that the application didn't answer."
    counter = CounterMetricFamily(name, meaning, labels=["ending"])
    for ending, number in ended.items():
        counter.add_metric([ending], number)
    return counter


def _current_metrics(app: Mayfly) -> Iterator[Metric]:
    """Yield values from the settings, the disk and the database; without the database, its values are left out."""
    config = app.settings
    yield _gauge("mayfly_build_info", "The version that runs.", {VERSION: 1}, "version")
    yield _gauge("mayfly_workers_most", "Worker processes that should live.", {"": config.workers})
    ready = {name: float(part.ok) for name, part in app.readiness().items()}
    yield _gauge("mayfly_ready", "Whether a part of /readyz works.", ready, "part")
    if config.max_stored_bytes is not None:
        yield _gauge("mayfly_stored_most_bytes", "MAX_STORED_BYTES.", {"": config.max_stored_bytes})
    if config.home_url is None:
        disk = os.statvfs(config.data_dir)
        yield _gauge("mayfly_disk_bytes", "The disk of DATA_DIR.", {"": disk.f_blocks * disk.f_frsize})
        yield _gauge("mayfly_disk_free_bytes", "What is free on it.", {"": disk.f_bavail * disk.f_frsize})
    try:
        yield from _database_metrics(app)
    except (ServiceError, DBAPIError):
        return  # mayfly_ready shows that
    finally:
        app.shards.dispose()  # workers must not inherit a connection


def _database_metrics(app: Mayfly) -> list[Metric]:
    images, lag = app.status.stored(), app.status.lag()
    return [
        _gauge("mayfly_images_alive", "Images that live.", {"": images.living}),
        _gauge("mayfly_stored_bytes", "The size of rows and sealed bytes.", {"": images.stored_bytes}),
        _gauge("mayfly_purge_lag_seconds", "How far the purge is behind.", lag._asdict(), "of"),
    ]


def _gauge(name: str, meaning: str, values: dict[str, float], *label: str) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    gauge = GaugeMetricFamily(name, meaning, labels=label)
    for value, amount in values.items():
        gauge.add_metric([value] if label else [], amount)
    return gauge


def _update_gauges(app: Mayfly, front: Front) -> None:
    deaths = 0
    while True:
        before, deaths = deaths, sandbox_deaths()
        counts.SANDBOX_DEATHS.add(amount=deaths - before)
        _set_gauges(app, front)
        time.sleep(UPDATE_SECONDS)


def _set_gauges(app: Mayfly, front: Front) -> None:
    for what, budget in EXPENSIVE.items():
        counts.EXPENSIVE_RUNNING.set(what, to=budget.taken)
        counts.EXPENSIVE_WAITING.set(what, to=budget.queued)
    memory = app.memory
    for part, budget in (("medium", memory.medium), ("large", memory.large), ("unread", memory.unread)):
        counts.MEMORY_GIVEN.set(part, to=budget.taken)
        counts.MEMORY_MOST.set(part, to=budget.units)
        counts.MEMORY_WAITING.set(part, to=budget.queued)
    counts.CONNECTIONS_USED.set(to=app.shards.connections_used())
    counts.CONNECTIONS_MOST.set(to=app.settings.connections * len(app.shards.all))
    counts.CONNECTIONS_WAITING.set(to=waiting_for_connections())
    counts.THREADS_BUSY.set(to=front.pool.busy)
    counts.THREADS_MOST.set(to=front.pool.threads)
    counts.THREADS_WAITING.set(to=front.pool.waiting)
