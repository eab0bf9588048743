"""Whether a GIF, WebP, AVIF or odd JPEG is sound, and what to keep of it: it is walked, and its frames decoded."""

from functools import partial
from typing import Any

from imaging.errors import ImagingError
from imaging.formats import (
    gif,
    gif_clean,
    heif,
    heif_clean,
    jpeg,
    jpeg_clean,
    png,
    png_clean,
    webp,
    webp_clean,
)
from imaging.formats.image_format import ImageFormat
from imaging.formats.jpeg_mended import SCAN_END, mended
from imaging.picture import Data, Limits, Picture
from imaging.sandbox.protocol import Examine
from imaging.sandbox.rendering import look

SANDBOXED_FORMATS: dict[str, ImageFormat[Any]] = {
    "image/gif": ImageFormat(gif.measure, gif_clean.parts),
    "image/webp": ImageFormat(webp.measure, webp_clean.parts),
    "image/avif": ImageFormat(heif.measure, heif_clean.parts),
}
JPEG: ImageFormat[Any] = ImageFormat(partial(jpeg.measure, scan_end=SCAN_END), jpeg_clean.parts)
CLEANED: dict[str, ImageFormat[Any]] = SANDBOXED_FORMATS | {
    "image/png": ImageFormat(png.measure, png_clean.parts)
}
# Whether an image may be so large was asked before it came here.
NO_LIMITS = Limits(1 << 62, 1 << 62, 1 << 62)


def cleaned(media_type: str, data: bytes) -> bytes:
    """Return the image as an upload without `keep_metadata` is kept: what decoders stumble over is mended there."""
    form = CLEANED.get(media_type)
    try:
        return bytes(form.read(data, NO_LIMITS, keep_metadata=False)[1]) if form else data
    except ImagingError:
        return data


def examine(job: Examine, data: bytes) -> tuple[Picture, Data]:
    """Return what the image is and what to keep of its bytes; raises as `ImageFormat.read` and as `look`."""
    limits = Limits(job.max_pixels, job.max_frames, job.max_decoded_bytes)
    if job.media_type == "image/jpeg":
        picture, kept, proof = read_mended(data, limits, job.keep_metadata)
        look(picture, proof)
        return picture, kept
    picture, kept = SANDBOXED_FORMATS[job.media_type].read(data, limits, job.keep_metadata)
    look(picture, kept)
    return picture, kept


def read_mended(data: Data, limits: Limits, keep_metadata: bool) -> tuple[Picture, Data, Data]:
    """As `ImageFormat.read` for a JPEG that breaks rules, with what a decoder has to open whole."""
    whole, proof = mended(memoryview(data))
    return *JPEG.read(whole, limits, keep_metadata), proof
