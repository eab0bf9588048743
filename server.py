"""``python app.py``: the database, the migrations, and the server, in one command."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import resource
import signal
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

import embedded
from app import Mayfly, create_app, database, migrate
from config import Config, ConfigError
from crypto import MalformedServerKey
from embedded.programs import die_with
from front import Front
from web import largest_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

DRAIN_SECONDS = 10
MOST_CONNECTIONS = 8192
"""Connections that a process takes on, those included that say nothing; the ones beyond wait in the kernel."""
SILENCE_SECONDS = 30
"""How long a connection may take for the header fields of a request, and say nothing between two."""
BUFFER_BYTES = 64 * 1024
"""What granian holds of a connection at most: header fields on their way in, an answer's piece on its way out."""
MALLOPT = {-8: 1, -3: 32 << 20, -1: 32 << 20}
"""M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc: what one thread freed is another's to use, and is not
given back so eagerly that each image is paged in anew."""
OPEN_CATALOG_WARNING = (
    "OPEN_CATALOG is on: whoever reaches this server may list, open and delete every image"
    " that was uploaded without an account; keep it in a private network"
)
log = logging.getLogger("mayfly")


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; what can't be started is told in one sentence."""
    parser = argparse.ArgumentParser(prog="app.py", description="Serve Mayfly.")
    parser.add_argument("--debug", action="store_true", help="one worker that reloads when a file changes")
    arguments = parser.parse_args()
    _log_to_stderr()
    try:
        serve(Config.from_env(), debug=arguments.debug)
    except (ConfigError, MalformedServerKey, embedded.EmbeddedError) as error:
        sys.exit(f"mayfly: {error}")


def serve(config: Config, *, debug: bool) -> None:
    """Start the database where none is named, migrate it, and serve on ``config.bind``."""
    _check_port(*config.bind)
    with database(config, own=True):
        app = create_app(config)
        migrate(app)
        app.room.count()
        if config.open_catalog:
            log.warning(OPEN_CATALOG_WARNING)
        host, port = config.bind
        server = Granian(
            "server:worker",
            factory=True,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,  # in its automatic mode a connection that never says anything stays for good
            address=host,
            port=port,
            workers=1 if debug else config.workers,
            backpressure=MOST_CONNECTIONS,
            http1_settings=HTTP1Settings(
                header_read_timeout=SILENCE_SECONDS * 1000, max_buffer_size=BUFFER_BYTES
            ),
            reload=debug,
            workers_kill_timeout=DRAIN_SECONDS,
            respawn_failed_workers=True,
            websockets=False,
        )
        server.serve()


def worker() -> Front:
    """Make what serves in a worker process."""
    app = application()
    return front(app, app.wsgi_app)


def application() -> Mayfly:
    """Make the application in a worker process, and begin what it does by itself."""
    _log_to_stderr()
    _reuse_memory()
    _open_many_files()
    die_with(os.getppid(), signal.SIGTERM)
    app = create_app()
    app.schedule.start()
    return app


def front(app: Mayfly, call: WSGIApplication) -> Front:
    """Put the front before a call of the application."""
    return Front(call, app.settings.threads, app.memory, partial(largest_body, app.settings))


def _open_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if most < 0 else min(wanted, most), most))


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


def _log_to_stderr() -> None:
    # What the format doesn't show is not looked up: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
