from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from imaging import Data, Limits, Picture, convert
from services.details import Details
from services.errors import FormNotMade
from services.names import converted_name

Made = Literal["png", "jpeg", "webp"]
Form = Made | Literal["gif", "avif"]
"""The formats that a request may name. Mayfly writes no GIF and no AVIF: they are allowed only if the image is one."""


@dataclass(frozen=True)
class Conversion:
    """The format and the largest width and height, in pixels, that a request asks for; None leaves one as it is."""

    form: Form | None = None
    width: int | None = None
    height: int | None = None

    def changes(self, details: Details) -> bool:
        """Tell whether the image has to be converted; it is never enlarged."""
        smaller = (self.width or details.width) < details.width or (
            self.height or details.height
        ) < details.height
        return smaller or f"image/{self.form or _same(details.content_type)}" != details.content_type

    def promise(self, details: Details, limits: Limits) -> Details:
        """Return the details of the image after the conversion, without its digest; raises TooManyPixels,
        FormNotMade."""
        media_type = f"image/{self._form(details)}"
        frames = details.frames if media_type == "image/webp" else 1
        limits.allow_conversion(details.width, details.height, frames)
        name = converted_name(details.filename, media_type)
        return replace(details, content_type=media_type, filename=name, sha256="")

    def apply(
        self, details: Details, data: Data, limits: Limits, before_reading: Callable[[int], None]
    ) -> tuple[Details, bytes]:
        """Convert an opened image in memory.

        ``before_reading`` is called with the size of the result in bytes before the result is read. Raises the errors
        of imaging, and whatever ``before_reading`` raises.
        """
        promised = self.promise(details, limits)
        picture = Picture(details.content_type, details.width, details.height, details.frames)
        form = self._form(details)
        converted = convert(
            data, picture, form, self.width, self.height, limits, before_reading=before_reading
        )
        return replace(promised, sha256=sha256(converted).hexdigest()), converted

    def _form(self, details: Details) -> Made:
        if self.form == "gif" or self.form == "avif":
            raise FormNotMade
        return self.form or _same(details.content_type)


def _same(content_type: str) -> Made:
    """Return the format to write if a request changes only the size."""
    kept: dict[str, Made] = {"image/png": "png", "image/jpeg": "jpeg"}
    return kept.get(content_type, "webp")
