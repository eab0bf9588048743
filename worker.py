"""Makes the application ready, once in the origin, and serves it in each worker process behind a ``Front``."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import mmap
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import embedded
import logs
import metrics
from app import Mayfly, create_app, migrate
from config import Config
from crypto import MalformedServerKey, key_file_in
from database import check_connections, needs_no_migration
from environment import ConfigError
from front import Front, connections, leave_to_others, take_no_more
from http_server import BEGUN, REPORT, RESTS, hear_of_the_end
from imaging import hide_memory, jail_offered, name_process
from origin import in_a_fork
from services import EXPENSIVE_AT_ONCE, DatabaseAway, end_silent_connections
from web import Counters, Hosts, current_request_id, largest_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MALLOPT = {-8: 1, -3: 32 << 20, -1: 32 << 20}
"""glibc's M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. With one arena, threads reuse memory that another thread
has freed; with the thresholds, memory for an image is not given back to the system only to be mapped again for the
next."""
OPEN_CATALOG_WARNING = (
    "OPEN_CATALOG is on: anybody who can reach this server may list, open and delete every image"
    " that was uploaded without an account; keep it in a private network"
)
MOUNTED_SECRETS = Path("/run/secrets")
"""Where a container engine mounts secrets. They are readable by all users of the container, but it has only one."""
REST_SECONDS = 5.0
"""A worker that got no request for so long rests."""
LOOK_SECONDS = 0.25
SharedCounts = tuple[mmap.mmap, int]
"""Shared memory, and the descriptor of a file that locks it, as ``Counters`` takes them."""
log = logging.getLogger("mayfly")
_made: tuple[Mayfly, Front] | None = None
"""The application and its front, which the origin has made; also in a worker that was forked from the origin."""


def make_ready(config: Config, counters: SharedCounts) -> str | None:
    """Make the application and bring the database up to date; return None, or one sentence that says why it can't
    serve.

    ``counters`` holds the counters of the rate limits, which all processes share.
    """
    global _made
    logs.begin(config, current_request_id)
    _reuse_memory()
    try:
        app = create_app(config, Counters(shared=counters))
        if not needs_no_migration(config, app.shards):
            in_a_fork(partial(migrate, app))
        check_connections(config, app.shards)
        app.quota.count()
        app.operator.spread()
        app.shards.dispose()  # workers must not inherit a connection
    except (ConfigError, MalformedServerKey, embedded.EmbeddedError, DatabaseAway) as error:
        return str(error)
    _warn(app)
    _made = app, front_of(app, app.plain_wsgi)
    return None


def _warn(app: Mayfly) -> None:
    warn_of_open_secrets(app.settings)
    if app.settings.open_catalog:
        log.warning(OPEN_CATALOG_WARNING)
    if not jail_offered().filtered:
        log.warning(app.readiness.sandbox().message)


def front(
    config: Config, counters: SharedCounts, main_process: int, report: int, *, may_rest: bool, ending: bool
) -> Front:
    """Return what serves in this worker process, which ends if the main process does.

    ``report`` is the descriptor of a pipe to the supervisor, to which this process writes when it serves and when it
    rests. ``ending`` tells whether the end of this server was announced already.
    """
    app, made = _prepared(config, counters, main_process)
    made.called_at = time.monotonic()
    app.schedule.start(partial(_rest, made, report) if may_rest else None)
    metrics.count(app, made)

    def drain() -> None:
        app.readiness.drain()
        made.drain()

    loop = asyncio.get_event_loop()
    hear_of_the_end(loop, drain, take_no_more)
    if ending:
        drain()
    loop.call_soon(_begin, report)
    return made


def _begin(report: int) -> None:
    name_process("mayfly-worker")
    os.write(report, REPORT.pack(os.getpid(), BEGUN))


def _rest(front: Front, report: int) -> None:
    """End this process if nobody has used it lately: the supervisor starts another one with the next connection.

    That connection waits in the kernel, since the supervisor holds the listening socket, too.
    """
    idle = time.monotonic() - front.called_at
    if idle < REST_SECONDS or connections() or not leave_to_others():
        return
    os.write(report, REPORT.pack(os.getpid(), RESTS))
    while True:
        time.sleep(LOOK_SECONDS)  # what was accepted meanwhile is answered
        if not connections():
            break
    os.kill(os.getpid(), signal.SIGTERM)


def _prepared(config: Config, counters: SharedCounts, main_process: int) -> tuple[Mayfly, Front]:
    """Return the application and its front: the origin's, or new ones if this process was not forked of it."""
    os.setpgid(0, 0)  # so that Ctrl-C reaches only the main process
    embedded.die_with(main_process, signal.SIGTERM)
    if _made:
        app, made = _made
    else:
        logs.begin(config, current_request_id)
        hide_memory()
        _reuse_memory()
        app = create_app(config, Counters(shared=counters))
        made = front_of(app, app.plain_wsgi)
    end_silent_connections()
    return app, made


def front_of(app: Mayfly, wsgi: WSGIApplication) -> Front:
    """Make the front of a WSGI application, which is ``app`` or wraps it."""
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
    """Log a warning for each file with secrets that every user of this machine may read."""
    for path in (key_file_in(config.data_dir), *config.secret_files):
        if not path.exists() or path.is_relative_to(MOUNTED_SECRETS):
            continue
        mode = path.stat().st_mode & 0o777
        if mode & 0o007:
            log.warning(
                "every user of this machine may read the secrets in %s (mode %o): chmod 600 it", path, mode
            )
