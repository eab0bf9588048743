"""What an image is: recognised by its bytes, or refused. Bytes in, bytes out, nothing on disk."""

from imaging.conversion import convert, memory_of_converting
from imaging.errors import BrokenImage, ImagingError, NotAnImage, SandboxMissing, TooBusy, TooManyPixels
from imaging.examination import examine, memory_of_examining
from imaging.picture import Data, Limits, Picture
from imaging.sandbox.jail import jail_offered
from imaging.sandbox.kernel import adopt_orphans, hide_memory, name_process, unmap_read_files
from imaging.sandbox.pool import sandbox_deaths

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
    "adopt_orphans",
    "convert",
    "examine",
    "hide_memory",
    "jail_offered",
    "memory_of_converting",
    "memory_of_examining",
    "name_process",
    "sandbox_deaths",
    "unmap_read_files",
]
