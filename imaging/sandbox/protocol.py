"""What goes over a sandbox's pipes: a job with its bytes, and an answer that the server must not trust.

A request is REQUEST, the job as JSON, then the image. An answer is ANSWER, then as many bytes as it announces.
"""

import json
import struct
from typing import NamedTuple

from imaging.errors import CONTRADICTS, CUT, UNPACKS_NOT

REQUEST = struct.Struct(">QQ")
"""The lengths of job and image."""
ANSWER = struct.Struct(">cIII?Q")
"""What became of it; width, height and frames; whether the image came with a gain map; the length of what follows."""
READY = struct.Struct(">Q")
"""The bytes that it has mapped before the first job."""
UNFILTERED = "--unfiltered"
"""The argument that lets the process start where the kernel offers no filter of system calls."""
DONE, SAME, BROKEN, TOO_MANY = b"d", b"s", b"b", b"t"
"""With bytes; the image as it was sent; BROKEN has the place of a sentence in SAID, TOO_MANY the refused canvas."""
SAID = (CUT, UNPACKS_NOT, CONTRADICTS)
"""All that a sandbox can say of a broken image: no word of its own reaches a client."""


class Examine(NamedTuple):
    """Walk an image, take out what is not needed to show it, and see that every frame opens."""

    media_type: str
    keep_metadata: bool
    max_pixels: int
    max_frames: int
    max_decoded_bytes: int


class Convert(NamedTuple):
    """Show an image as another format, at the size of width and height, so many frames of it."""

    media_type: str
    to: str
    width: int
    height: int
    frames: int
    max_pixels: int


Job = Examine | Convert
JOBS: dict[str, type[Examine] | type[Convert]] = {"examine": Examine, "convert": Convert}


def encode(job: Job) -> bytes:
    """Return a job as it goes to a sandbox."""
    return json.dumps(["examine" if isinstance(job, Examine) else "convert", *job]).encode()


def decode(text: bytes) -> Job:
    """Return the job that `encode` wrote."""
    name, *fields = json.loads(text)
    return JOBS[name](*fields)
