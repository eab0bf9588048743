CUT = "it ends too early"
UNPACKS_NOT = "its pixels do not unpack"
CONTRADICTS = "its parts contradict each other"


class ImagingError(Exception):
    """The bytes are refused; the message is one sentence that says how to mend it and holds none of them."""


class NotAnImage(ImagingError):
    """The bytes are of no accepted format, whatever the file is called; `advice` says what they are, if known."""

    def __init__(self, advice: str | None = None) -> None:
        super().__init__(
            advice or "This is not an image Mayfly accepts; send a PNG, JPEG, GIF, WebP or AVIF."
        )


class BrokenImage(ImagingError):
    """The bytes begin as an accepted format but are cut short or contradict themselves; `what` says how."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The image is broken ({what}); save it again and send the whole file.")
        self.what = what


class Unproven(BrokenImage):
    """Only decoding the whole file can tell whether it is cut short."""

    def __init__(self) -> None:
        super().__init__(CUT)


class TooBusy(ImagingError):
    """Every sandbox of the pool is busy with other images, and none became free in time."""

    def __init__(self) -> None:
        super().__init__("Too many images are being decoded at once; try again in a few seconds.")


class SandboxMissing(ImagingError):
    """The kernel offers no jail for the process that decodes, and the operator has not allowed decoding without one."""

    def __init__(self) -> None:
        super().__init__(
            "This server can take and show only PNG and JPEG as they are, since its system has no jail for decoders;"
            " send one of those, or tell its operator to look at /readyz."
        )


class TooManyPixels(ImagingError):
    """The image would take more room or time to show than the limits allow.

    `canvas` is the width, height and number of frames that were refused; zeros where they are not known.
    """

    def __init__(self, message: str, canvas: tuple[int, int, int] = (0, 0, 0)) -> None:
        super().__init__(message)
        self.canvas = canvas
