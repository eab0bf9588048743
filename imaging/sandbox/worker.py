"""The sandbox process: it reads jobs from a pipe and writes answers to another, in a jail from before the first job.

Run as `python -m imaging.sandbox.worker NICE`. It ends when its input ends, and so at the latest with its parent.
"""

import contextlib
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

from imaging.errors import CONTRADICTS, BrokenImage, TooManyPixels
from imaging.picture import Data, Picture
from imaging.sandbox import protocol
from imaging.sandbox.examining import cleaned, examine
from imaging.sandbox.jail import lock
from imaging.sandbox.rendering import render, warm_up

Canvas = tuple[int, int, int]
NOWHERE = (0, 0, 0)


def main(nice: int) -> None:
    """Serve jobs until the input ends."""
    warnings.simplefilter("ignore")
    os.nice(nice)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(
            "1000"
        )  # where memory runs out, the kernel ends this first
    warm_up()
    mapped = _address_space()
    lock(filtered=protocol.UNFILTERED not in sys.argv)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(protocol.READY.pack(mapped))
    sink.flush()
    while head := source.read(protocol.REQUEST.size):
        about, size = protocol.REQUEST.unpack(head)
        job, data = protocol.decode(source.read(about)), source.read(size)
        _answer(sink, *_do(job, data))
    os._exit(0)  # Python's own end makes system calls that the jail forbids


def _do(job: protocol.Job, data: bytes) -> tuple[bytes, Canvas, bool, Data]:
    try:
        if isinstance(job, protocol.Examine):
            picture, kept = examine(job, data)
            if kept == data:
                return protocol.SAME, _canvas(picture), picture.gain_map, b""
            return protocol.DONE, _canvas(picture), picture.gain_map, kept
        return protocol.DONE, NOWHERE, False, render(job, cleaned(job.media_type, data))
    except BrokenImage as refusal:
        said = refusal.what if refusal.what in protocol.SAID else CONTRADICTS
        return protocol.BROKEN, (protocol.SAID.index(said), 0, 0), False, b""
    except TooManyPixels as refusal:
        return protocol.TOO_MANY, refusal.canvas, False, b""
    except MemoryError:
        return protocol.TOO_MANY, NOWHERE, False, b""


def _canvas(picture: Picture) -> Canvas:
    return picture.width, picture.height, picture.frames


def _answer(sink: BinaryIO, kind: bytes, canvas: Canvas, gain_map: bool, body: Data) -> None:
    sink.write(protocol.ANSWER.pack(kind, *canvas, gain_map, len(body)))
    sink.write(body)
    sink.flush()


def _address_space() -> int:
    """Return the bytes that are mapped now (/proc/self/statm, proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(int(sys.argv[1]))
