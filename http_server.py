"""The processes of the HTTP server: how they are forked, told of the end, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from granian import Granian

if TYPE_CHECKING:
    from origin import Origin

NOTICE, LAST_CALL = signal.SIGUSR1, signal.SIGUSR2
"""What the main process tells its workers before it ends them by SIGTERM."""
LOOK_SECONDS = 0.05
LAST_CALL_SECONDS = 0.25
"""How long a worker reads what came over connections that it has just accepted, while it accepts no more."""
log = logging.getLogger("mayfly")


class HTTPServer(Granian):  # type: ignore[misc, valid-type]
    """Granian, which else may say of a worker that ended in order that it "refused to gracefully stop" and was killed.

    A thread of Granian's collects an ended worker's status. Until that thread has noted it, ``is_alive`` is true.
    """

    notice_seconds = 0
    """For how long SIGTERM is told to clients before it is obeyed; whatever they ask is answered meanwhile."""

    origin: Origin | None = None
    """What the first workers are forked of; those that take an ended one's place are forked of this process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard: list[int] = []

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Note the signal, too: the first says whether notice is given, and a second ends it."""
        self._heard.append(args[0])
        super().signal_handler_interrupt(*args, **kwargs)

    def shutdown(self, exit_code: int = 0) -> None:
        """End with status 0 where a signal asked for the end: sent to the whole group, it may end a worker first."""
        try:
            super().shutdown(exit_code)
        except SystemExit:
            if exit_code or not self._heard:
                raise

    def _stop_workers(self) -> None:
        if self.notice_seconds and self._heard == [signal.SIGTERM]:
            self._give_notice()
        super()._stop_workers()

    def _give_notice(self) -> None:
        """Have every worker tell its clients, then take no more connections, so that at the end none is unread."""
        log.info(
            "ending in %d s: /readyz says so, and every answer closes its connection", self.notice_seconds
        )
        self._tell(NOTICE)
        ends = time.monotonic() + self.notice_seconds
        while time.monotonic() < ends and len(self._heard) == 1:
            time.sleep(LOOK_SECONDS)
        self._tell(LAST_CALL)
        time.sleep(LAST_CALL_SECONDS)

    def _tell(self, number: signal.Signals) -> None:
        for worker in self.wrks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.inner.pid, number)

    def _spawn_workers(self, *args: Any, **kwargs: Any) -> None:
        super()._spawn_workers(*args, **kwargs)
        if self.origin is not None:
            self.origin.end()
            self.origin = None

    def _spawn_worker(self, *args: Any, **kwargs: Any) -> Any:
        worker = super()._spawn_worker(*args, **kwargs)
        if self.origin is not None:
            worker.inner = self.origin.worker(worker.inner._target, worker.inner._args)
        unnoted = worker.is_alive
        worker.is_alive = lambda: unnoted() and _exists(worker.inner.pid)
        return worker


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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
