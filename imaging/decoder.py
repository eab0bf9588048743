"""The helper process: jobs come and answers go by pipes; from before the first job it is in a jail.

Run as `python -m imaging.decoder`. It lives until its input ends, that is until its parent does.
"""

import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

from imaging.decoder_protocol import ANSWER, BROKEN, DONE, READY, REQUEST, TOO_MANY, UNFILTERED
from imaging.errors import BrokenImage, TooManyPixels
from imaging.rendering import Job, render, warm_up
from imaging.sandbox.jail import lock


def main() -> None:
    """Serve jobs until the input ends."""
    warnings.simplefilter("ignore")
    warm_up()
    mapped = _address_space()
    lock(filtered=UNFILTERED not in sys.argv)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(READY.pack(mapped))
    sink.flush()
    while head := source.read(REQUEST.size):
        about, size = REQUEST.unpack(head)
        job, data = Job(*json.loads(source.read(about))), source.read(size)
        _answer(sink, *_do(job, data))
    os._exit(0)  # Python's own end makes system calls that the jail forbids


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


def _address_space() -> int:
    """Return the bytes that are mapped now (/proc/self/statm, proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main()
