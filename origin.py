"""The origin: a process that loads the application, and from which workers are forked.

So the main process doesn't need the application in its memory. The origin itself serves nothing; it waits.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import embedded
from environment import ConfigError
from imaging import adopt_orphans, name_process, unmap_read_files

Work = Callable[..., None]
FORK = multiprocessing.get_context("fork")


class OriginEnded(Exception):
    """The origin process is gone, for example because the kernel killed it when memory was short."""


class Origin:
    """Controls the origin process, which loads the application, makes it ready, and is then forked for each worker.

    Workers share the origin's memory pages until they write to them (copy on write). The workers become children of the
    main process.
    """

    def __init__(self, load: Callable[[], None], make_ready: Callable[[], str | None]) -> None:
        """Fork the origin from this process, which must have no other threads; the origin calls ``load`` at once."""
        self._ours, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_begin, args=(theirs, self._ours, load, make_ready))
        with embedded.signals_later():
            self._process.start()
        theirs.close()

    def make_ready(self) -> None:
        """Have the origin call ``make_ready``, and wait; raises ConfigError if that returns a sentence."""
        try:
            self._ours.send(())
            error = self._ours.recv()
        except (EOFError, OSError):
            self._process.join()
            status = self._process.exitcode
            raise ConfigError(f"the start was interrupted (status {status}); start again") from None
        if error is not None:
            raise ConfigError(error)

    def fork(self, work: Work, *arguments: Any) -> int:
        """Fork the origin to run ``work(*arguments)`` in a child of this process; return the child's process id.

        ``work`` and its arguments must be picklable. Raises OriginEnded.
        """
        adopt_orphans(True)
        try:
            self._ours.send((work, arguments))
            pid: int = self._ours.recv()
            self._ours.recv()  # from now on it is a child of this process
        except (EOFError, OSError):
            raise OriginEnded from None
        finally:
            adopt_orphans(False)
        return pid

    def __enter__(self) -> Origin:
        """Return this origin, which is ended at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Call ``end``."""
        self.end()

    def end(self) -> None:
        """Kill the origin process; PostgreSQL rolls back an open transaction. Its forks go on."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _begin(
    main: Connection, other_end: Connection, load: Callable[[], None], make_ready: Callable[[], str | None]
) -> None:
    other_end.close()
    with contextlib.suppress(EOFError, ConnectionError):  # the main process has ended
        _live(main, load, make_ready)


def _live(main: Connection, load: Callable[[], None], make_ready: Callable[[], str | None]) -> None:
    """Do what the main process asks for, until that ends this process or itself."""
    os.setpgid(0, 0)  # so that Ctrl-C reaches only the main process
    name_process("mayfly-origin")
    be_ended_by(signal.SIGKILL)
    gc.disable()  # a collection would leave holes in memory pages, which each worker would then fill, and so copy
    load()
    main.recv()
    main.send(make_ready())
    gc.freeze()  # else a collection in a worker would write to each of these objects, and so copy all their pages
    gc.enable()
    unmap_read_files()
    while True:
        work, arguments = main.recv()
        go, hold = os.pipe()
        between = FORK.Process(target=_be_between, args=(main, go, hold, work, arguments))
        between.start()
        between.join()
        os.close(go)
        os.close(hold)
        main.send(())


def be_ended_by(death: signal.Signals) -> None:
    """In a process that was just forked: reset the signal handlers, and have ``death`` sent when the parent ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # nothing in this process needs a clean end
    embedded.hear_signals()
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        embedded.die_with(parent.pid, death)


def _be_between(main: Connection, go: int, hold: int, work: Work, arguments: Any) -> None:
    """Fork a worker and end, so that the main process becomes its parent."""
    worker = FORK.Process(target=_be_a_worker, args=(main, go, hold, work, arguments))
    worker.start()
    main.send(worker.pid)
    os._exit(0)  # without waiting for the worker


def _be_a_worker(main: Connection, go: int, hold: int, work: Work, arguments: Any) -> None:
    main.close()
    os.close(hold)
    os.read(go, 1)  # returns when the process between has ended, so that the main process is the parent
    os.close(go)
    name_process("mayfly-begins")
    work(*arguments)


def in_a_fork(work: Callable[[], None]) -> None:
    """Run ``work`` in a forked process, so that what it loads stays in no process; raise the error that it raises."""
    ours, theirs = FORK.Pipe(duplex=False)
    child: BaseProcess = FORK.Process(target=_tell_error, args=(work, theirs))
    child.start()
    theirs.close()
    try:
        error = ours.recv()
    except EOFError:
        child.join()
        raise ConfigError(f"the migration was interrupted (status {child.exitcode}); start again") from None
    child.join()
    if error is not None:
        raise error


def _tell_error(work: Callable[[], None], to: Connection) -> None:
    be_ended_by(signal.SIGKILL)
    try:
        work()
    except Exception as error:
        to.send(error)
    else:
        to.send(None)
