"""AVIF and HEIC: images as items of a `meta` box (ISO/IEC 23008-12), AVIF sequences as a track of `moov`."""

from typing import NamedTuple

from imaging.formats.heif_boxes import Box, Boxes, only
from imaging.formats.heif_meta import Meta, Span, read_meta
from imaging.formats.heif_track import samples, tracks
from imaging.formats.reading import number, require, says, take
from imaging.picture import Limits, Picture


class Walked(NamedTuple):
    """What stands in a file: its boxes, the `meta` box read, and where the frames of its tracks lie."""

    file: Boxes
    top: list[Box]
    meta: Meta
    samples: list[Span]


def measure(view: memoryview, limits: Limits) -> tuple[Picture, Walked]:
    """Walk every box and return the picture with what was found; see `Form.read` for what it raises."""
    file = Boxes(view)
    top = file.between(0, len(view))
    meta = read_meta(file, only(top, b"meta"))
    width, height = _size(view, meta)
    limits.allow(width, height)
    moving = [samples(file, track) for track in tracks(file, top)]
    frames = max(map(len, moving), default=0) if says(view, 8, b"avis") else 1
    limits.allow(width, height, frames)
    places = [span for track in moving for span in track]
    return Picture("image/avif", width, height, frames), Walked(file, top, meta, places)


def _size(view: memoryview, meta: Meta) -> tuple[int, int]:
    properties = {box.kind: box for box in meta.properties_of(meta.primary)}
    require(b"ispe" in properties, "its size is missing")
    at = properties[b"ispe"].body
    width, height = number(view, at + 4, 4), number(view, at + 8, 4)
    turn = properties.get(b"irot")
    return (height, width) if turn and take(view, turn.body, 1)[0] & 1 else (width, height)
