"""What a worker process is made of: the application, made ready once, and served by each worker behind a front."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import mmap
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import embedded
import logs
import metrics
from app import Mayfly, create_app, migrate
from config import Config
from crypto import MalformedServerKey, key_file_in
from database import check_connections
from environment import ConfigError
from front import Front, take_no_more
from http_server import hear_of_the_end
from imaging import hide_memory, jail_offered
from origin import in_a_fork
from services import EXPENSIVE_AT_ONCE, DatabaseAway, end_silent_connections
from web import Counters, Hosts, current_request_id, largest_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MALLOPT = {-8: 1, -3: 32 << 20, -1: 32 << 20}
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc: what one thread freed is another's to use, and is not
given back so eagerly that each image is paged in anew."""
OPEN_CATALOG_WARNING = (
    "OPEN_CATALOG is on: whoever reaches this server may list, open and delete every image"
    " that was uploaded without an account; keep it in a private network"
)
MOUNTED_SECRETS = Path("/run/secrets")
"""Where a container finds its secrets, readable by all of its users, of whom there is one."""
SharedCounts = tuple[mmap.mmap, int]
"""Memory, and a file by which processes lock it: what ``Counters`` asks for."""
log = logging.getLogger("mayfly")
_made: Mayfly | None = None
"""In a process that was forked of the origin: the application that the origin has made."""


def make_ready(config: Config, counters: SharedCounts) -> str | None:
    """Make the application and bring the database up to date; return in one sentence why it can't serve, or None.

    ``counters`` is where all processes count for the rate limits.
    """
    global _made
    logs.begin(config, current_request_id)
    _reuse_memory()
    try:
        _made = create_app(config, Counters(shared=counters))
        in_a_fork(partial(migrate, _made))
        check_connections(config, _made.shards)
        _made.quota.count()
        _made.operator.spread()
        _made.shards.dispose()  # no worker is to inherit a connection
    except (ConfigError, MalformedServerKey, embedded.EmbeddedError, DatabaseAway) as error:
        return str(error)
    _warn(_made)
    return None


def _warn(app: Mayfly) -> None:
    warn_of_open_secrets(app.settings)
    if app.settings.open_catalog:
        log.warning(OPEN_CATALOG_WARNING)
    if not jail_offered().filtered:
        log.warning(app.readiness.sandbox().message)


def front(config: Config, counters: SharedCounts, main_process: int) -> Front:
    """Make ready what serves in this worker process, which ends with the main process."""
    app = prepared(config, counters, main_process)
    made = front_of(app, app.plain_wsgi)
    metrics.count(app, made)

    def drain() -> None:
        app.readiness.drain()
        made.drain()

    hear_of_the_end(asyncio.get_event_loop(), drain, take_no_more)
    return made


def prepared(config: Config, counters: SharedCounts, main_process: int) -> Mayfly:
    """Return the application, made by the origin or, in a worker that takes an ended one's place, made now."""
    os.setpgid(0, 0)  # Ctrl-C reaches the main process alone
    embedded.die_with(main_process, signal.SIGTERM)
    app = _made
    if app is None:
        logs.begin(config, current_request_id)
        hide_memory()
        _reuse_memory()
        app = create_app(config, Counters(shared=counters))
    app.schedule.start()
    end_silent_connections()
    return app


def front_of(app: Mayfly, wsgi: WSGIApplication) -> Front:
    """Put the front before a WSGI application that is, or wraps, this one."""
    config = app.settings
    largest = largest_body(app, config.max_image_bytes)
    believes = Hosts(config.base_url, config.trusted_hosts).believes
    return Front(
        wsgi, app.memory, config.threads + EXPENSIVE_AT_ONCE, largest, app.drop.seconds_left, believes
    )


def _reuse_memory() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # it is glibc
        for option, value in MALLOPT.items():
            mallopt(option, value)


def warn_of_open_secrets(config: Config) -> None:
    """Log which secrets lie in files that every user of this machine may read."""
    for path in (key_file_in(config.data_dir), *config.secret_files):
        if not path.exists() or path.is_relative_to(MOUNTED_SECRETS):
            continue
        mode = path.stat().st_mode & 0o777
        if mode & 0o007:
            log.warning(
                "every user of this machine may read the secrets in %s (mode %o): chmod 600 it", path, mode
            )
