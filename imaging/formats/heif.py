"""AVIF and HEIC: images as items of a `meta` box (ISO/IEC 23008-12), AVIF sequences as a track of `moov`."""

from typing import NamedTuple

from imaging.formats.heif_boxes import Box, Boxes, only
from imaging.formats.heif_meta import NONE, Meta, read_meta
from imaging.formats.heif_track import Track, colours_of, of_frames, samples, size_of, tracks
from imaging.formats.parts import Span
from imaging.formats.reading import number, require, stands_at, take
from imaging.picture import Limits, Picture


class Walked(NamedTuple):
    """What the walk of a file found.

    `samples` are the places of the frames of its tracks, `others` the tracks without frames, such as sound or captions,
    `colours` the boxes that may hold a colour profile, those of tracks among them.
    """

    file: Boxes
    top: list[Box]
    meta: Meta
    samples: list[Span]
    others: set[Box]
    colours: list[Box]


def measure(view: memoryview, limits: Limits) -> tuple[Picture, Walked]:
    """Walk every box and return the picture with what was found; see `ImageFormat.read` for what it raises."""
    file = Boxes(view)
    top = file.between(0, len(view))
    has_meta = any(box.kind == b"meta" for box in top)
    meta = read_meta(file, only(top, b"meta")) if has_meta else Meta([], NONE, {})
    still = meta.primary != NONE
    shown, others = list[Track](), set[Box]()
    for track in tracks(file, top):
        if of_frames(file, track):
            shown.append(track)
        else:
            others.add(track.box)
    width, height = _size(view, meta) if still else size_of(view, shown)
    limits.allow(width, height)
    moving = [samples(file, track) for track in shown]
    frames = max(map(len, moving), default=0) if stands_at(view, 8, b"avis") or not still else 1
    limits.allow(width, height, frames)
    places = [span for track in moving for span in track]
    colours = [*meta.properties, *(box for track in shown for box in colours_of(file, track))]
    return Picture("image/avif", width, height, frames), Walked(file, top, meta, places, others, colours)


def _size(view: memoryview, meta: Meta) -> tuple[int, int]:
    properties = {box.kind: box for box in meta.properties_of(meta.primary)}
    require(b"ispe" in properties, "its size is missing")
    at = properties[b"ispe"].body
    width, height = number(view, at + 4, 4), number(view, at + 8, 4)
    turn = properties.get(b"irot")
    return (height, width) if turn and take(view, turn.body, 1)[0] & 1 else (width, height)
