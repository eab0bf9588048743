"""Decoding and encoding with Pillow, in the helper process: hostile bytes meet it nowhere else."""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

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

from imaging import exif
from imaging.errors import BrokenImage, TooManyPixels

# Pillow would load these only when a picture asks for them; the helper can't open a file by then.
PLUGINS = (
    *(AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin),
    *(ImageChops, ImageColor, ImageFile, ImagePalette, ImageSequence, MpoImagePlugin, TiffImagePlugin),
)
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
SRGB = ImageCms.createProfile("sRGB")


class Job(NamedTuple):
    """What to do with a picture: the size it is to be shown at; `to` is empty for only looking at it."""

    form: str
    to: str
    width: int
    height: int
    frames: int
    max_pixels: int


def render(job: Job, data: bytes) -> bytes:
    """Do the job; `BrokenImage` and `TooManyPixels` as `recognise` means them."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = job.max_pixels
    try:
        with Image.open(io.BytesIO(data), formats=[job.form]) as image:
            if image.width * image.height > job.max_pixels:
                raise TooManyPixels("The image has too many pixels; make it smaller.")
            return _save(image, job) if job.to else _look(image, job.frames)
    except (TooManyPixels, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels("The image has too many pixels; make it smaller.") from None
    except Exception:
        raise BrokenImage("its pixels do not unpack") from None


def warm_up() -> None:
    """Load whatever Pillow loads late, while files may still be opened."""
    Image.init()
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "JPEG", exif=exif.minimal(6))
    for to in SAVE:
        render(Job("JPEG", to, 8, 8, 1, 1 << 20), out.getvalue())


def _look(image: Image.Image, frames: int) -> bytes:
    for number in range(frames):
        image.seek(number)
        image.load()
    return b""


def _save(image: Image.Image, job: Job) -> bytes:
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
    """Encode; libwebp gives up on some pictures that are too large and too noisy for it."""
    try:
        image.save(out, to, **SAVE[to] | options)
    except (OSError, ValueError):
        raise TooManyPixels("The image is too large for this format; make it smaller.") from None


def _save_moving(image: Image.Image, job: Job, turn: int, size: tuple[int, int], out: io.BytesIO) -> None:
    options = {"method": 0, "loop": image.info.get("loop", 1), "icc_profile": image.info.get("icc_profile")}
    durations: list[int] = []
    first, *rest = _moving(image, job, turn, size, durations)
    _write(first, out, "WEBP", save_all=True, append_images=rest, duration=durations, **options)


def _moving(
    image: Image.Image, job: Job, turn: int, size: tuple[int, int], durations: list[int]
) -> Iterator[Image.Image]:
    """Yield every frame as it is shown, and note how long."""
    for number in range(job.frames):
        image.seek(number)
        image.load()
        durations.append(round(image.info.get("duration", 0)))
        yield _bare(_turned(_shrunk(_plain(image.copy()), size), turn))


def _coloured(image: Image.Image, to: str) -> tuple[Image.Image, bytes | None]:
    """Return the picture as the new format can hold it, and the profile that belongs to its numbers.

    A profile of RGB is carried; one of grey or CMYK, which the new format may not take, is applied.
    """
    profile: bytes | None = image.info.get("icc_profile")
    space = profile[16:20] if profile else b""
    if profile and space != b"RGB ":
        image, profile = _in_srgb(image, profile), None
    picture = _plain(image)
    if to == "JPEG" and picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    return picture, profile if picture.mode != "L" else None


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Apply a profile; one that is none of the picture's is passed over, as viewers do."""
    if image.mode not in ("L", "CMYK"):
        return image
    try:
        return ImageCms.profileToProfile(image, io.BytesIO(profile), SRGB, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        return image


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode every format takes: L, RGB, or RGBA when anything is transparent."""
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
    """Forget comments and the like, which some of Pillow's writers would carry over."""
    image.info.clear()
    return image


def _turned(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(TURNS[turn]) if turn in TURNS else image
