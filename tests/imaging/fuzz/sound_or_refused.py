"""Whether a file is either a picture that opens, everywhere and as was said, or refused."""

import io
import time

from PIL import Image

from imaging import ImagingError, Limits, Picture, convert, examine
from imaging.formats.image_format import MOST_ADDED
from tests.imaging import walks

LIMITS = Limits(max_pixels=4_000_000, seconds=2)
SLOWEST = 2.0


class Unsound(AssertionError):
    """`imaging` broke a promise on this file."""


def judge(data: bytes) -> str:
    """Say what became of the file; `Unsound` when it is neither a picture that opens nor a refusal."""
    for _ in range(2):  # a busy machine is slow once, a hostile file always
        started = time.monotonic()
        verdict = _judge(data)
        if time.monotonic() - started < SLOWEST:
            return verdict
    raise Unsound("took too long")


def _judge(data: bytes) -> str:
    try:
        picture, kept = walks.read(data, LIMITS)
        cleaned = bytes(kept)
    except ImagingError as refusal:
        return _mended(data, refusal)
    if len(cleaned) > len(data) + MOST_ADDED:
        raise Unsound("grew")
    again, same = walks.read(cleaned, LIMITS)
    if again != picture:
        raise Unsound("is another picture when cleaned")
    if same is not cleaned:
        raise Unsound("is not clean when cleaned")
    try:
        found = examine(data, LIMITS)
    except ImagingError as refusal:
        return f"{type(refusal).__name__} when proved ({picture.media_type})"
    if found != (picture, cleaned):
        raise Unsound("is another picture in the sandbox")
    _open(cleaned, picture)
    convert(cleaned, picture, "webp", 32, 32, LIMITS)
    return "accepted and opens"


def _mended(data: bytes, refusal: ImagingError) -> str:
    """Say what becomes of a file that its walk refuses: a sandbox may mend a JPEG, and then it opens."""
    try:
        picture, kept = examine(data, LIMITS)
    except ImagingError:
        return type(refusal).__name__
    if bytes(examine(kept, LIMITS)[1]) != kept:
        raise Unsound("is not clean when mended")
    _open(bytes(kept), picture)
    return "mended and opens"


def _open(data: bytes, picture: Picture) -> None:
    """Open every frame here, with Pillow, and see that it is what was said."""
    with Image.open(io.BytesIO(data)) as image:
        if Image.MIME[image.format or ""].replace("mpo", "jpeg") != picture.media_type:
            raise Unsound("opens as another format")
        if image.width * image.height > picture.width * picture.height:
            raise Unsound("opens larger than said")
        for number in range(picture.frames):
            image.seek(number)
            image.load()
