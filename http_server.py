"""The HTTP server: what a worker makes of it, and how each of its processes hears of the end."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import logs

if TYPE_CHECKING:
    import asyncio

    from config import Config

NOTICE, LAST_CALL = signal.SIGUSR1, signal.SIGUSR2
"""What the main process tells its workers before it ends them by SIGTERM."""
MOST_CONNECTIONS = 2048
"""Connections that a process takes on; those beyond wait in the kernel."""
HEADER_SECONDS = 30
"""How long a connection may be silent before a request, and a request's header be on its way."""


def work(place: int, config: Config, front: Callable[[], Any]) -> None:
    """Serve in this worker process, by its number from 0, what ``front`` makes, until SIGTERM."""
    from granian.net import SocketSpec  # type: ignore[attr-defined]

    server = granian(config)
    # Each worker listens at a socket of its own: the kernel shares connections out (SO_REUSEPORT).
    server._ssp, server._sso = SocketSpec(*config.bind, MOST_CONNECTIONS), None
    worker = server._spawn_worker(
        place, server._spawn_asgi_worker, front
    )  # is not started: this process is it
    worker.inner._target(*worker.inner._args)


def load() -> None:
    """Load all that a worker needs of the HTTP server, before workers are forked."""
    from granian import Granian  # noqa: F401


def granian(config: Config, **others: Any) -> Any:
    """Make the HTTP server, which a worker loads and the main process doesn't: it would hold 9 MB for that."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, RuntimeModes
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    host, port = config.bind
    return Granian(
        "mayfly",
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,  # in its automatic mode a connection that never says anything stays for good
        runtime_mode=RuntimeModes.mt,
        address=host,
        port=port,
        backlog=MOST_CONNECTIONS,
        backpressure=MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        websockets=False,
        log_level=LogLevels(config.log_level),
        log_dictconfig=logs.GRANIAN,
        **others,
    )


def prepare_forks() -> None:
    """See to it that SIGTERM ends each worker from its first moment on, and that Ctrl-C reaches the main process alone.

    The main process calls this before it has workers.
    """
    for number in (NOTICE, LAST_CALL):
        signal.signal(number, signal.SIG_IGN)  # a worker that has no handler yet inherits that
    os.register_at_fork(
        before=functools.partial(_sigterm, signal.SIG_BLOCK),
        after_in_parent=functools.partial(_sigterm, signal.SIG_UNBLOCK),
        after_in_child=functools.partial(_be_a_worker, os.getpid()),
    )


def _sigterm(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGTERM})


def _be_a_worker(main_process: int) -> None:
    # Until it serves it has nothing to finish. With its parent's handlers a signal would be lost, so none comes through
    # between the fork and this.
    if os.getppid() == main_process:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setpgid(0, 0)
    _sigterm(signal.SIG_UNBLOCK)


def hear_of_the_end(
    loop: asyncio.AbstractEventLoop, drain: Callable[[], None], take_no_more: Callable[[], None]
) -> None:
    """In a worker, have ``drain`` called when the server is about to end, and ``take_no_more`` just before it does."""
    loop.add_signal_handler(NOTICE, drain)
    loop.add_signal_handler(LAST_CALL, take_no_more)
    loop.call_soon(hear_early_signals)


def hear_early_signals() -> None:
    """Let the loop that just began to run look for signals that came before.

    uvloop notes a signal that comes between ``add_signal_handler`` and its first turn, and handles it only when the
    next byte arrives at its wakeup descriptor: this is that byte.
    """
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    os.write(wakeup, b"\0")
