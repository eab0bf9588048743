from dataclasses import dataclass, field

from imaging.errors import BrokenImage, TooManyPixels

Data = bytes | bytearray | memoryview

BYTES_PER_PIXEL = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """What a viewer shows: the real media type, the size after orientation, and the number of frames.

    `gain_map` tells that a JPEG came with a second picture that makes it an HDR photo; cleaning removes that picture.
    """

    media_type: str
    width: int
    height: int
    frames: int = 1
    gain_map: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an image may become, and how long a sandbox may work on it, in seconds of processor time.

    `max_decoded_bytes` bounds all frames of an animation, unpacked; `max_conversion_pixels` all that one
    conversion unpacks. `seconds` is for an upload, `conversion_seconds` for a conversion.
    `accept_no_jail` lets a decoder run where the kernel offers no jail for it.
    """

    max_pixels: int = 64_000_000
    max_frames: int = 2_000
    max_decoded_bytes: int = 1 << 30
    max_conversion_pixels: int = 40_000_000
    seconds: float = 5.0
    conversion_seconds: float = 10.0
    accept_no_jail: bool = False

    def allow(self, width: int, height: int, frames: int = 1) -> None:
        """Raise `BrokenImage` for an empty canvas, and `TooManyPixels` for one over the limits."""
        if not (width and height and frames):
            raise BrokenImage("it has no pixels")
        canvas = width, height, frames
        if width * height > self.max_pixels:
            raise TooManyPixels(f"The image has over {self.max_pixels:,} pixels; make it smaller.", canvas)
        if frames > self.max_frames:
            raise TooManyPixels(
                f"The animation has over {self.max_frames:,} frames; make it shorter.", canvas
            )
        if frames > 1 and width * height * frames * BYTES_PER_PIXEL > self.max_decoded_bytes:
            raise TooManyPixels(
                "The animation unpacks to too many bytes; make it smaller or shorter.", canvas
            )

    def allow_conversion(self, width: int, height: int, frames: int = 1) -> None:
        """Raise `TooManyPixels` where all frames together have more pixels than a conversion may unpack."""
        most = self.max_conversion_pixels
        if width * height > most:
            raise TooManyPixels(
                f"The image has over {most:,} pixels, too many to convert; ask for it as it is."
            )
        if width * height * frames > most:
            raise TooManyPixels(
                f"The animation has over {most:,} pixels, too many to convert; ask for it as it is or as a PNG."
            )
