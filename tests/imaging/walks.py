"""Every format walked in this process: what a server process does for JPEG and PNG and a sandbox for the others."""

from typing import Any

from imaging import Data, Limits, Picture
from imaging.examination import JPEG, PNG
from imaging.formats.first_bytes import media_type_of
from imaging.formats.image_format import ImageFormat
from imaging.sandbox.examining import SANDBOXED_FORMATS

IN_SERVER: dict[str, ImageFormat[Any]] = {"image/jpeg": JPEG, "image/png": PNG}
FORMATS = {**IN_SERVER, **SANDBOXED_FORMATS}
LIMITS = Limits()


def read(data: Data, limits: Limits = LIMITS) -> tuple[Picture, Data]:
    """Return the picture, and what is kept of its bytes, without decoding a pixel."""
    return FORMATS[media_type_of(memoryview(data))].read(data, limits, keep_metadata=False)


def recognise(data: Data, limits: Limits = LIMITS) -> Picture:
    """Return the picture alone."""
    return read(data, limits)[0]


def clean(data: Data, limits: Limits = LIMITS) -> Data:
    """Return what is kept of the bytes alone."""
    return read(data, limits)[1]
