"""Runs Granian, the HTTP server, in a worker process, and handles the signals that announce its end."""

from __future__ import annotations

import functools
import os
import signal
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import logs

if TYPE_CHECKING:
    import asyncio

    from config import Config

NOTICE, LAST_CALL = signal.SIGUSR1, signal.SIGUSR2
"""The signals that the main process sends to its workers before SIGTERM: announce the end; accept no connections."""
BEGUN, RESTS = False, True
REPORT = struct.Struct("=i?")
"""What a worker writes to a pipe to the main process when it has begun to serve, or rests: its process id, and which.
"""
MOST_CONNECTIONS = 2048
"""How many connections a process accepts; more wait in the kernel."""
HEADER_SECONDS = 30
"""How long a connection may be idle before a request, and how long the header of a request may take."""


_made: Any = None
"""The HTTP server that the origin has made; also in a worker that was forked from the origin."""


def sockets_for(config: Config) -> list[socket.socket]:
    """Bind a socket for each worker; the kernel distributes connections among them (SO_REUSEPORT)."""
    return [_bound(*config.bind) for _ in range(config.workers)]


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    # Connections inherit it. Granian sets it for sockets that it makes itself.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setblocking(False)
    made.bind((host, port))
    return made


def work(
    place: int,
    ending: bool,
    descriptors: Sequence[int],
    config: Config,
    front: Callable[[bool], Any],
) -> None:
    """Serve the ASGI application that ``front(ending)`` returns, until SIGTERM; the worker's ``place`` counts from 0.

    ``descriptors`` are those of all workers' sockets, which this process has inherited; it listens on one of them.
    ``ending`` tells whether the end of this server was announced already.
    """
    from granian.net import SocketHolder  # type: ignore[attr-defined]

    server = _made or granian(config)
    for descriptor in {*descriptors} - {descriptors[place]}:
        os.close(descriptor)
    holder: Any = SocketHolder
    server._shd, server._sso = holder(descriptors[place], False, MOST_CONNECTIONS), None
    worker = server._spawn_worker(
        place, server._spawn_asgi_worker, functools.partial(front, ending)
    )  # this object is not started as a process: its function runs in this process
    worker.inner._target(*worker.inner._args)


def prepare_server(config: Config) -> None:
    """Make the HTTP server in the origin, and load what an event loop needs, so that workers share the memory of both.

    What a worker does itself copies memory pages, since Python writes reference counts into the objects that it uses.
    """
    global _made
    from granian._loops import loops

    _ignore_announcements()  # workers inherit this until they have handlers of their own
    _made = granian(config)
    loops.get(_made.loop).close()  # making the first loop loads modules


def granian(config: Config, **others: Any) -> Any:
    """Make the HTTP server; it is imported here, since it takes 9 MB that the main process doesn't need."""
    from granian import Granian, loops
    from granian.constants import HTTPModes, Interfaces, RuntimeModes
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    loops.register("auto", packages=["uvloop"])(make_loop)  # the name that Granian takes by default
    host, port = config.bind
    return Granian(
        "mayfly",
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,  # in automatic mode, a connection that never sends a byte is never closed
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


def make_loop(uvloop: Any) -> asyncio.AbstractEventLoop:
    """Make an event loop of the module ``uvloop`` that passes on only the first SIGINT or SIGTERM.

    When Granian's handler runs again, it waits forever, and holds the interpreter's lock. A worker gets several signals
    if all processes of a service are signalled, or if the main process is killed: the kernel may send one for each of
    its threads.
    """
    import asyncio

    class Loop(uvloop.Loop):  # type: ignore[misc]
        _ending = False

        def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:
            if sig in (signal.SIGINT, signal.SIGTERM):
                callback = functools.partial(self._end, callback)
            super().add_signal_handler(sig, callback, *args)

        def _end(self, callback: Callable[..., Any], *args: Any) -> None:
            if not self._ending:
                self._ending = True
                callback(*args)

    loop: asyncio.AbstractEventLoop = Loop()
    asyncio.set_event_loop(loop)
    return loop


def prepare_forks() -> None:
    """Prepare the main process to fork workers: SIGTERM then ends a worker at any time, and Ctrl-C doesn't reach it."""
    _ignore_announcements()
    os.register_at_fork(
        before=functools.partial(_sigterm, signal.SIG_BLOCK),
        after_in_parent=functools.partial(_sigterm, signal.SIG_UNBLOCK),
        after_in_child=functools.partial(_be_a_worker, os.getpid()),
    )


def _ignore_announcements() -> None:
    for number in (NOTICE, LAST_CALL):
        signal.signal(number, signal.SIG_IGN)


def _sigterm(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGTERM})


def _be_a_worker(main_process: int) -> None:
    # Before it serves, a worker can end at once. SIGTERM was blocked since before the fork, since the parent's handler
    # would swallow it in the child.
    if os.getppid() == main_process:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setpgid(0, 0)
    _sigterm(signal.SIG_UNBLOCK)


def hear_of_the_end(
    loop: asyncio.AbstractEventLoop, drain: Callable[[], None], take_no_more: Callable[[], None]
) -> None:
    """In a worker, have ``drain`` called when the end is announced, and ``take_no_more`` just before the end."""
    loop.add_signal_handler(NOTICE, drain)
    loop.add_signal_handler(LAST_CALL, take_no_more)
    loop.call_soon(hear_early_signals)


def hear_early_signals() -> None:
    """Have the event loop handle signals that arrived before it began to run.

    uvloop records a signal between ``add_signal_handler`` and the first iteration of the loop, but handles it only when
    the next byte arrives at its wakeup descriptor. This writes such a byte.
    """
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    os.write(wakeup, b"\0")
