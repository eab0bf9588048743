"""What goes into a deposit and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from imaging import Data, Picture
from imaging import Limits as PictureLimits
from services.details import Details
from services.names import kept_name


@dataclass(frozen=True)
class Limits:
    """What this server allows: lifetimes in seconds, how large a picture may be, bytes that a process holds at once."""

    lifetime: int
    max_lifetime: int
    picture: PictureLimits
    bytes_in_flight: int


@dataclass(frozen=True)
class Wishes:
    """What an uploader may ask for; None leaves it to the server."""

    lifetime: int | None = None
    views: int | None = None
    password: str | None = field(default=None, repr=False)
    filename: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    model_id: str | None = None
    keep_metadata: bool = False


@dataclass(frozen=True)
class Receipt:
    """What an uploader is told: the only time that an image key leaves the server."""

    image_key: str = field(repr=False)
    link: str = field(repr=False)
    size: int
    created_at: int
    expires_at: int
    views_left: int | None
    details: Details
    dropped: tuple[Literal["gain_map"], ...] = ()
    """What a viewer could have used and is not kept: `gain_map`."""


def details_of(data: Data, picture: Picture, wishes: Wishes) -> Details:
    """Put together everything about an image but its bytes."""
    return Details(
        content_type=picture.media_type,
        filename=kept_name(wishes.filename, picture.media_type),
        width=picture.width,
        height=picture.height,
        frames=picture.frames,
        sha256=sha256(data).hexdigest(),
        description=wishes.description,
        metadata=wishes.metadata,
        model_id=wishes.model_id,
    )
