"""The helper process: jobs come and answers go by pipes; it can open nothing and grow no further than told.

Run as `python -m imaging.decoder`. It lives until its input ends, that is until its parent does.
"""

import json
import os
import resource
import sys
import warnings
from typing import BinaryIO

from imaging.decoder_protocol import ANSWER, BROKEN, DONE, READY, REQUEST, TOO_MANY
from imaging.errors import BrokenImage, TooManyPixels
from imaging.rendering import Job, render, warm_up


def main() -> None:
    """Serve jobs until the input ends."""
    warnings.simplefilter("ignore")
    warm_up()
    pages = os.open("/proc/self/statm", os.O_RDONLY)
    _lock_down()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(READY)
    sink.flush()
    while head := source.read(REQUEST.size):
        about, size, seconds, memory = REQUEST.unpack(head)
        job, data = Job(*json.loads(source.read(about))), source.read(size)
        _bound(_address_space(pages) + memory, seconds)
        _answer(sink, *_do(job, data))


def _do(job: Job, data: bytes) -> tuple[bytes, bytes]:
    try:
        return DONE, render(job, data)
    except BrokenImage:
        return BROKEN, b""
    except (TooManyPixels, MemoryError):
        return TOO_MANY, b""


def _answer(sink: BinaryIO, kind: bytes, body: bytes) -> None:
    sink.write(ANSWER.pack(kind, len(body)))
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
    main()
