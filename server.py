"""``python app.py``: the database, the migrations, and the server, in one command."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

import embedded
import logs
import metrics
from app import Mayfly, create_app, migrate
from config import Config
from crypto import MalformedServerKey, key_file_in
from database import check_connections, database
from environment import ConfigError
from front import Front, take_no_more
from http_server import HTTPServer, hear_of_the_end, prepare_forks
from imaging import hide_memory, jail_offered
from services import DEAR_AT_ONCE, DatabaseAway, end_silent_connections
from web import Hosts, current_request_id, largest_body, shared_counters

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MOST_CONNECTIONS = 2048
"""Connections that a process takes on; those beyond wait in the kernel."""
HEADER_SECONDS = 30
"""How long a connection may be silent before a request, and a request's header be on its way."""
MALLOPT = {-8: 1, -3: 32 << 20, -1: 32 << 20}
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc: what one thread freed is another's to use, and is not
given back so eagerly that each image is paged in anew."""
OPEN_CATALOG_WARNING = (
    "OPEN_CATALOG is on: whoever reaches this server may list, open and delete every image"
    " that was uploaded without an account; keep it in a private network"
)
MOUNTED_SECRETS = Path("/run/secrets")
"""Where a container finds its secrets, readable by all of its users, of whom there is one."""
log = logging.getLogger("mayfly")
_inherited: Mayfly | None = None
"""In a forked worker: the application that the main process has made."""


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; what can't be started is told in one sentence."""
    parser = argparse.ArgumentParser(prog="app.py", description="Serve Mayfly.")
    parser.add_argument("--debug", action="store_true", help="one worker that reloads when a file changes")
    arguments = parser.parse_args()
    hide_memory()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if arguments.debug and find_spec("watchfiles") is None:
        sys.exit("mayfly: --debug needs the packages of requirements-dev.txt: run scripts/venv dev once")
    try:
        config = Config.from_env()
        logs.begin(config, current_request_id)
        serve(config, debug=arguments.debug)
    except (ConfigError, MalformedServerKey, embedded.EmbeddedError, DatabaseAway) as error:
        sys.exit(f"mayfly: {error}")


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """End in order before anything is served; without a handler, the first process of a container hears no signal."""
    sys.exit(0)


def serve(config: Config, *, debug: bool) -> None:
    """Start the database where none is named, migrate it, and serve on ``config.bind``."""
    _check_port(*config.bind)
    _open_many_files()
    with database(config, own=True):
        app = create_app(config, shared_counters())
        _in_a_fork(partial(migrate, app))
        check_connections(config, app.shards)
        app.quota.count()
        app.hand.spread()
        warn_of_open_secrets(config)
        if config.open_catalog:
            log.warning(OPEN_CATALOG_WARNING)
        if not jail_offered().filtered:
            log.warning(app.readiness.sandbox().message)
        host, port = config.bind
        server = HTTPServer(
            "server:worker",
            factory=True,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,  # in its automatic mode a connection that never says anything stays for good
            address=host,
            port=port,
            workers=1 if debug else config.workers,
            backlog=MOST_CONNECTIONS,
            backpressure=MOST_CONNECTIONS,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            reload=debug,
            workers_kill_timeout=config.drain,
            respawn_failed_workers=True,
            websockets=False,
            log_level=LogLevels(config.log_level),
            log_dictconfig=logs.GRANIAN,
        )
        server.notice_seconds = config.notice
        prepare_forks()
        multiprocessing.set_start_method(
            "fork", force=True
        )  # spawned, as by Python 3.14, they would share nothing
        if not debug:  # there a worker is to be made anew when a file changes
            _share_with_workers(app)
        with metrics.served(app):
            server.serve()


def _share_with_workers(app: Mayfly) -> None:
    """Have workers use this very application: most of its memory, and of all modules, is then there once."""
    global _inherited
    app.shards.dispose()  # no worker is to inherit a connection
    _inherited = app
    gc.collect()
    gc.freeze()  # a collection would write to each object, and so copy all of it


def _in_a_fork(work: Callable[[], None]) -> None:
    """Do something in a process that ends, so that nobody keeps in memory what it loads; raises what it raised."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_tell_error, args=(work, theirs), daemon=True)
    try:
        child.start()
        theirs.close()
        error = ours.recv()
    except EOFError:
        child.join()
        status = child.exitcode
        raise ConfigError(f"the migration ended before its time (status {status}); start again") from None
    except BaseException:  # a signal; PostgreSQL undoes what was begun
        if child.pid is not None:
            child.kill()
        raise
    child.join()
    if error is not None:
        raise error


def _tell_error(work: Callable[[], None], to: Connection) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # nothing here has to be ended in order
    try:
        work()
    except Exception as error:
        to.send(error)
    else:
        to.send(None)


def worker() -> Front:
    """Make the application in a worker process."""
    app = prepared()
    front = front_of(app, app.plain_wsgi)
    metrics.count(app, front)

    def drain() -> None:
        app.readiness.drain()
        front.drain()

    hear_of_the_end(asyncio.get_event_loop(), drain, take_no_more)
    return front


def prepared() -> Mayfly:
    """Make ready what serves in this worker process."""
    logs.begin(Config.from_env(), current_request_id)
    hide_memory()  # a worker inherits that as a fork, but not where it is spawned
    _reuse_memory()
    os.setpgid(0, 0)  # as in _be_a_worker, but where it is spawned
    embedded.die_with(os.getppid(), signal.SIGTERM)
    app = _inherited or create_app(counters=shared_counters())
    app.schedule.start()
    end_silent_connections()
    return app


def front_of(app: Mayfly, wsgi: WSGIApplication) -> Front:
    """Put the front before a WSGI application that is, or wraps, this one."""
    config = app.settings
    largest = largest_body(app, config.max_image_bytes)
    believes = Hosts(config.base_url, config.trusted_hosts).believes
    return Front(wsgi, app.memory, config.threads + DEAR_AT_ONCE, largest, app.drop.seconds_left, believes)


def _open_many_files() -> None:
    """Allow this process and its workers as many connections as the system does."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _reuse_memory() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # it is glibc
        for option, value in MALLOPT.items():
            mallopt(option, value)


def _check_port(host: str, port: int) -> None:
    # The server shares its port among its workers, and so would share it with a stranger of the same user unasked.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"BIND {host}:{port} can't be served: {error.strerror}; free it or set BIND"
            ) from None


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
