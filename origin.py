"""The process that loads the application and of which workers are forked, so that no other one has to hold it."""

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
from imaging import adopt_orphans

Work = Callable[..., None]
FORK = multiprocessing.get_context("fork")


class Origin:
    """Loads the application in a process of its own, makes all ready to serve, and is then forked for each worker.

    All workers share the memory that the origin filled, as long as they don't write to it. The origin ends when it has
    been forked for the last time. Its forks become children of the main process.
    """

    def __init__(self, load: Callable[[], None], make_ready: Callable[[], str | None]) -> None:
        """Fork it from this process, which must have no other threads; it calls ``load`` at once."""
        adopt_orphans(True)
        self._ours, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_begin, args=(theirs, self._ours, load, make_ready))
        with embedded.signals_later():
            self._process.start()
        theirs.close()

    def make_ready(self) -> None:
        """Have ``make_ready`` called and wait for it; raises ConfigError with the sentence that it returns."""
        try:
            self._ours.send(())
            error = self._ours.recv()
        except (EOFError, OSError):
            self._process.join()
            status = self._process.exitcode
            raise ConfigError(f"the start ended before its time (status {status}); start again") from None
        if error is not None:
            raise ConfigError(error)

    def fork(self, work: Work, *arguments: Any) -> int:
        """Fork it to do ``work``; return the id of what then is a child of this process. All has to be picklable."""
        self._ours.send((work, arguments))
        pid: int = self._ours.recv()
        self._ours.recv()  # only now it is a child of this process
        return pid

    def __enter__(self) -> Origin:
        """Return this; it is ended when the block is left."""
        return self

    def __exit__(self, *_: object) -> None:
        """Call ``end``."""
        self.end()

    def end(self) -> None:
        """End it, whatever it does; PostgreSQL undoes what was begun. Its forks go on."""
        self._process.kill()
        self._process.join()
        self._ours.close()
        adopt_orphans(False)


def _begin(
    main: Connection, other_end: Connection, load: Callable[[], None], make_ready: Callable[[], str | None]
) -> None:
    other_end.close()
    with contextlib.suppress(EOFError, ConnectionError):  # the main process has ended
        _live(main, load, make_ready)


def _live(main: Connection, load: Callable[[], None], make_ready: Callable[[], str | None]) -> None:
    """Do what the main process asks for, until it ends this process or itself."""
    os.setpgid(0, 0)  # Ctrl-C reaches the main process alone
    be_ended_by(signal.SIGKILL)
    gc.disable()  # what a collection frees leaves holes, which each worker would fill in a copy of the page
    load()
    main.recv()
    main.send(make_ready())
    gc.freeze()  # a collection in a worker would write to each object that was loaded, and so copy all of it
    gc.enable()
    living, until_our_end = os.pipe()
    while True:
        work, arguments = main.recv()
        between = FORK.Process(target=_be_between, args=(main, living, until_our_end, work, arguments))
        between.start()
        between.join()
        main.send(())


def be_ended_by(death: signal.Signals) -> None:
    """In a process just forked: obey signals at once, and get ``death`` when the parent ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # nothing here has to be ended in order
    embedded.hear_signals()
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        embedded.die_with(parent.pid, death)


def _be_between(main: Connection, living: int, until_our_end: int, work: Work, arguments: Any) -> None:
    """Fork a worker and end, so that the main process becomes its parent."""
    worker = FORK.Process(target=_be_a_worker, args=(living, until_our_end, work, arguments))
    worker.start()
    main.send(worker.pid)
    os._exit(0)  # without waiting for the worker


def _be_a_worker(living: int, until_our_end: int, work: Work, arguments: Any) -> None:
    os.close(until_our_end)
    os.read(living, 1)  # returns when the origin has ended
    os.close(living)
    work(*arguments)


def in_a_fork(work: Callable[[], None]) -> None:
    """Do something in a process that ends, so that nobody keeps in memory what it loads; raises what it raised."""
    ours, theirs = FORK.Pipe(duplex=False)
    child: BaseProcess = FORK.Process(target=_tell_error, args=(work, theirs))
    child.start()
    theirs.close()
    try:
        error = ours.recv()
    except EOFError:
        child.join()
        raise ConfigError(
            f"the migration ended before its time (status {child.exitcode}); start again"
        ) from None
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
