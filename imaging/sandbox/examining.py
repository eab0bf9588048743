"""Whether a GIF, WebP or AVIF is sound, and what to keep of it: its container is walked, its frames decoded."""

from typing import Any

from imaging.formats import gif, gif_clean, heif, heif_clean, webp, webp_clean
from imaging.formats.form import Form
from imaging.picture import Data, Limits, Picture
from imaging.sandbox.protocol import Examine
from imaging.sandbox.rendering import look

FORMS: dict[str, Form[Any]] = {
    "image/gif": Form(gif.measure, gif_clean.parts),
    "image/webp": Form(webp.measure, webp_clean.parts),
    "image/avif": Form(heif.measure, heif_clean.parts),
}


def examine(job: Examine, data: bytes) -> tuple[Picture, Data]:
    """Return what the image is and what to keep of its bytes; raises as `Form.read` and as `look`."""
    limits = Limits(job.max_pixels, job.max_frames, job.max_decoded_bytes)
    picture, kept = FORMS[job.media_type].read(data, limits, job.keep_metadata)
    look(picture, kept)
    return picture, kept
