"""Walks a GIF, a WebP, an AVIF, or a JPEG or PNG that breaks rules, cleans it, and decodes every frame of it."""

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
    "image/avif": ImageFormat(heif.measure, heif_clean.parts, heif_clean.mended),
}
PNG: ImageFormat[Any] = ImageFormat(partial(png.measure, vouched=True), png_clean.parts)
"""Its pixels are decoded afterwards, so that the walk need not unpack them."""
JPEG: ImageFormat[Any] = ImageFormat(partial(jpeg.measure, scan_end=SCAN_END), jpeg_clean.parts)
CLEANED: dict[str, ImageFormat[Any]] = SANDBOXED_FORMATS | {"image/png": PNG}
# The limits were checked at the upload of the image.
NO_LIMITS = Limits(1 << 62, 1 << 62, 1 << 62)


def cleaned(media_type: str, data: bytes) -> bytes:
    """Return the image as an upload without `keep_metadata` leaves it: what decoders fail on is mended then."""
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
        look(picture, proof, job.max_pixels)
        return picture, kept
    if job.media_type == "image/png":
        picture, whole = PNG.read(data, limits, keep_metadata=False)
        look(picture, whole, job.max_pixels)
        return picture, data if job.keep_metadata else whole
    picture, kept = SANDBOXED_FORMATS[job.media_type].read(data, limits, job.keep_metadata)
    look(picture, kept, job.max_pixels)
    return picture, kept


def read_mended(data: Data, limits: Limits, keep_metadata: bool) -> tuple[Picture, Data, Data]:
    """As `ImageFormat.read` for a JPEG that breaks rules, with what a decoder has to open whole."""
    whole, proof = mended(memoryview(data))
    return *JPEG.read(whole, limits, keep_metadata), proof
