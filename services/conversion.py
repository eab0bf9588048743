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
"""What a request may name. GIF and AVIF can be asked for only where the image is one already: none is made."""


@dataclass(frozen=True)
class Conversion:
    """What a request wants an image turned into; None leaves the format, width or height as it is."""

    form: Form | None = None
    width: int | None = None
    height: int | None = None

    def changes(self, details: Details) -> bool:
        """Whether the image is not yet as asked; it is never enlarged."""
        smaller = (self.width or details.width) < details.width or (
            self.height or details.height
        ) < details.height
        return smaller or f"image/{self.form or _same(details.content_type)}" != details.content_type

    def promise(self, details: Details, limits: Limits) -> Details:
        """Tell what the converted image's details will be, without its digest; raises TooManyPixels, FormNotMade."""
        media_type = f"image/{self._form(details)}"
        frames = details.frames if media_type == "image/webp" else 1
        limits.allow_conversion(details.width, details.height, frames)
        name = converted_name(details.filename, media_type)
        return replace(details, content_type=media_type, filename=name, sha256="")

    def apply(
        self, details: Details, data: Data, limits: Limits, before_reading: Callable[[int], None]
    ) -> tuple[Details, bytes]:
        """Convert an opened image in memory; ``before_reading`` is told the bytes that come before they do.

        Raises the errors of imaging where that can't be done, and what ``before_reading`` raises.
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
    """Return the format in which an image is written where only its size is to change."""
    kept: dict[str, Made] = {"image/png": "png", "image/jpeg": "jpeg"}
    return kept.get(content_type, "webp")
