from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

from imaging.errors import BrokenImage, Unproven
from imaging.formats import jpeg, jpeg_clean, png, png_clean
from imaging.formats.first_bytes import media_type_of
from imaging.formats.image_format import MOST_ADDED, ImageFormat
from imaging.picture import BYTES_PER_PIXEL, Data, Limits, Picture
from imaging.sandbox.pool import SandboxPool, Task
from imaging.sandbox.protocol import Examine

JPEG: ImageFormat[list[jpeg.Segment]] = ImageFormat(jpeg.measure, jpeg_clean.parts)
PNG: ImageFormat[list[png.PngChunk]] = ImageFormat(png.measure, png_clean.parts)

MOST_SANDBOXES = 2
"""How many processes of a server process look at uploads at a time."""
PATIENCE = 10.0
"""How many seconds an upload waits for one of them, where the caller says nothing else."""
# Bytes that Python, Pillow and a walk take; how many copies of the pixels a decoder holds (measured: libwebp 4, an AVIF
# sequence 6, with the frames that others refer to); how many of the file: as sent, as kept, and two within Pillow.
BASE_MEMORY = 64 << 20
COPIES = 6
COPIES_OF_BYTES = 4

_uploads = SandboxPool(MOST_SANDBOXES)


def examine(
    data: Data,
    limits: Limits | None = None,
    keep_metadata: bool = False,
    patience: float = PATIENCE,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> tuple[Picture, Data]:
    """Recognise an image by its bytes alone, see that it opens, and return it with what to keep of the bytes.

    What is kept is as `ImageFormat.read` says; it is `data` itself when nothing is removed. This process reads only
    the first bytes of a GIF, WebP or AVIF, since only a decoder can tell whether they open: a sandbox does the rest,
    within `turn()`. It does so too for a JPEG that breaks rules, and for a large PNG without its end.
    Raises `NotAnImage`, `BrokenImage`, `TooManyPixels`, `SandboxMissing`, and `TooBusy` when no sandbox is free within
    `patience` seconds.
    """
    limits = limits or Limits()
    media_type = media_type_of(memoryview(data))
    if media_type == "image/png":
        with suppress(Unproven):
            return PNG.read(data, limits, keep_metadata)
    if media_type == "image/jpeg":
        with suppress(BrokenImage):
            return JPEG.read(data, limits, keep_metadata)
    with turn():
        return _apart(data, media_type, limits, keep_metadata, patience)


def memory_of_examining(limits: Limits, size: int) -> int:
    """Return how many bytes a sandbox may take beside what it takes idle, for an upload of `size` bytes."""
    return BASE_MEMORY + COPIES * BYTES_PER_PIXEL * limits.max_pixels + COPIES_OF_BYTES * size


def _apart(
    data: Data, media_type: str, limits: Limits, keep_metadata: bool, patience: float
) -> tuple[Picture, Data]:
    job = Examine(media_type, keep_metadata, limits.max_pixels, limits.max_frames, limits.max_decoded_bytes)
    memory = memory_of_examining(limits, len(data))
    answer = _uploads.run(Task(job, data, limits.seconds, memory, len(data) + MOST_ADDED), limits, patience)
    limits.allow(*answer.canvas)
    if media_type_of(memoryview(answer.body)) != media_type:
        raise BrokenImage("it becomes another image when it is cleaned")
    return Picture(media_type, *answer.canvas, answer.gain_map), answer.body
