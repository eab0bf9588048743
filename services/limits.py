from __future__ import annotations

from dataclasses import dataclass

from imaging import Limits as PictureLimits


@dataclass(frozen=True)
class DropLimits:
    """What this server allows: lifetimes in seconds, the size of pictures, and the bytes that a process holds at
    once."""

    lifetime: int
    max_lifetime: int
    picture: PictureLimits
    bytes_in_flight: int
