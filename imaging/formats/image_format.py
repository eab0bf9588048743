"""What each format offers: to measure a file by a walk, and to name what stays of what was walked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from imaging.formats.parts import Part, join
from imaging.picture import Data, Limits, Picture

Walk = TypeVar("Walk")
MOST_ADDED = 512
"""How many bytes an image may grow when what it lacks is put there: a trailer, a PNG's last chunk, Huffman tables."""


@dataclass(frozen=True, slots=True)
class ImageFormat(Generic[Walk]):
    """One format. `Walk` is what its walk found, handed on so that cleaning need not look for it again."""

    measure: Callable[[memoryview, Limits], tuple[Picture, Walk]]
    parts: Callable[[memoryview, Walk], list[Part]]

    def read(self, data: Data, limits: Limits, keep_metadata: bool) -> tuple[Picture, Data]:
        """Walk the whole container, without decoding a pixel; return the picture and what to keep of the bytes.

        Exif, GPS, XMP, IPTC, comments, thumbnails, maker notes and trailing bytes go unless `keep_metadata`;
        orientation, colour profile and animation stay. Larger by `MOST_ADDED` bytes at most, where the end of a
        file is mended, and `data` itself when nothing goes.
        Raises `BrokenImage` for a file that is cut or contradicts itself, `TooManyPixels` over the limits.
        """
        view = memoryview(data)
        picture, walk = self.measure(view, limits)
        return picture, data if keep_metadata else join(data, self.parts(view, walk))
