from dataclasses import dataclass, field
from typing import NamedTuple

from imaging.errors import BrokenImage, TooManyPixels

Data = bytes | bytearray | memoryview

BYTES_PER_PIXEL = 4


class Segment(NamedTuple):
    """One segment of a JPEG: `start` is its FF, `body` follows the length; a scan's `end` is behind its data."""

    marker: int
    start: int
    end: int
    body: memoryview


@dataclass(frozen=True, slots=True)
class Picture:
    """What a viewer sees: the true media type, the size after orientation, and how many frames move.

    `walk` are the segments of a JPEG as it was recognised, so that cleaning it need not look for them again.
    """

    media_type: str
    width: int
    height: int
    frames: int = 1
    walk: tuple[Segment, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an image may become; how long decoding it may take.

    `max_decoded_bytes` bounds all frames of an animation, unpacked; `max_conversion_pixels` one of a picture that is
    to be converted. `accept_no_jail` lets a decoder run where the kernel offers no jail for it.
    """

    max_pixels: int = 64_000_000
    max_frames: int = 2_000
    max_decoded_bytes: int = 1 << 30
    seconds: float = 10.0
    accept_no_jail: bool = False
    max_conversion_pixels: int = 40_000_000

    def allow(self, width: int, height: int, frames: int = 1) -> None:
        """Pass a canvas within the limits; `BrokenImage` for an empty one, `TooManyPixels` over them."""
        if not (width and height and frames):
            raise BrokenImage("it has no pixels")
        if width * height > self.max_pixels:
            raise TooManyPixels(f"The image has over {self.max_pixels:,} pixels; make it smaller.")
        if frames > self.max_frames:
            raise TooManyPixels(f"The animation has over {self.max_frames:,} frames; make it shorter.")
        if frames > 1 and width * height * frames * BYTES_PER_PIXEL > self.max_decoded_bytes:
            raise TooManyPixels("The animation unpacks to too many bytes; make it smaller or shorter.")

    def allow_conversion(self, width: int, height: int) -> None:
        """Pass a canvas that may be converted; `TooManyPixels` for a larger one."""
        if width * height > self.max_conversion_pixels:
            raise TooManyPixels(
                f"An image of over {self.max_conversion_pixels:,} pixels is not converted; open it as it is."
            )
