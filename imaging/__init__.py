"""What an image is: recognised by its bytes, or refused. Bytes in, bytes out, nothing on disk."""

from imaging.conversion import convert, memory_of_converting
from imaging.errors import BrokenImage, ImagingError, NotAnImage, TooBusy, TooManyPixels
from imaging.examination import examine, memory_of_examining
from imaging.picture import Data, Limits, Picture

__all__ = [
    "BrokenImage",
    "Data",
    "ImagingError",
    "Limits",
    "NotAnImage",
    "Picture",
    "TooBusy",
    "TooManyPixels",
    "convert",
    "examine",
    "memory_of_converting",
    "memory_of_examining",
]
