"""Decodes and encodes with Pillow, in the sandbox process; no other process gives it hostile bytes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageCms,
    ImageColor,
    ImageFile,
    ImagePalette,
    ImageSequence,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from imaging.errors import UNPACKS_NOT, BrokenImage, ImagingError, TooManyPixels
from imaging.formats import exif
from imaging.picture import Data, Picture
from imaging.sandbox.protocol import Convert

# Pillow loads these only when a picture needs them, and by then the sandbox can't open a file.
PLUGINS = (
    *(AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin),
    *(ImageChops, ImageColor, ImageFile, ImagePalette, ImageSequence, MpoImagePlugin, TiffImagePlugin),
)
PILLOW_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SAVE: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 85},
    "PNG": {"compress_level": 1},
    "WEBP": {"quality": 80, "method": 2},
}
MOST_PROFILE = 8_000_000
"""The bytes of the largest profile that Pillow unpacks from a PNG; cleaning has removed larger ones."""
MOST_CARRIED = 1 << 19
"""How many bytes of profile a new image may carry; a larger profile is applied to the pixels."""
SRGB = ImageCms.createProfile("sRGB")


def render(job: Convert, data: bytes) -> bytes:
    """Return the image in another format; raises `BrokenImage` or `TooManyPixels`."""
    with _opened(job.media_type, data, job.max_pixels) as image:
        return _save(image, job)


def look(picture: Picture, data: Data, max_pixels: int) -> None:
    """Decode every frame of an image; raises when one does not open, or the image is larger than it was walked.

    A later frame of a GIF may lie outside the canvas: then Pillow makes the image larger, up to `max_pixels`, as the
    walk allowed.
    """
    walked = picture.width * picture.height
    with _opened(picture.media_type, data, walked) as image:
        if picture.media_type == "image/gif":
            Image.MAX_IMAGE_PIXELS = max_pixels
        for number in range(picture.frames):
            image.seek(number)
            image.load()


@contextmanager
def _opened(media_type: str, data: Data, max_pixels: int) -> Iterator[Image.Image]:
    """Open an image for the block; turn whatever a decoder raises within it into an `ImagingError`."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with Image.open(io.BytesIO(data), formats=[PILLOW_FORMATS[media_type]]) as image:
            if image.width * image.height > max_pixels:
                raise TooManyPixels("The image has too many pixels; make it smaller.")
            yield image
    except (ImagingError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels("The image has too many pixels; make it smaller.") from None
    except Exception:
        raise BrokenImage(UNPACKS_NOT) from None


def warm_up() -> None:
    """Load all that Pillow loads at its first use, while the process may still open files."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    PngImagePlugin.MAX_TEXT_CHUNK = MOST_PROFILE
    Image.init()
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "JPEG", exif=exif.minimal(6))
    for to in SAVE:
        render(Convert("image/jpeg", to, 8, 8, 1, 1 << 20), out.getvalue())


def _save(image: Image.Image, job: Convert) -> bytes:
    turn = exif.orientation(memoryview(image.info.get("exif", b"").removeprefix(b"Exif\0\0")))
    stored = exif.turned(job.width, job.height, turn)
    out = io.BytesIO()
    if job.frames > 1 and job.to == "WEBP":
        _save_moving(image, job, turn, stored, out)
        return out.getvalue()
    image.draft(None, stored)
    image.load()
    picture, profile = _coloured(image, job.to)
    shown = _bare(_turned(_shrunk(picture, stored), turn))
    _write(shown, out, job.to, icc_profile=profile)
    return out.getvalue()


def _write(image: Image.Image, out: io.BytesIO, to: str, **options: Any) -> None:
    """Encode; libwebp fails on some pictures that are too large and too noisy."""
    try:
        image.save(out, to, **SAVE[to] | options)
    except (OSError, ValueError):
        raise TooManyPixels("The image is too large for this format; make it smaller.") from None


def _save_moving(image: Image.Image, job: Convert, turn: int, size: tuple[int, int], out: io.BytesIO) -> None:
    profile = image.info.get("icc_profile") or b""
    carried = profile if len(profile) <= MOST_CARRIED else b""
    options = {"method": 0, "loop": image.info.get("loop", 1), "icc_profile": carried}
    durations: list[int] = []
    first, *rest = _moving(image, job, turn, size, durations)
    _write(first, out, "WEBP", save_all=True, append_images=rest, duration=durations, **options)


def _moving(
    image: Image.Image, job: Convert, turn: int, size: tuple[int, int], durations: list[int]
) -> Iterator[Image.Image]:
    """Yield every frame as it is shown, cropped to the canvas, and append its duration to `durations`."""
    canvas = 0, 0, *image.size
    for number in range(job.frames):
        image.seek(number)
        image.load()
        durations.append(round(image.info.get("duration", 0)))
        yield _bare(_turned(_shrunk(_plain(image.crop(canvas)), size), turn))


def _coloured(image: Image.Image, to: str) -> tuple[Image.Image, bytes | None]:
    """Return the picture in a mode that the new format can hold, and the profile that the new image carries.

    An RGB profile is carried. One of grey or CMYK, which the new format may not accept, is applied to the pixels, and
    so is a very large one.
    """
    profile: bytes | None = image.info.get("icc_profile")
    space = profile[16:20] if profile else b""
    if profile and (space != b"RGB " or len(profile) > MOST_CARRIED):
        image, profile = _in_srgb(image, profile), None
    picture = _plain(image)
    if to == "JPEG" and picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    return picture, profile if picture.mode != "L" else None


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Apply a profile to the pixels; one that doesn't fit the picture is ignored, as viewers do."""
    if profile[16:20] == b"RGB ":
        image = _plain(image)
    if image.mode == "RGBA":
        shown = _in_srgb(image.convert("RGB"), profile)
        shown.putalpha(image.getchannel("A"))
        return shown
    if image.mode not in ("L", "RGB", "CMYK"):
        return image
    try:
        return ImageCms.profileToProfile(image, io.BytesIO(profile), SRGB, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        return image


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that every format accepts: L, RGB, or RGBA when anything is transparent."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _bare(image: Image.Image) -> Image.Image:
    """Remove comments and other metadata, which some of Pillow's encoders would write into the new image."""
    image.info.clear()
    return image


def _turned(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(TURNS[turn]) if turn in TURNS else image
