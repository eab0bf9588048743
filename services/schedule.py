from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from services.errors import DatabaseAway
from services.lent import uses
from services.purge import Purge

log = logging.getLogger("mayfly.purge")


class PurgeSchedule:
    """Runs the purge in a thread of a worker process: every ``interval`` seconds, and after a request.

    An interval of 0 turns both off. If nothing but purges has used a connection for an interval, ``disconnect`` is
    called after the purge: PostgreSQL has a process of some 5 MB for each connection.
    """

    def __init__(self, purge: Purge, disconnect: Callable[[], None], interval: int) -> None:
        self._purge = purge
        self._disconnect = disconnect
        self._uses_seen = 0
        self._interval = interval
        self._rest: Callable[[], None] | None = None
        self._scheduler = self._make_scheduler()
        self._nudged_at = float("-inf")
        self._lock = threading.Lock()

    def start(self, rest: Callable[[], None] | None = None) -> None:
        """Start the thread; call it in the process that serves, after any fork.

        ``rest`` is called after a purge if nothing but purges has used a connection for an interval, and nothing is
        left that a later purge would delete.
        """
        self._rest = rest
        if self._interval:
            self._uses_seen = uses()
            self._scheduler.start()

    def _make_scheduler(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            daemon=True,
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        scheduler.add_job(self._run, "interval", seconds=self._interval, id="purge")
        return scheduler

    def stop(self) -> None:
        """Stop the thread, after the end of a purge that is running."""
        if self._scheduler.running:
            self._scheduler.shutdown()

    def nudge(self) -> None:
        """Have the purge run soon, at most once in an interval; this returns at once. Called after a request."""
        moment = time.monotonic()
        with self._lock:
            if not self._scheduler.running or moment < self._nudged_at + self._interval:
                return
            self._nudged_at = moment
        self._scheduler.add_job(self._run, id="nudged", replace_existing=True)

    def _run(self) -> None:
        idle = uses() == self._uses_seen
        rest = self._rest if idle else None
        done = self._purge_and_log(ask=rest is not None)
        if idle:
            self._disconnect()
        self._uses_seen = uses()
        if rest and done:
            rest()

    def _purge_and_log(self, *, ask: bool) -> bool:
        """Purge; return whether nothing is left for later purges, which only costs a question if ``ask``."""
        try:
            removed = self._purge()
            done = ask and self._purge.done()
        except DatabaseAway:
            log.warning("the database is away; the next purge will catch up")
        except Exception as error:  # whatever went wrong, the schedule goes on
            log.error("the purge failed: %s", type(error).__name__)
        else:
            if removed:
                log.info("purged %d images", removed)
            return done
        return False
