"""What each format provides: a walk that measures a file, and a function that names what to keep of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from imaging.formats.parts import Part, join
from imaging.picture import Data, Limits, Picture

Walk = TypeVar("Walk")
MOST_ADDED = 512
"""How many bytes may be added to an image that lacks them: a trailer, a PNG's last chunk, Huffman tables."""


def _as_it_is(view: memoryview, _walk: object) -> list[Part]:
    return [Part(0, len(view))]


@dataclass(frozen=True, slots=True)
class ImageFormat(Generic[Walk]):
    """One format. `Walk` is the type of what its walk finds, which cleaning then uses.

    `parts` names what to keep of a file. `mended` does so for a file that keeps its metadata: everything, with
    changes only where decoders would fail.
    """

    measure: Callable[[memoryview, Limits], tuple[Picture, Walk]]
    parts: Callable[[memoryview, Walk], list[Part]]
    mended: Callable[[memoryview, Walk], list[Part]] = _as_it_is

    def read(self, data: Data, limits: Limits, keep_metadata: bool) -> tuple[Picture, Data]:
        """Walk the whole container, without decoding a pixel; return the picture and what to keep of the bytes.

        Exif, GPS, XMP, IPTC, comments, thumbnails, maker notes and trailing bytes go unless `keep_metadata`;
        orientation, colour profile and animation stay. It is larger by at most `MOST_ADDED` bytes, where the end of a
        file is mended, and `data` itself when nothing is removed.
        Raises `BrokenImage` for a file that is cut or contradicts itself, `TooManyPixels` over the limits.
        """
        view = memoryview(data)
        picture, walk = self.measure(view, limits)
        parts = self.mended if keep_metadata else self.parts
        return picture, join(data, parts(view, walk))
