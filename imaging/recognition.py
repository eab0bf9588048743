from typing import Protocol

from imaging import gif, heif, jpeg, png, webp
from imaging.errors import NotAnImage
from imaging.picture import Data, Limits, Picture


class Format(Protocol):
    """What each format's module offers."""

    def matches(self, view: memoryview, /) -> bool:
        """Say whether the first bytes are this format's."""

    def measure(self, view: memoryview, limits: Limits, /) -> Picture:
        """Walk the whole container and return the picture."""


PROVED: tuple[Format, ...] = (webp, gif, heif)
"""Formats that only a decoder can prove, in a helper process."""
FORMATS: tuple[Format, ...] = (jpeg, png, *PROVED)


def recognise(data: Data, limits: Limits) -> Picture:
    """Say what image the bytes are, by the bytes alone, without decoding a pixel.

    The whole container is walked, so a file cut anywhere is a `BrokenImage`. Raises `NotAnImage` for
    anything that is not an accepted format and `TooManyPixels` for what the limits refuse.
    """
    view = memoryview(data)
    for form in FORMATS:
        if form.matches(view):
            return form.measure(view, limits)
    raise NotAnImage


def needs_proof(data: Data) -> bool:
    """Say by its first bytes whether a picture is of a format that `prove` decodes."""
    view = memoryview(data)
    return any(form.matches(view) for form in PROVED)
