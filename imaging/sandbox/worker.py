"""The sandbox process: jobs come and answers go by pipes; it can open nothing and grow no further than told.

Run as `python -m imaging.sandbox.worker NICE`. It lives until its input ends, that is until its parent does.
"""

import os
import resource
import sys
import warnings
from typing import BinaryIO

from imaging.errors import CONTRADICTS, BrokenImage, TooManyPixels
from imaging.picture import Data, Picture
from imaging.sandbox.examining import examine
from imaging.sandbox.protocol import (
    ANSWER,
    BROKEN,
    DONE,
    READY,
    REQUEST,
    SAID,
    SAME,
    TOO_MANY,
    Examine,
    Job,
    decode,
)
from imaging.sandbox.rendering import render, warm_up

Canvas = tuple[int, int, int]
NOWHERE = (0, 0, 0)


def main(nice: int) -> None:
    """Serve jobs until the input ends."""
    warnings.simplefilter("ignore")
    os.nice(nice)
    warm_up()
    pages = os.open("/proc/self/statm", os.O_RDONLY)
    _lock_down()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(READY)
    sink.flush()
    while head := source.read(REQUEST.size):
        about, size, seconds, memory = REQUEST.unpack(head)
        job, data = decode(source.read(about)), source.read(size)
        _bound(_address_space(pages) + memory, seconds)
        _answer(sink, *_do(job, data))


def _do(job: Job, data: bytes) -> tuple[bytes, Canvas, Data]:
    try:
        if isinstance(job, Examine):
            picture, kept = examine(job, data)
            return (SAME, _canvas(picture), b"") if kept is data else (DONE, _canvas(picture), kept)
        return DONE, NOWHERE, render(job, data)
    except BrokenImage as refusal:
        said = refusal.what if refusal.what in SAID else CONTRADICTS
        return BROKEN, (SAID.index(said), 0, 0), b""
    except TooManyPixels as refusal:
        return TOO_MANY, refusal.canvas, b""
    except MemoryError:
        return TOO_MANY, NOWHERE, b""


def _canvas(picture: Picture) -> Canvas:
    return picture.width, picture.height, picture.frames


def _answer(sink: BinaryIO, kind: bytes, canvas: Canvas, body: Data) -> None:
    sink.write(ANSWER.pack(kind, *canvas, len(body)))
    sink.write(body)
    sink.flush()


def _address_space(pages: int) -> int:
    """Return the bytes mapped now, from an open /proc/self/statm (proc(5))."""
    return int(os.pread(pages, 64, 0).split()[0]) * resource.getpagesize()


def _lock_down() -> None:
    """Give up files, sockets, processes and core dumps: the pipes are all there is."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(kind, (most, most))


def _bound(memory: int, seconds: float) -> None:
    """Allow the job so much address space and processor time; the kernel ends what takes more."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(int(sys.argv[1]))
