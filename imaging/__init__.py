"""What an image is: recognise it by its bytes, or refuse it. Bytes in, bytes out, nothing on disk."""

from imaging.cleaning import clean
from imaging.conversion import convert, prove
from imaging.errors import BrokenImage, ImagingError, NotAnImage, TooBusy, TooManyPixels
from imaging.picture import Data, Limits, Picture
from imaging.recognition import needs_proof, recognise

__all__ = [
    "BrokenImage",
    "Data",
    "ImagingError",
    "Limits",
    "NotAnImage",
    "Picture",
    "TooBusy",
    "TooManyPixels",
    "clean",
    "convert",
    "needs_proof",
    "prove",
    "recognise",
]
