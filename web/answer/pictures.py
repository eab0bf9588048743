"""The formats of pictures, by the ending that a path or the option ``format`` names them with."""

from __future__ import annotations

from services import Form

FORMS: dict[str, Form] = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "webp": "webp",
    "gif": "gif",
    "avif": "avif",
}
MEDIA_TYPES = tuple(f"image/{form}" for form in dict.fromkeys(FORMS.values()))
