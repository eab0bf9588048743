"""``python app.py``: runs the database, the migrations and the server.

This is the main process. It never loads the application: another process, the origin, loads it, and workers are forked
from the origin whenever one is needed.
"""

from __future__ import annotations

import argparse
import logging
import mmap
import multiprocessing
import os
import resource
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import connections
import embedded
import logs
from config import Config
from environment import ConfigError
from http_server import granian, prepare_forks, prepare_server, sockets_for, work
from imaging import hide_memory, unmap_read_files
from origin import Origin, OriginEnded
from supervisor import Supervisor, fork

if TYPE_CHECKING:
    from front import Front

_counters = mmap.mmap(-1, 2 << 20), os.memfd_create("mayfly-limits")
"""Shared memory with the counters of the rate limits, and the file that locks it; forked processes inherit both."""
log = logging.getLogger("mayfly")


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; if the start fails, print one sentence that says why."""
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
        logs.begin(config, lambda: None)
        serve(config, debug=arguments.debug)
    except (ConfigError, embedded.EmbeddedError) as error:
        sys.exit(f"mayfly: {error}")


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit cleanly during the start. The first process of a container gets only signals that it has a handler for."""
    sys.exit(0)


def serve(config: Config, *, debug: bool) -> None:
    """Start the embedded database if the settings name none, migrate it, and serve on ``config.bind``."""
    _check_port(*config.bind)
    _open_many_files()
    multiprocessing.set_start_method(
        "fork", force=True
    )  # Python 3.14 has another default, by which processes share no memory
    with ExitStack() as stack:
        metrics = _metrics(config, stack)
        sockets = [] if debug else sockets_for(config)
        reports, report = os.pipe()
        origin = stack.enter_context(Origin(partial(_load, config), partial(_make_ready, config)))
        stack.enter_context(_database(config))  # starts while the origin loads the application
        stack.enter_context(origin)  # entered last, so that it ends before the database
        origin.make_ready()
        prepare_forks()
        stack.enter_context(metrics(connections.watch(config.bind[1])))
        may_rest = not debug and config.metrics_bind is None  # alerts on metrics count the workers
        front = partial(_front, config, os.getpid(), report, may_rest)
        if debug:  # the worker has to load the application itself, to reload it when a file changes
            origin.end()
            reloading = granian(
                config, reload=True, workers_kill_timeout=config.drain, respawn_failed_workers=True
            )
            reloading.serve(target_loader=front, wrap_loader=False)
            return
        arguments = [listener.fileno() for listener in sockets], config, front
        supervisor = Supervisor(
            partial(_forked, origin, arguments),
            origin.end,
            sockets,
            reports,
            drain=config.drain,
            notice=config.notice,
        )
        log.info("serving on http://%s", _authority(*config.bind))
        unmap_read_files()
        supervisor.serve()


def _forked(origin: Origin, arguments: tuple[Any, ...], place: int, ending: bool) -> int:
    """Fork a worker from the origin; if that was killed, from this process, so that the worker loads all itself."""
    try:
        return origin.fork(work, place, ending, *arguments)
    except OriginEnded:
        log.error("the process that holds the loaded application was killed; a worker loads it itself")
        return fork(work, place, ending, *arguments)


def _load(config: Config) -> None:
    import worker  # noqa: F401 - importing it takes half a second, and most of a worker's memory

    prepare_server(config)


def _make_ready(config: Config) -> str | None:
    from worker import make_ready

    return make_ready(config, _counters)


def _front(config: Config, main_process: int, report: int, may_rest: bool, ending: bool = False) -> Front:
    from worker import front

    return front(config, _counters, main_process, report, may_rest=may_rest, ending=ending)


def _metrics(config: Config, stack: ExitStack) -> Callable[[Counter[str]], AbstractContextManager[object]]:
    """Make the folder for the metrics of all processes, if METRICS_BIND is set.

    Return a function that takes the counts of unserved connections and returns a context manager, which serves the
    metrics on METRICS_BIND.
    """
    if config.metrics_bind is None:
        return nullcontext
    from metrics import served, shared_folder  # this loads the application, which some metrics need

    folder = stack.enter_context(shared_folder(config.data_dir))
    return partial(served, config, config.metrics_bind, folder)


def _database(config: Config) -> AbstractContextManager[object]:
    return nullcontext() if config.home_url else embedded.running(config.data_dir, own=True)


def _open_many_files() -> None:
    """Raise the limit of open files, and so of connections, to the maximum that the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _authority(host: str, port: int) -> str:
    """Write host and port as in a URL, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_port(host: str, port: int) -> None:
    # The workers share the port by SO_REUSEPORT. Another server of the same user could silently share it, too, so this
    # tries to bind it without that option.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"BIND {host}:{port} can't be served: {error.strerror}; free it or set BIND"
            ) from None
