"""What an image is: recognise it by its bytes, or refuse it. Bytes in, bytes out, nothing on disk."""

from imaging.cleaning import clean
from imaging.conversion import convert, prove
from imaging.errors import BrokenImage, ImagingError, NotAnImage, SandboxMissing, TooBusy, TooManyPixels
from imaging.picture import Data, Limits, Picture
from imaging.recognition import needs_proof, recognise
from imaging.sandbox.jail import jail_offered
from imaging.sandbox.kernel import hide_memory

__all__ = [
    "BrokenImage",
    "Data",
    "ImagingError",
    "Limits",
    "NotAnImage",
    "Picture",
    "SandboxMissing",
    "TooBusy",
    "TooManyPixels",
    "clean",
    "convert",
    "hide_memory",
    "jail_offered",
    "needs_proof",
    "prove",
    "recognise",
]
