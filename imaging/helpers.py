"""Helper processes that decode for us: started when needed, kept for the next job, killed on a breach."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

from imaging.decoder_protocol import ANSWER, BROKEN, DONE, READY, REQUEST, TOO_MANY, UNFILTERED
from imaging.errors import BrokenImage, TooBusy, TooManyPixels
from imaging.picture import Data
from imaging.sandbox.jail import jail_offered

ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "imaging.decoder")
# An old process is a process that may have leaked.
MOST_JOBS = 1_000
MOST_KEPT = 256 << 20
"""The most bytes that a process may keep mapped after a job beyond those of its start; 134 MB were seen."""
REFUSED = "The image takes more memory or time to convert than allowed; make it smaller."


BeforeReading = Callable[[int], None] | None
"""Told how many bytes an answer has before they are read; what it raises ends the helper."""


class Breach(Exception):
    """The helper died or had to be killed in the middle of a job."""


class Helper:
    """One process and its two pipes. It gets an empty environment: no secret of ours is in its memory."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 (our own command)
            COMMAND if jail_offered().filtered else (*COMMAND, UNFILTERED),
            cwd=ROOT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.sink = cast("IO[bytes]", self.process.stdin)
        self.source = cast("IO[bytes]", self.process.stdout)
        self.jobs = 0
        try:
            self.mapped = self.mapped_at_start = int(READY.unpack(self._read(READY.size))[0])
        except Breach:
            self.end()
            raise RuntimeError("the decoding helper does not start") from None

    def usable(self) -> bool:
        """Say whether the next job may go to this process."""
        with contextlib.suppress(OSError):  # it is gone, or /proc is mounted with hidepid (proc(5))
            statm = Path(f"/proc/{self.process.pid}/statm").read_text()
            self.mapped = int(statm.split()[0]) * resource.getpagesize()
        fresh = self.jobs < MOST_JOBS and self.mapped < self.mapped_at_start + MOST_KEPT
        return fresh and self.process.poll() is None

    def run(
        self,
        job: Sequence[object],
        data: Data,
        seconds: float,
        memory: int,
        before_reading: BeforeReading = None,
    ) -> tuple[bytes, bytes]:
        """Do one job; `Breach` when the process did not live to answer within `seconds`."""
        self.jobs += 1
        watch = threading.Timer(seconds, self.process.kill)
        watch.start()
        try:
            self._bound(seconds, memory)
            self._ask(json.dumps(job).encode(), data)
            kind, size = ANSWER.unpack(self._read(ANSWER.size))
            if before_reading:
                before_reading(size)
            return kind, self._read(size)
        except OSError:
            raise Breach from None
        finally:
            watch.cancel()
            watch.join()

    def _bound(self, seconds: float, memory: int) -> None:
        """Allow the job so much processor time and address space; the kernel ends what takes more.

        It is set from outside (prlimit(2)), since the jail lets nobody set limits.
        """
        until = int(time.clock_gettime(_processor_time_of(self.process.pid)) + seconds) + 1
        for kind, most in (
            (resource.RLIMIT_CPU, until),
            (resource.RLIMIT_AS, self.mapped + memory),
        ):
            resource.prlimit(self.process.pid, kind, (most, resource.getrlimit(kind)[1]))

    def _ask(self, about: bytes, data: Data) -> None:
        self.sink.write(REQUEST.pack(len(about), len(data)) + about)
        self.sink.write(data)
        self.sink.flush()

    def _read(self, size: int) -> bytes:
        answer = self.source.read(size)
        if len(answer) != size:
            raise Breach
        return answer

    def end(self) -> None:
        """Kill the process and collect it."""
        self.process.kill()
        self.process.wait()
        self.source.close()
        with contextlib.suppress(OSError):  # what it no longer read
            self.sink.close()


def _processor_time_of(pid: int) -> int:
    """Return the clock of a process's processor time, as clock_getcpuclockid(3) makes it."""
    return ~pid << 3 | 2


class Helpers:
    """At most `most` helpers at a time; who comes later waits `patience` seconds, then it is `TooBusy`."""

    def __init__(self, most: int = 2, patience: float = 10.0) -> None:
        self.most, self.patience = most, patience
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Start over: a forked child must not write into its parent's pipes."""
        self._places = threading.BoundedSemaphore(self.most)
        self._idle: list[Helper] = []

    def run(
        self,
        job: Sequence[object],
        data: Data,
        seconds: float,
        memory: int,
        before_reading: BeforeReading = None,
    ) -> bytes:
        """Do one job in a helper.

        Raises `BrokenImage`, `TooManyPixels` when it takes more than `seconds` or `memory`, or `TooBusy`.
        """
        if not self._places.acquire(timeout=self.patience):
            raise TooBusy
        try:
            kind, answer = self._run(job, data, seconds, memory, before_reading)
        except Breach:
            raise TooManyPixels(REFUSED) from None
        finally:
            self._places.release()
        if kind == BROKEN:
            raise BrokenImage("its pixels do not unpack")
        if kind == TOO_MANY:
            raise TooManyPixels(REFUSED)
        return answer

    def _run(
        self,
        job: Sequence[object],
        data: Data,
        seconds: float,
        memory: int,
        before_reading: BeforeReading,
    ) -> tuple[bytes, bytes]:
        helper = self._take()
        try:
            kind, answer = helper.run(job, data, seconds, memory, before_reading)
        except BaseException:
            helper.end()
            raise
        if kind == DONE:
            self._idle.append(helper)
        else:
            helper.end()  # what met a bad file meets nobody else's
        return kind, answer

    def _take(self) -> Helper:
        while True:
            try:
                helper = self._idle.pop()
            except IndexError:
                return Helper()
            if helper.usable():
                return helper
            helper.end()

    def close(self) -> None:
        """End every idle helper; the next job starts a new one."""
        while self._idle:
            self._idle.pop().end()
