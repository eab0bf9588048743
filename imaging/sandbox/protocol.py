"""The messages on the pipes of a sandbox: a job with its image, and an answer that the server must not trust.

A request is REQUEST, the job as JSON, then the image. An answer is ANSWER, then as many bytes as it announces.
"""

import json
import struct
from typing import NamedTuple

from imaging.errors import CONTRADICTS, CUT, UNPACKS_NOT

REQUEST = struct.Struct(">QQ")
"""The lengths of job and image."""
ANSWER = struct.Struct(">cIII?Q")
"""The outcome; width, height and frames; whether the image came with a gain map; the length of what follows."""
READY = struct.Struct(">Q")
"""How many bytes the process has mapped before its first job."""
UNFILTERED = "--unfiltered"
"""The argument that lets the process start where the kernel offers no filter of system calls."""
DONE, SAME, BROKEN, TOO_MANY = b"d", b"s", b"b", b"t"
"""DONE is followed by bytes, SAME stands for the image as it was sent. In place of the width, BROKEN has the index of a
sentence of SAID; TOO_MANY has the refused canvas."""
SAID = (CUT, UNPACKS_NOT, CONTRADICTS)
"""The only sentences that a sandbox can give about a broken image: no text of its own reaches a client."""


class Examine(NamedTuple):
    """Walk an image, remove what is not needed to show it, and decode every frame."""

    media_type: str
    keep_metadata: bool
    max_pixels: int
    max_frames: int
    max_decoded_bytes: int


class Convert(NamedTuple):
    """Convert so many frames of an image to another format, with this width and height."""

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
