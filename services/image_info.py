"""What is told about a stored image: to the holder of its link, and to the holder of its image key."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.details import Details


@dataclass(frozen=True)
class ImageInfo:
    """What the holder of a link may know of its image; times are whole seconds since 1970."""

    size: int
    created_at: int
    expires_at: int
    views_left: int | None
    """None where the number of views is not limited, or where the request counts none."""
    details: Details | None
    """None where a password that was not given hides them."""


@dataclass(frozen=True)
class Receipt(ImageInfo):
    """What an uploader is told: the secrets of the image beside what its link shows."""

    image_key: str = field(repr=False)
    link: str = field(repr=False)
