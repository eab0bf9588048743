from typing import Protocol

from imaging import gif_clean, heif_clean, jpeg_clean, png_clean, webp_clean
from imaging.parts import Part, join
from imaging.picture import Data, Picture


class Cleaner(Protocol):
    """What each format's cleaning module offers."""

    def parts(self, view: memoryview, /) -> list[Part]:
        """Name what stays of a picture that has been recognised."""


CLEANERS: dict[str, Cleaner] = {
    "image/jpeg": jpeg_clean,
    "image/png": png_clean,
    "image/webp": webp_clean,
    "image/gif": gif_clean,
    "image/avif": heif_clean,
}


def clean(data: Data, picture: Picture) -> Data:
    """Remove all that is not needed to show the picture, without decoding a pixel.

    Exif, GPS, XMP, IPTC, comments, thumbnails, maker notes and trailing bytes go; orientation, colour
    profile and animation stay. Never larger, and `data` itself when there is nothing to remove.
    Raises `BrokenImage` for bytes that `recognise` would not have passed as this picture.
    """
    view = memoryview(data)
    if picture.walk and picture.walk[0].body.obj is view.obj:
        return join(data, jpeg_clean.kept(picture.walk))
    return join(data, CLEANERS[picture.media_type].parts(view))
