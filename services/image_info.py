"""What the holders of a link and of an image key may know of an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from services.details import Details


@dataclass(frozen=True)
class ImageInfo:
    """What the holder of a link may know of its image; times are whole seconds since 1970."""

    size: int
    created_at: int
    expires_at: int
    views_left: int | None
    """None if views are not limited, or if the request uses no view."""
    details: Details | None
    """None if the image has a password and it was not given."""


@dataclass(frozen=True)
class Receipt(ImageInfo):
    """What an uploader is told: all that the holder of the link may know, and the image's secrets."""

    image_key: str = field(repr=False)
    link: str = field(repr=False)
    dropped: tuple[Literal["gain_map"], ...] = ()
    """What was removed from the image although viewers can use it: ``gain_map``."""
    opened_at: tuple[int, ...] | None = None
    """When it was opened, in seconds since 1970 and ascending order; None if views are not limited."""

    @property
    def used_up(self) -> bool:
        """Whether the last view was used, so that only the times when it was opened are left."""
        return self.views_left == 0


@dataclass(frozen=True)
class Standing:
    """The state of an image, for the holder of its image key."""

    seconds_left: float
    """How long this receipt still exists: the time until the image's expiry."""
    views_left: int | None
    """0 after the last view; None if views are not limited."""
    opened_at: tuple[int, ...] | None
    """As ``Receipt.opened_at``."""
