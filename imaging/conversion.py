from collections.abc import Callable
from typing import Literal

from imaging.errors import BrokenImage, TooManyPixels
from imaging.formats.first_bytes import media_type_of
from imaging.picture import BYTES_PER_PIXEL, Data, Limits, Picture
from imaging.sandbox.pool import SandboxPool, Task
from imaging.sandbox.protocol import Convert

TARGETS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
# The longest side each format can write (RFC 9649, 2.6; libjpeg's JPEG_MAX_DIMENSION).
LONGEST = {"WEBP": 16_383, "JPEG": 65_500}
MOST_SANDBOXES = 1
"""How many processes of a server process convert at a time."""
NICE = 10
"""The niceness (nice(2)) of a process that converts: uploads and opens go first."""
PATIENCE = 10.0
"""How many seconds a conversion waits for its turn, where the caller says nothing else."""
# Bytes that a decoder needs beside the pixels; how many copies of the pixels a conversion holds at once (most are held
# by libwebp when it reads and writes transparency); how many copies of the file.
BASE_MEMORY = 64 << 20
COPIES = 9
COPIES_OF_BYTES = 3
# What an encoder may write beside the pixels: headers, a profile, a PNG's filter for each row.
MOST_OVERHEAD = 1 << 20

_conversions = SandboxPool(MOST_SANDBOXES, NICE)


def _uncounted(_size: int) -> None:
    """Let the result of a conversion be read whatever its size."""


def convert(
    data: Data,
    picture: Picture,
    to: Literal["png", "jpeg", "webp"],
    width: int | None = None,
    height: int | None = None,
    limits: Limits | None = None,
    *,
    patience: float = PATIENCE,
    before_reading: Callable[[int], None] = _uncounted,
) -> bytes:
    """Return the picture in another format, in a process of its own that hostile bytes can't leave.

    Orientation is applied, the colour profile applied or carried, transparency laid on white for JPEG; an
    animation stays one in WebP and becomes its first frame otherwise. `width` and `height` shrink it to fit
    both, keep its shape and never enlarge. `before_reading` is told how many bytes the result has before memory
    is taken for it; what it raises ends the conversion. Raises `BrokenImage`, `TooManyPixels`,
    `SandboxMissing`, or `TooBusy` when no sandbox is free within `patience` seconds.
    """
    limits, form, size = limits or Limits(), TARGETS[to], fit(picture, width, height)
    if max(size) > LONGEST.get(form, max(size)):
        raise TooManyPixels(f"A {to} has at most {LONGEST[form]:,} pixels a side; ask for a smaller width.")
    frames = picture.frames if to == "webp" else 1
    limits.allow(picture.width, picture.height, frames)
    limits.allow_conversion(picture.width, picture.height, frames)
    job = Convert(picture.media_type, form, *size, frames, limits.max_conversion_pixels)
    memory = memory_of_converting(limits, len(data))
    most = BYTES_PER_PIXEL * frames * (size[0] + 1) * size[1] + len(data) + MOST_OVERHEAD
    task = Task(job, data, limits.conversion_seconds, memory, most, before_reading)
    converted = _conversions.run(task, limits, patience).body
    if media_type_of(memoryview(converted)) != f"image/{to}":
        raise BrokenImage("it becomes another image than was asked for")
    return bytes(converted)


def fit(picture: Picture, width: int | None, height: int | None) -> tuple[int, int]:
    """Return the largest size of the picture's shape that fits both and is no larger than the picture."""
    scale = min(1.0, (width or picture.width) / picture.width, (height or picture.height) / picture.height)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def memory_of_converting(limits: Limits, size: int) -> int:
    """Return how many bytes a sandbox may take beside what it takes idle, to convert an image of `size` bytes."""
    return BASE_MEMORY + COPIES * BYTES_PER_PIXEL * limits.max_conversion_pixels + COPIES_OF_BYTES * size
