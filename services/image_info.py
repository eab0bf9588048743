"""What is told about a stored image: to the holder of its link, and to the holder of its image key."""

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
    """None where the number of views is not limited, or where the request counts none."""
    details: Details | None
    """None where a password that was not given hides them."""


@dataclass(frozen=True)
class Receipt(ImageInfo):
    """What an uploader is told: the secrets of the image beside what its link shows."""

    image_key: str = field(repr=False)
    link: str = field(repr=False)
    dropped: tuple[Literal["gain_map"], ...] = ()
    """What a viewer could have used and was not kept: `gain_map`."""
    opened_at: tuple[int, ...] | None = None
    """When it was opened, the first time first; None where views are not limited."""

    @property
    def used_up(self) -> bool:
        """Whether its last view was used, so that nothing is left but when it was opened."""
        return self.views_left == 0


@dataclass(frozen=True)
class Standing:
    """What became of an image so far, for the holder of its image key."""

    seconds_left: float
    """How long this is told."""
    views_left: int | None
    """0 where nobody can open it any more; None where views are not limited."""
    opened_at: tuple[int, ...] | None
    """As in ``Receipt``."""
