"""What an image is: recognise it by its bytes, or refuse it. Bytes in, bytes out, nothing on disk."""

from imaging.cleaning import clean
from imaging.errors import BrokenImage, ImagingError, NotAnImage, TooManyPixels
from imaging.picture import Data, Limits, Picture
from imaging.recognition import recognise

__all__ = [
    "BrokenImage",
    "Data",
    "ImagingError",
    "Limits",
    "NotAnImage",
    "Picture",
    "TooManyPixels",
    "clean",
    "recognise",
]
