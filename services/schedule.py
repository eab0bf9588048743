from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from services.errors import DatabaseAway

log = logging.getLogger("mayfly.purge")


class PurgeSchedule:
    """Runs the purge in a thread of its own: every ``interval`` seconds, and soon after a request.

    Every worker process has one. An interval of 0 switches both off; reads don't depend on a purge.
    """

    def __init__(self, purge: Callable[[], int], interval: int) -> None:
        self._purge = purge
        self._interval = interval
        self._scheduler: BackgroundScheduler | None = None
        self._nudged_at = float("-inf")
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread; call it in the process that serves, after any fork."""
        if not self._interval:
            return
        self._scheduler = BackgroundScheduler(
            daemon=True,
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self._run, "interval", seconds=self._interval, id="purge")
        self._scheduler.start()

    def stop(self) -> None:
        """Stop the thread; a purge under way ends first."""
        if self._scheduler:
            self._scheduler.shutdown()
            self._scheduler = None

    def nudge(self) -> None:
        """Ask for a purge after a request, at most one an interval; it never waits for it."""
        moment = time.monotonic()
        with self._lock:
            if self._scheduler is None or moment < self._nudged_at + self._interval:
                return
            self._nudged_at = moment
        self._scheduler.add_job(self._run, id="nudged", replace_existing=True)

    def _run(self) -> None:
        try:
            removed = self._purge()
        except DatabaseAway:
            log.warning("the database is away; the next purge will catch up")
        except Exception as error:  # the schedule goes on, whatever went wrong in one purge
            log.error("purge failed: %s", type(error).__name__)
        else:
            if removed:
                log.info("purged %d", removed)
