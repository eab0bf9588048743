"""The sandboxes of a server process: started when needed, kept for the next job, killed when one breaks a rule.

Hostile bytes may have taken a sandbox over, so each number of its answer is checked against a bound before it is used.
"""

import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from imaging.errors import BrokenImage, SandboxMissing, TooBusy, TooManyPixels
from imaging.picture import Data, Limits
from imaging.sandbox import protocol
from imaging.sandbox.jail import jail_offered

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "imaging.sandbox.worker")
# With pipes of this size the two processes take turns twenty times less often than with 64 KiB.
PIPE = 1 << 20
# A process that has done many jobs may have leaked memory.
MOST_JOBS = 1_000
MOST_KEPT = 256 << 20
"""The most bytes that a process may keep mapped after a job beyond those of its start; 134 MB were seen."""
# On a busy machine a second of processor time takes more than a second.
CLOCK = 2
REFUSED = "The image takes more memory or time to decode than allowed; make it smaller."


class Breach(Exception):
    """The sandbox ended or was killed during a job, or its answer breaks the protocol."""


@dataclass(frozen=True, slots=True)
class Task:
    """A job, the image it is about, and its bounds: seconds of processor, bytes of memory, and bytes of the answer.

    `before_reading` is called with the number of bytes that the sandbox announces, before memory for them is
    taken; what it raises ends the sandbox and goes on to the caller.
    """

    job: protocol.Job
    data: Data
    seconds: float
    memory: int
    most: int
    before_reading: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """What a sandbox claims: what became of the job, a canvas of width, height and frames, a gain map, and bytes."""

    kind: bytes
    canvas: tuple[int, int, int]
    gain_map: bool
    body: Data


class Sandbox:
    """One process and its two pipes. Its environment is empty, so that it never holds a secret of the server."""

    def __init__(self, nice: int = 0) -> None:
        self.process = subprocess.Popen(  # noqa: S603 (our own command)
            (*COMMAND, str(nice), *(() if jail_offered().filtered else (protocol.UNFILTERED,))),
            cwd=ROOT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pipesize=PIPE,
        )
        self.sink = cast("IO[bytes]", self.process.stdin)
        self.source = cast("IO[bytes]", self.process.stdout)
        self.jobs = 0
        try:
            self.mapped = self.mapped_at_start = int(
                protocol.READY.unpack(self._read(protocol.READY.size))[0]
            )
        except Breach:
            self.end()
            raise RuntimeError("the sandbox does not start") from None

    def usable(self) -> bool:
        """Say whether the next job may go to this process."""
        with contextlib.suppress(OSError):  # it is gone, or /proc is mounted with hidepid (proc(5))
            statm = Path(f"/proc/{self.process.pid}/statm").read_text()
            self.mapped = int(statm.split()[0]) * resource.getpagesize()
        fresh = self.jobs < MOST_JOBS and self.mapped < self.mapped_at_start + MOST_KEPT
        return fresh and self.process.poll() is None

    def run(self, task: Task) -> WorkerAnswer:
        """Do one task; raises `Breach` when the process ends before it answers, or the answer is out of bounds."""
        self.jobs += 1
        watch = threading.Timer(CLOCK * task.seconds, self.process.kill)
        watch.start()
        try:
            self._bound(task.seconds, task.memory)
            self._ask(task)
            return self._answer(task)
        finally:
            watch.cancel()
            watch.join()

    def _bound(self, seconds: float, memory: int) -> None:
        """Allow the job so much processor time and address space; the kernel ends what takes more.

        It is set from outside (prlimit(2)), since the jail lets nobody set limits.
        """
        try:
            until = int(time.clock_gettime(_processor_time_of(self.process.pid)) + seconds) + 1
            for kind, most in ((resource.RLIMIT_CPU, until), (resource.RLIMIT_AS, self.mapped + memory)):
                resource.prlimit(self.process.pid, kind, (most, resource.getrlimit(kind)[1]))
        except OSError:
            raise Breach from None

    def _ask(self, task: Task) -> None:
        about = protocol.encode(task.job)
        try:
            self.sink.write(protocol.REQUEST.pack(len(about), len(task.data)) + about)
            self.sink.write(task.data)
            self.sink.flush()
        except OSError:
            raise Breach from None

    def _answer(self, task: Task) -> WorkerAnswer:
        kind, *canvas, gain_map, size = protocol.ANSWER.unpack(self._read(protocol.ANSWER.size))
        same = kind == protocol.SAME
        if size > (task.most if kind == protocol.DONE else 0) or (
            same and not isinstance(task.job, protocol.Examine)
        ):
            raise Breach
        width, height, frames = canvas
        if kind == protocol.DONE:
            task.before_reading(size)
        return WorkerAnswer(kind, (width, height, frames), gain_map, task.data if same else self._read(size))

    def _read(self, size: int) -> bytes:
        answer = self.source.read(size)
        if len(answer) != size:
            raise Breach
        return answer

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self.process.kill()
        self.process.wait()
        self.source.close()
        with contextlib.suppress(OSError):  # what it no longer read
            self.sink.close()


def _processor_time_of(pid: int) -> int:
    """Return the clock of a process's processor time, as clock_getcpuclockid(3) makes it."""
    return ~pid << 3 | 2


_counting = threading.Lock()
_deaths = 0


def sandbox_deaths() -> int:
    """Tell how many sandboxes of this process died, or were killed, in the middle of a job."""
    return _deaths


def _note_death() -> None:
    global _deaths
    with _counting:
        _deaths += 1


class SandboxPool:
    """At most `most` sandboxes at a time, each at this niceness (nice(2))."""

    def __init__(self, most: int, nice: int = 0) -> None:
        self.most, self.nice = most, nice
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Begin with no sandbox: a forked child must not write into the pipes of its parent."""
        self._places = threading.BoundedSemaphore(self.most)
        self._idle: list[Sandbox] = []

    def run(self, task: Task, limits: Limits, patience: float) -> WorkerAnswer:
        """Do one task in a sandbox, waiting at most `patience` seconds for one that is free.

        Returns an answer of DONE or SAME. Raises `SandboxMissing`, `TooBusy`, `BrokenImage`, or `TooManyPixels` when
        the image is over the limits or takes more than the task allows.
        """
        if not (jail_offered().filtered or limits.accept_no_jail):
            raise SandboxMissing
        if not self._places.acquire(timeout=patience):
            raise TooBusy
        try:
            answer = self._run(task)
        except Breach:
            _note_death()
            raise TooManyPixels(REFUSED) from None
        finally:
            self._places.release()
        if answer.kind in (protocol.DONE, protocol.SAME):
            return answer
        if answer.kind == protocol.BROKEN and answer.canvas[0] < len(protocol.SAID):
            raise BrokenImage(protocol.SAID[answer.canvas[0]])
        if answer.kind == protocol.TOO_MANY and all(answer.canvas):
            limits.allow(*answer.canvas)
        raise TooManyPixels(REFUSED)

    def _run(self, task: Task) -> WorkerAnswer:
        sandbox = self._take()
        try:
            answer = sandbox.run(task)
        except BaseException:
            sandbox.end()
            raise
        if answer.kind in (protocol.DONE, protocol.SAME):
            self._idle.append(sandbox)
        else:
            sandbox.end()  # a process that has read a bad file gets no other one
        return answer

    def _take(self) -> Sandbox:
        while True:
            try:
                sandbox = self._idle.pop()
            except IndexError:
                return Sandbox(self.nice)
            if sandbox.usable():
                return sandbox
            sandbox.end()

    def close(self) -> None:
        """End every idle sandbox; the next job starts a new one."""
        while self._idle:
            self._idle.pop().end()
