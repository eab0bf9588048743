"""AVIF and HEIC: images as items of a `meta` box (ISO/IEC 23008-12), AVIF sequences as a track of `moov`."""

from imaging.boxes import Box, boxes, only
from imaging.errors import NotAnImage
from imaging.heif_meta import Meta, read_meta
from imaging.heif_track import samples, tracks
from imaging.picture import Limits, Picture
from imaging.reading import number, require, says, take

BRANDS = {b"avif": "image/avif", b"avis": "image/avif"}


def matches(view: memoryview) -> bool:
    """Say whether the first box is a file type that names a brand of ours."""
    return says(view, 4, b"ftyp") and _media_type(view) is not None


def _media_type(view: memoryview) -> str | None:
    brands = view[8:12], *(view[at : at + 4] for at in range(16, min(number(view, 0, 4), 256), 4))
    return next((BRANDS[bytes(brand)] for brand in brands if bytes(brand) in BRANDS), None)


def measure(view: memoryview, limits: Limits) -> Picture:
    """Walk every box and return the picture; see `recognise` for what it raises."""
    top = list(boxes(view, 0, len(view)))
    media_type = _media_type(view)
    if media_type is None:
        raise NotAnImage
    meta = read_meta(view, only(top, b"meta"))
    width, height = _size(view, meta)
    limits.allow(width, height)
    frames = _frames(view, top)
    frames = frames if says(view, 8, b"avis") else 1
    limits.allow(width, height, frames)
    return Picture(media_type, width, height, frames)


def _size(view: memoryview, meta: Meta) -> tuple[int, int]:
    properties = {box.kind: box for box in meta.properties_of(meta.primary)}
    require(b"ispe" in properties, "its size is missing")
    at = properties[b"ispe"].body
    width, height = number(view, at + 4, 4), number(view, at + 8, 4)
    turn = properties.get(b"irot")
    return (height, width) if turn and take(view, turn.body, 1)[0] & 1 else (width, height)


def _frames(view: memoryview, top: list[Box]) -> int:
    return max((len(samples(view, track)) for track in tracks(view, top)), default=0)
