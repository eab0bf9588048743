from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from imaging import Data, Picture
from services.names import kept_name
from services.wishes import Wishes


@dataclass(frozen=True)
class Details:
    """The details of an image, which are sealed in the database; width and height in pixels, ``sha256`` in
    hexadecimal."""

    content_type: str
    filename: str
    width: int
    height: int
    frames: int
    sha256: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    model_id: str | None = None

    def encode(self) -> bytes:
        """Write the details as JSON, without those that are None."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Details:
        """Read what ``encode`` wrote."""
        return cls(**json.loads(encoded))


def details_of(data: Data, picture: Picture, wishes: Wishes, sent_as: str | None) -> Details:
    """Make the details of an image; ``sent_as`` is its file name if the wishes have none."""
    return Details(
        content_type=picture.media_type,
        filename=kept_name(wishes.filename or sent_as, picture.media_type),
        width=picture.width,
        height=picture.height,
        frames=picture.frames,
        sha256=sha256(data).hexdigest(),
        description=wishes.description,
        metadata=wishes.metadata,
        model_id=wishes.model_id,
    )
