from typing import Literal

from imaging.errors import SandboxMissing, TooManyPixels
from imaging.helpers import BeforeReading, Helpers
from imaging.picture import BYTES_PER_PIXEL, Data, Limits, Picture
from imaging.sandbox.jail import jail_offered

FORMS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
TARGETS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
SEEN_THROUGH = {"image/png", "image/jpeg"}
# The longest side each format can write (RFC 9649, 2.6; libjpeg's JPEG_MAX_DIMENSION).
LONGEST = {"WEBP": 16_383, "JPEG": 65_500}
# What a decoder needs beside the pixels, and how many copies of the pixels a conversion holds at once:
# libwebp, reading and writing transparency, is the hungriest.
BASE_MEMORY = 64 << 20
COPIES = 9

HELPERS = 3
"""Helper processes at most: who asks for more at once waits here, and so with a thread."""

_helpers = Helpers(HELPERS)


def convert(
    data: Data,
    picture: Picture,
    to: Literal["png", "jpeg", "webp"],
    width: int | None = None,
    height: int | None = None,
    limits: Limits | None = None,
    *,
    before_reading: BeforeReading = None,
) -> bytes:
    """Return the picture in another format, in a process of its own that hostile bytes can't leave.

    Orientation is applied, the colour profile applied or carried, transparency laid on white for JPEG; an
    animation stays one in WebP and becomes its first frame otherwise. `width` and `height` shrink it to fit
    both, keep its shape and never enlarge. `before_reading` is told the size of the result in bytes before
    any of them is read; what it raises ends the conversion. Raises `BrokenImage`, `TooManyPixels`, `TooBusy`
    or `SandboxMissing`.
    """
    limits = limits or Limits()
    limits.allow_conversion(picture.width, picture.height)
    form = TARGETS[to]
    size = fit(picture, width, height)
    if max(size) > LONGEST.get(form, max(size)):
        raise TooManyPixels(f"A {to} has at most {LONGEST[form]:,} pixels a side; ask for a smaller width.")
    frames = picture.frames if to == "webp" else 1
    return _run(data, picture, form, size, frames, limits, before_reading)


def prove(data: Data, picture: Picture, limits: Limits | None = None) -> None:
    """See that a picture `recognise` has passed also opens, by decoding every frame where only that tells.

    JPEG and PNG return at once: `recognise` has seen all that makes a decoder give up. Raises as `convert`.
    """
    if picture.media_type not in SEEN_THROUGH:
        _run(data, picture, "", fit(picture, None, None), picture.frames, limits or Limits())


def fit(picture: Picture, width: int | None, height: int | None) -> tuple[int, int]:
    """Return the largest size of the picture's shape that fits both and is no larger than the picture."""
    scale = min(1.0, (width or picture.width) / picture.width, (height or picture.height) / picture.height)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _run(
    data: Data,
    picture: Picture,
    to: str,
    size: tuple[int, int],
    frames: int,
    limits: Limits,
    before_reading: BeforeReading = None,
) -> bytes:
    if not (jail_offered().filtered or limits.accept_no_jail):
        raise SandboxMissing
    limits.allow(picture.width, picture.height, frames)
    job = (FORMS[picture.media_type], to, *size, frames, limits.max_pixels)
    copies = COPIES * picture.width * picture.height + (frames * size[0] * size[1] if to else 0)
    memory = BASE_MEMORY + BYTES_PER_PIXEL * copies + 3 * len(data)
    return _helpers.run(job, data, limits.seconds, memory, before_reading)
