from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from imaging import Data, Limits, Picture, convert
from services.details import Details
from services.names import converted_name

Form = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True)
class Conversion:
    """What a request asks an image to be turned into; None leaves that as it is."""

    form: Form | None = None
    width: int | None = None
    height: int | None = None

    def apply(self, details: Details, data: Data, limits: Limits) -> tuple[Details, Data]:
        """Convert an opened image in memory; what already is as asked comes back untouched.

        Raises the errors of imaging where that can't be done.
        """
        form = self.form or _same(details.content_type)
        media_type = f"image/{form}"
        smaller = (self.width or details.width) < details.width or (
            self.height or details.height
        ) < details.height
        if media_type == details.content_type and not smaller:
            return details, data
        picture = Picture(details.content_type, details.width, details.height, details.frames)
        return _described(details, media_type, convert(data, picture, form, self.width, self.height, limits))


def _same(content_type: str) -> Form:
    """The form that is next to an image's own, where only its size is to change."""
    kept: dict[str, Form] = {"image/png": "png", "image/jpeg": "jpeg"}
    return kept.get(content_type, "webp")


def _described(details: Details, media_type: str, data: bytes) -> tuple[Details, bytes]:
    name = converted_name(details.filename, media_type)
    return replace(details, content_type=media_type, filename=name, sha256=sha256(data).hexdigest()), data
